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
