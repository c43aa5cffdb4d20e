/**
 * When an open batch goes to the disk: one fsync costs the same however many records are in it, so it waits for others.
 *
 * - When the disk has been idle for a while others are not to be expected soon: at the end of this turn.
 * - Else so long after its first record: not long where a live reader wants one of its records (`gatherMs`), longer where
 *   they are only kept (`gatherQuietMs`).
 * - A burst goes as soon as it is over. Many senders who each wait for their PUBACK send all at once, and then nobody does
 *   until they are answered; waiting on would make them slow and nothing cheaper. Over means that nothing came for some
 *   turns of the event loop, which costs a few µs each and is looked at only after records that came close together.
 */
import type { LedgerLimits } from './limits.ts'

/** Of a batch, as it is now. */
export interface Gathered {
  readonly openedAtMs: number
  readonly count: number
  /** A live reader wants one of its records. */
  readonly isHurried: boolean
}

/** A burst is so many records … */
const burstRecords = 32
/** … of which one came after the other this soon: 40,000 a second, more than a core can take for long. */
const burstGapMs = 0.025
/** Turns without a record after which it is over. A sender on this machine needs one or two for its next. */
const silentTurns = 8
/** A watch that lasts longer is none of a burst: the timer is there. */
const watchedTurnsMax = 1_000

export class Gathering {
  readonly #gatherMs: number
  readonly #gatherQuietMs: number
  readonly #due: () => void
  #answeredAtMs = Number.NEGATIVE_INFINITY
  #batch: Gathered | undefined
  #isHurried = false
  #timer: NodeJS.Timeout | undefined
  #isWatching = false
  #watchedCount = 0
  #silentTurns = 0
  #watchedTurns = 0

  constructor(
    { gatherMs, gatherQuietMs }: Pick<LedgerLimits, 'gatherMs' | 'gatherQuietMs'>,
    due: () => void,
  ) {
    this.#gatherMs = gatherMs
    this.#gatherQuietMs = Math.max(gatherMs, gatherQuietMs)
    this.#due = due
  }

  /** The disk has answered. */
  answered(nowMs: number): void {
    this.#answeredAtMs = nowMs
  }

  /** Calls `due` when the batch has waited long enough; told again with each record that comes into it. */
  wait(batch: Gathered): void {
    if (batch !== this.#batch) this.#begin(batch)
    else if (batch.isHurried && !this.#isHurried) this.#arm(batch)
    if (batch.count % burstRecords === 0 && !this.#isWatching) this.#watchIfBurst(batch)
  }

  /** The batch has gone. */
  gone(): void {
    this.#batch = undefined
    clearTimeout(this.#timer)
  }

  #begin(batch: Gathered): void {
    this.#batch = batch
    this.#arm(batch)
  }

  #arm(batch: Gathered): void {
    const { openedAtMs, isHurried } = batch
    this.#isHurried = isHurried
    clearTimeout(this.#timer)
    const wasIdle = openedAtMs - this.#answeredAtMs >= this.#gatherMs
    const patienceMs = isHurried ? this.#gatherMs : this.#gatherQuietMs
    const leftMs = openedAtMs + patienceMs - performance.now()
    if (wasIdle || leftMs <= 0) setImmediate(this.#over, batch)
    else this.#timer = setTimeout(this.#over, leftMs, batch)
  }

  readonly #over = (batch: Gathered) => {
    if (batch === this.#batch) this.#due()
  }

  #watchIfBurst(batch: Gathered): void {
    if (performance.now() - batch.openedAtMs > batch.count * burstGapMs) return
    this.#isWatching = true
    this.#watchedCount = batch.count
    this.#silentTurns = 0
    this.#watchedTurns = 0
    setImmediate(this.#watch, batch)
  }

  readonly #watch = (batch: Gathered) => {
    this.#silentTurns = batch.count === this.#watchedCount ? this.#silentTurns + 1 : 0
    this.#watchedCount = batch.count
    this.#watchedTurns += 1
    const isOver = this.#silentTurns >= silentTurns
    this.#isWatching = batch === this.#batch && !isOver && this.#watchedTurns < watchedTurnsMax
    if (this.#isWatching) setImmediate(this.#watch, batch)
    else if (isOver) this.#over(batch)
  }
}
