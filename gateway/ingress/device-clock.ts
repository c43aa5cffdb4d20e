/**
 * How far the clock of a node is off, from nothing but its timestamps.
 *
 *   received − ts = delay of the way − clock offset
 *
 * - The delay is never negative, and among many messages one is always quick: the least difference in a while is
 *   the offset but for the quickest way. Late and buffered messages do not disturb it.
 * - Two windows, the running one and the one before, so that it follows a clock that is set back.
 * - Constant memory.
 */
const windowMs = 300_000

export class DeviceClock {
  #windowEndsAtMs = Number.NEGATIVE_INFINITY
  #leastMs = Number.POSITIVE_INFINITY
  #leastBeforeMs = Number.POSITIVE_INFINITY

  observe(deviceAtMs: number, receivedAtMs: number): void {
    if (receivedAtMs >= this.#windowEndsAtMs) {
      const isNext = receivedAtMs < this.#windowEndsAtMs + windowMs
      this.#leastBeforeMs = isNext ? this.#leastMs : Number.POSITIVE_INFINITY
      this.#leastMs = Number.POSITIVE_INFINITY
      this.#windowEndsAtMs = receivedAtMs + windowMs
    }
    const differenceMs = receivedAtMs - deviceAtMs
    if (differenceMs < this.#leastMs) this.#leastMs = differenceMs
  }

  /** Device clock less ours: positive when it is ahead. Undefined before the first message. */
  offsetMs(): number | undefined {
    const leastMs = Math.min(this.#leastMs, this.#leastBeforeMs)
    return Number.isFinite(leastMs) ? -leastMs : undefined
  }
}
