/**
 * Every series the house has seen, brought up to date reading by reading.
 *
 * - A reading goes to its detector's bucket; a closed bucket moves the detector's three series one step on.
 * - Bounded: at most `detectorsMax` detectors, about 30 kB each; readings of further ones are refused and counted.
 * - Whole state in a plain value and back (`snapshots`, `restore`), for a restart without relearning.
 */
import { FaultFinder, type FaultSnapshot } from '../faults/fault-finder.ts'
import { Track, type TrackSnapshot } from '../judges/track.ts'
import type { Quantity, Reading } from '../ports.ts'
import { type Bucket, type BucketSnapshot, Buckets } from './buckets.ts'
import { type Calendar, dayTypeOf, lagCount } from './calendar.ts'
import { type CarrySnapshot, ProfileForecast } from './profile-forecast.ts'
import { type SeriesSnapshot, SeriesState } from './series-state.ts'

export const detectorsMax = 20_000
export const quantities = ['vehiclesPer5Min', 'speedKmh', 'occupancyPercent'] as const
export const profileModel = 'profile'
/** The reading before the lags of the newest forecast, and of the one before it. */
const closingsMax = lagCount + 2

export interface Series {
  readonly node: string
  readonly component: string
  readonly quantity: Quantity
  readonly state: SeriesState
  readonly profile: ProfileForecast
  /** By model id; the profile's own is always there. */
  readonly tracks: Map<string, Track>
  /**
   * Where in the ledger its detector's first reading stands, then those that closed a bucket, newest last: enough for the
   * lags of the newest two forecasts. Shared by the detector's series.
   */
  readonly closings: number[]
  /** End of the newest bucket, and of the newest that had a value; 0 before the first. */
  newestMs: number
  knownMs: number
  /** Its newest inputs were unlike anything the champion has learned from. */
  isForeign: boolean
}

export interface Detector {
  readonly buckets: Buckets
  /** In the order of `quantities`. */
  readonly series: readonly Series[]
  readonly faults: FaultFinder
}

export interface DetectorSnapshot {
  readonly node: string
  readonly component: string
  readonly buckets: BucketSnapshot
  readonly closings?: readonly number[]
  readonly faults?: FaultSnapshot
  readonly series: readonly {
    readonly quantity: Quantity
    readonly newestMs: number
    readonly knownMs: number
    readonly state: SeriesSnapshot
    readonly profile: CarrySnapshot
    readonly tracks: Readonly<Record<string, TrackSnapshot>>
  }[]
}

/** A series has moved one step; `value` is NaN where the bucket had none. Called before the forecast is renewed. */
export type OnStep = (series: Series, endMs: number, value: number) => void

/** A bucket has closed. Called before its series move on. */
export type OnBucket = (detector: Detector, bucket: Bucket) => void

export class Book {
  readonly #detectors = new Map<string, Detector>()
  readonly #byNode = new Map<string, Detector[]>()
  readonly #calendar: Calendar
  readonly #onStep: OnStep
  readonly #onBucket: OnBucket | undefined
  refused = 0
  /** First record of the ledger that has not been seen; -1 before any. */
  seenTo = -1

  constructor(calendar: Calendar, onStep: OnStep, onBucket?: OnBucket) {
    this.#calendar = calendar
    this.#onStep = onStep
    this.#onBucket = onBucket
  }

  /** True when the reading closed a bucket, so that there is something new to forecast from. */
  observe(reading: Reading): boolean {
    const detector = this.#open(reading.node, reading.component)
    if (!detector) return false
    const closed = detector.buckets.add(reading)
    const { offset = -1 } = reading
    if (offset >= this.seenTo) this.seenTo = offset + 1
    const { closings } = detector.series[0]!
    if (closings.length === 0) closings.push(offset)
    for (const bucket of closed) {
      closings.push(offset)
      if (closings.length > closingsMax) closings.shift()
      this.#onBucket?.(detector, bucket)
      for (const series of detector.series) this.#step(series, bucket)
    }
    return closed.length > 0
  }

  detector(node: string, component: string): Detector | undefined {
    return this.#detectors.get(keyOf(node, component))
  }

  /** All detectors of a node. */
  detectorsOf(node: string): readonly Detector[] {
    return this.#byNode.get(node) ?? []
  }

  find(node: string, component: string, quantity: Quantity): Series | undefined {
    return this.detector(node, component)?.series[quantities.indexOf(quantity)]
  }

  *all(): Generator<Series> {
    for (const detector of this.#detectors.values()) yield* detector.series
  }

  get detectorCount(): number {
    return this.#detectors.size
  }

  /** Detector by detector, so that a large book can be written without holding up anything else. */
  *snapshots(): Generator<DetectorSnapshot> {
    for (const { buckets, series, faults } of this.#detectors.values()) {
      yield {
        node: series[0]!.node,
        component: series[0]!.component,
        buckets: buckets.snapshot(),
        closings: [...series[0]!.closings],
        faults: faults.snapshot(),
        // A quantity that never had a value is not worth its room.
        series: series
          .filter((one) => one.state.seen > 0)
          .map((one) => ({
            quantity: one.quantity,
            newestMs: one.newestMs,
            knownMs: one.knownMs,
            state: one.state.snapshot(),
            profile: one.profile.snapshot(),
            tracks: Object.fromEntries(
              [...one.tracks].map(([id, track]) => [id, track.snapshot()]),
            ),
          })),
      }
    }
  }

  restore({ node, component, buckets, series, closings = [], faults }: DetectorSnapshot): void {
    const kept = [...closings]
    this.#put(node, component, {
      buckets: new Buckets(buckets),
      faults: new FaultFinder(faults),
      series: quantities.map((quantity) => {
        const known = series.find((one) => one.quantity === quantity)
        const fresh = createSeries(node, component, quantity, kept)
        if (!known) return fresh
        return {
          ...fresh,
          newestMs: known.newestMs,
          knownMs: known.knownMs,
          state: new SeriesState(known.state),
          profile: new ProfileForecast(known.profile),
          tracks: new Map(
            Object.entries(known.tracks).map(([id, track]) => [id, new Track(track)]),
          ),
        }
      }),
    })
  }

  #put(node: string, component: string, detector: Detector): Detector {
    const key = keyOf(node, component)
    const before = this.#detectors.get(key)
    const others = this.detectorsOf(node).filter((one) => one !== before)
    this.#byNode.set(node, [...others, detector])
    this.#detectors.set(key, detector)
    return detector
  }

  #open(node: string, component: string): Detector | undefined {
    const detector = this.detector(node, component)
    if (detector) return detector
    if (this.#detectors.size >= detectorsMax) {
      this.refused += 1
      return undefined
    }
    const closings: number[] = []
    return this.#put(node, component, {
      buckets: new Buckets(),
      faults: new FaultFinder(),
      series: quantities.map((quantity) => createSeries(node, component, quantity, closings)),
    })
  }

  #step(series: Series, bucket: Bucket): void {
    const value = quantityOf(bucket, series.quantity)
    const { endMs } = bucket
    this.#onStep(series, endMs, value)
    const ahead = this.#calendar.ahead(endMs)
    series.state.update(value, ahead.slotAt(0), dayTypeOf(ahead.dayAt(0)))
    series.newestMs = endMs
    if (Number.isFinite(value)) {
      series.knownMs = endMs
      series.profile.learn(endMs, value, series.state.scale)
    }
    if (series.state.seen === 0) return
    series.tracks
      .get(profileModel)!
      .put(endMs, series.profile.forecast(endMs, ahead, series.state), this.seenTo)
  }
}

function createSeries(
  node: string,
  component: string,
  quantity: Quantity,
  closings: number[],
): Series {
  return {
    node,
    component,
    quantity,
    state: new SeriesState(),
    profile: new ProfileForecast(),
    tracks: new Map([[profileModel, new Track()]]),
    closings,
    newestMs: 0,
    knownMs: 0,
    isForeign: false,
  }
}

export function quantityOf(bucket: Bucket, quantity: Quantity): number {
  switch (quantity) {
    case 'vehiclesPer5Min':
      return bucket.vehicles
    case 'speedKmh':
      return bucket.speedKmh
    case 'occupancyPercent':
      return bucket.occupancyPercent
  }
}

function keyOf(node: string, component: string): string {
  return `${node} ${component}`
}
