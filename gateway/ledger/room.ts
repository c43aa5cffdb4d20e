/**
 * How much room the ledger has: its own limit, and the disk it shares with others. Says when it is full, and when it is
 * so crowded that records all readers have passed need not stay their time.
 */
import type { CodedError } from '../../schemas/coded-error.ts'
import type { Log } from '../kit/log.ts'
import type { Usage } from './commit.ts'
import { LedgerFull } from './errors.ts'
import type { LedgerLimits } from './limits.ts'
import type { LedgerMetrics } from './metrics.ts'

/** Space taken per batch beside its bytes: pages are whole. */
const pageSlackBytes = 8_192
/** Of the reserve, what must be free again before a full ledger takes anything: so it does not flicker. */
const resumeShare = 1 / 8
/** Of the whole, what must be free for records to stay their time. */
const crowdedShare = 1 / 5

export class Room {
  readonly #limits: LedgerLimits
  readonly #log: Log
  readonly #metrics: LedgerMetrics
  #usage: Usage
  /** What may still be appended. */
  freeBytes = 0
  isFull = false
  isCrowded = false

  constructor(usage: Usage, limits: LedgerLimits, log: Log, metrics: LedgerMetrics) {
    this.#limits = limits
    this.#log = log
    this.#metrics = metrics
    this.#usage = usage
    this.weigh(usage)
  }

  get usage(): Usage {
    return this.#usage
  }

  weigh(usage: Usage): void {
    const { bytesMax, reserveBytes } = this.#limits
    const own = bytesMax - reserveBytes - usage.usedBytes
    const disk = usage.diskFreeBytes - reserveBytes
    this.#usage = usage
    this.freeBytes = Math.max(0, Math.min(own, disk) - pageSlackBytes)
    this.isCrowded = own < bytesMax * crowdedShare || disk < reserveBytes
    this.#setFull(this.freeBytes <= (this.isFull ? reserveBytes * resumeShare : 0))
    this.#metrics.bytes.set(usage.usedBytes)
    this.#metrics.bytesFree.set(this.freeBytes)
  }

  fullError(slowestReader: string, text?: string): CodedError {
    const { usedBytes, diskFreeBytes } = this.#usage
    const values = [usedBytes, this.#limits.bytesMax, diskFreeBytes, slowestReader]
    return text === undefined ? LedgerFull(...values) : LedgerFull.from(new Error(text), ...values)
  }

  #setFull(isFull: boolean): void {
    if (isFull === this.isFull) return
    this.isFull = isFull
    if (isFull) this.#log.error({ code: LedgerFull.code }, 'the ledger is full')
    else this.#log.info({ freeBytes: this.freeBytes }, 'the ledger has room again')
  }
}
