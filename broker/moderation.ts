/**
 * Lets arrivals gather: after a turn with few messages, shortly after another, the thread sleeps for about a millisecond, so that
 * the next turn meets many at once. What a network card does with its interrupts, for the same reason: waking for one message
 * costs more than the message.
 *
 * - Never on an idle gateway: a message after a pause is not delayed.
 * - Never on a busy one: a turn that met many messages goes on at once.
 * - The longest delay is `sleepMs`, for whatever else this thread does too.
 */
export interface Moderation {
  /** A chunk with messages was read in this turn. */
  heard(): void
}

/** Short against the 50 ms a reading may take to become a command, long against a turn with one message. */
const sleepMs = 1.5
/** A turn with so many messages is worth its wake-up. */
const enough = 24
/** Only when the turn before was as near as this is the next one to be expected soon. */
const nearMs = 3

const nobodyWakes = new Int32Array(new SharedArrayBuffer(4))

export function createModeration(
  sleep: (ms: number) => void = (ms) => void Atomics.wait(nobodyWakes, 0, 0, ms),
  clock: { now(): number } = performance,
): Moderation {
  let chunks = 0
  let isDue = false
  let lastTurnAtMs = Number.NEGATIVE_INFINITY

  function turn(): void {
    isDue = false
    const isFew = chunks < enough
    chunks = 0
    const nowMs = clock.now()
    const isNear = nowMs - lastTurnAtMs < nearMs
    lastTurnAtMs = nowMs
    if (!isFew || !isNear) return
    sleep(sleepMs)
    lastTurnAtMs = clock.now()
  }

  return {
    heard() {
      chunks += 1
      if (isDue) return
      isDue = true
      setImmediate(turn)
    },
  }
}
