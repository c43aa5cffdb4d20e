/**
 * Windows of any length in, whole 5-minute buckets out, per detector.
 *
 *   windows  |1|1|1|1|1|1|1| |1|…          a bucket closes when all its time is covered,
 *   buckets  |    5    |    5    |          or when a later window comes
 *
 * - A bucket of which less than 60 % was covered has no value (NaN); one with gaps is scaled up, and one whose windows
 *   reach over its edge or over each other is scaled down: a bucket shows the rate of the time that was counted.
 * - What comes twice or after its bucket has closed is dropped and counted; a detector's time never runs back.
 * - Buckets without any window are reported as gaps, so that a reader's lags stay true.
 */
import type { Reading } from '../ports.ts'
import { slotMs } from './calendar.ts'

const coverageMin = 0.6
/** Longest gap told bucket by bucket; after a longer silence the lags are all empty anyway. */
const gapBucketsMax = 12

export interface Bucket {
  readonly endMs: number
  readonly vehicles: number
  readonly speedKmh: number
  readonly occupancyPercent: number
}

export interface BucketFiller {
  /** Buckets that closed through this reading, oldest first. */
  add(reading: Reading): readonly Bucket[]
  readonly dropped: number
}

export interface BucketSnapshot {
  readonly newestMs: number
  readonly endMs: number
  readonly coveredMs: number
  readonly vehicles: number
  readonly speedSum: number
  readonly speedWeight: number
  readonly occupancySum: number
  readonly occupancyMs: number
}

const emptyBucket: BucketSnapshot = {
  newestMs: 0,
  endMs: 0,
  coveredMs: 0,
  vehicles: 0,
  speedSum: 0,
  speedWeight: 0,
  occupancySum: 0,
  occupancyMs: 0,
}

export class Buckets implements BucketFiller {
  #open: { -readonly [K in keyof BucketSnapshot]: BucketSnapshot[K] }
  dropped = 0

  constructor(snapshot?: BucketSnapshot) {
    this.#open = { ...(snapshot ?? emptyBucket) }
  }

  /** End of the newest window; 0 before the first. */
  get newestMs(): number {
    return this.#open.newestMs
  }

  add(reading: Reading): readonly Bucket[] {
    const closed: Bucket[] = []
    const parts = Math.max(1, Math.round(reading.windowMs / slotMs))
    if (reading.atMs <= this.#open.newestMs) {
      this.dropped += 1
      return closed
    }
    // A window longer than a bucket is spread evenly over the buckets it covers.
    for (let part = parts - 1; part >= 0; part--) {
      const atMs = reading.atMs - part * slotMs
      if (atMs > this.#open.newestMs) this.#addPart(reading, atMs, parts, closed)
    }
    this.#open.newestMs = reading.atMs
    return closed
  }

  snapshot(): BucketSnapshot {
    return { ...this.#open }
  }

  #addPart(reading: Reading, atMs: number, parts: number, closed: Bucket[]): void {
    const endMs = Math.ceil(atMs / slotMs) * slotMs
    if (this.#open.endMs === 0) this.#begin(endMs)
    if (endMs < this.#open.endMs) return
    if (endMs > this.#open.endMs) this.#closeUntil(endMs, closed)
    const open = this.#open
    const lengthMs = reading.windowMs / parts
    if (reading.quality === 'recent' && Number.isFinite(reading.vehicles)) {
      const vehicles = reading.vehicles / parts
      open.coveredMs += lengthMs
      open.vehicles += vehicles
      if (reading.speedKmh !== null && Number.isFinite(reading.speedKmh)) {
        const weight = Math.max(vehicles, 1e-3)
        open.speedSum += reading.speedKmh * weight
        open.speedWeight += weight
      }
      if (reading.occupancyPercent !== null && Number.isFinite(reading.occupancyPercent)) {
        open.occupancySum += reading.occupancyPercent * lengthMs
        open.occupancyMs += lengthMs
      }
    }
    // The window that reaches the bucket's end closes it: nothing newer can belong to it.
    if (atMs >= open.endMs) {
      closed.push(this.#close())
      this.#begin(open.endMs + slotMs)
    }
  }

  #closeUntil(endMs: number, closed: Bucket[]): void {
    const missing = (endMs - this.#open.endMs) / slotMs
    if (missing > gapBucketsMax) this.#begin(endMs - gapBucketsMax * slotMs)
    while (this.#open.endMs < endMs) {
      closed.push(this.#close())
      this.#begin(this.#open.endMs + slotMs)
    }
  }

  #close(): Bucket {
    const open = this.#open
    const isWhole = open.coveredMs >= coverageMin * slotMs
    return {
      endMs: open.endMs,
      vehicles: isWhole ? (open.vehicles * slotMs) / open.coveredMs : Number.NaN,
      speedKmh: isWhole && open.speedWeight > 0 ? open.speedSum / open.speedWeight : Number.NaN,
      occupancyPercent:
        isWhole && open.occupancyMs > 0 ? open.occupancySum / open.occupancyMs : Number.NaN,
    }
  }

  #begin(endMs: number): void {
    this.#open = { ...emptyBucket, newestMs: this.#open.newestMs, endMs }
  }
}
