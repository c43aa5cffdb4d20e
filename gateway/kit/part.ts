/**
 * A part of the gateway that is started and stopped in order (gateway/compose.ts holds the order).
 * `create…` of a part allocates and does nothing else; `start` begins work.
 */

export interface Part {
  readonly name: string
  start(signal: AbortSignal): Promise<void>
  /** Ends in order before `deadlineMs` (a length) has passed; called once, also after a start that failed half way. */
  stop(deadlineMs: number): Promise<void>
}

/** Starts one after the other; when one fails, those before it are stopped again and its error is thrown. */
export async function startInOrder(parts: readonly Part[], signal: AbortSignal): Promise<void> {
  const started: Part[] = []
  for (const part of parts) {
    try {
      signal.throwIfAborted()
      started.push(part)
      await part.start(signal)
    } catch (error) {
      await stopInReverse(started, stopAfterFailureMs, () => {})
      throw error
    }
  }
}

const stopAfterFailureMs = 5_000

/** Stops in reverse order; one that fails is told of and does not keep the others from stopping. */
export async function stopInReverse(
  parts: readonly Part[],
  deadlineMs: number,
  failed: (part: string, err: unknown) => void,
): Promise<void> {
  const endsAt = performance.now() + deadlineMs
  for (const part of parts.toReversed()) {
    const leftMs = Math.max(0, endsAt - performance.now())
    await part.stop(leftMs).catch((err: unknown) => failed(part.name, err))
  }
}
