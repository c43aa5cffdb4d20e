/**
 * When an open batch goes to the disk.
 *
 * - When the disk has been idle for a while others are not to be expected soon: at the end of this turn.
 * - Else gatherMs after its first record, so that one fsync serves more of those who come one after the other.
 * - One timer at a time; one that finds its batch gone already serves the next, at worst a little early.
 */
export class Gathering {
  readonly #gatherMs: number
  readonly #due: () => void
  #answeredAtMs = Number.NEGATIVE_INFINITY
  #isWaiting = false

  constructor(gatherMs: number, due: () => void) {
    this.#gatherMs = gatherMs
    this.#due = due
  }

  /** The disk has answered. */
  answered(nowMs: number): void {
    this.#answeredAtMs = nowMs
  }

  /** Calls `due` when the batch that was opened then has waited long enough. */
  wait(openedAtMs: number): void {
    if (this.#isWaiting) return
    this.#isWaiting = true
    const wasIdle = openedAtMs - this.#answeredAtMs >= this.#gatherMs
    const leftMs = openedAtMs + this.#gatherMs - performance.now()
    if (wasIdle || leftMs <= 0) setImmediate(this.#over)
    else setTimeout(this.#over, leftMs)
  }

  readonly #over = () => {
    this.#isWaiting = false
    this.#due()
  }
}
