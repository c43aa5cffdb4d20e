/**
 * Every series the house has seen, brought up to date reading by reading.
 *
 * - A reading goes to its detector's bucket; a closed bucket moves the detector's three series one step on.
 * - Bounded: at most `detectorsMax` detectors, about 25 kB each, and `detectorsPerNodeMax` of one node. Where there is no
 *   room the one that has been silent longest is forgotten, but none that has told something within a day; until then the
 *   readings of further ones are left out and counted.
 * - Whole state in a plain value and back (`snapshots`, `restore`), for a restart without relearning.
 */
import { FaultFinder, type FaultSnapshot } from '../faults/fault-finder.ts'
import { Track, type TrackSnapshot, trackBytes } from '../judges/track.ts'
import type { Quantity, Reading } from '../ports.ts'
import { type Area, Areas } from './area.ts'
import { type Bucket, type BucketSnapshot, Buckets } from './buckets.ts'
import { type Calendar, dayTypeOf, lagCount, slotMs, slotsPerDay } from './calendar.ts'
import { type CarrySnapshot, ProfileForecast, profileForecastBytes } from './profile-forecast.ts'
import { Room } from './room.ts'
import { type SeriesSnapshot, SeriesState, stateBytes } from './series-state.ts'

const detectorsMaxDefault = 20_000
/** The detectors of four full messages: more than any junction has, and too few to take the house's places from the others. */
export const detectorsPerNodeMax = 256
/** Silence after which a detector may be forgotten for another: it was no cut of an afternoon. */
const silentMsMin = slotsPerDay * slotMs
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

export interface BookedSeries {
  readonly quantity: Quantity
  readonly newestMs: number
  readonly knownMs: number
  readonly state: SeriesSnapshot
  readonly profile: CarrySnapshot
  readonly tracks: Readonly<Record<string, TrackSnapshot>>
}

export interface DetectorSnapshot {
  readonly node: string
  readonly component: string
  readonly buckets: BucketSnapshot
  readonly closings?: readonly number[]
  readonly faults?: FaultSnapshot
  readonly series: readonly BookedSeries[]
}

/** A series has moved one step; `value` is NaN where the bucket had none. Called before the forecast is renewed. */
export type OnStep = (series: Series, endMs: number, value: number) => void

export interface BookOptions {
  /** A bucket has closed. Called before its series move on. */
  readonly onBucket?: (detector: Detector, bucket: Bucket) => void
  /** A detector made room for another, which told of `atMs`. */
  readonly onForget?: (detector: Detector, atMs: number) => void
  readonly detectorsMax?: number
}

export class Book {
  readonly #detectors = new Map<string, Detector>()
  readonly #byNode = new Map<string, Detector[]>()
  readonly #areas = new Map<Quantity, Areas>(quantities.map((quantity) => [quantity, new Areas()]))
  readonly #calendar: Calendar
  readonly #onStep: OnStep
  readonly #options: BookOptions
  readonly #detectorsMax: number
  /** Before, nobody has been silent for long enough: a detector's time never runs back. */
  #isFullUntilMs = 0
  /** Detectors that had to make room since the start. */
  forgotten = 0
  /** Readings that were left out since the start: of a detector too many, or not newer than its last. */
  readonly readings = { full: 0, notNewer: 0 }
  /** First record of the ledger that has not been seen; -1 before any. */
  seenTo = -1

  constructor(calendar: Calendar, onStep: OnStep, options: BookOptions = {}) {
    this.#calendar = calendar
    this.#onStep = onStep
    this.#options = options
    this.#detectorsMax = options.detectorsMax ?? detectorsMaxDefault
  }

  /** True when the reading closed a bucket, so that there is something new to forecast from. */
  observe(reading: Reading): boolean {
    const detector = this.#open(reading)
    if (!detector) {
      this.readings.full += 1
      return false
    }
    const { dropped } = detector.buckets
    const closed = detector.buckets.add(reading)
    this.readings.notNewer += detector.buckets.dropped - dropped
    const { offset = -1 } = reading
    if (offset >= this.seenTo) this.seenTo = offset + 1
    const { closings } = detector.series[0]!
    if (closings.length === 0) closings.push(offset)
    for (const bucket of closed) {
      closings.push(offset)
      if (closings.length > closingsMax) closings.shift()
      this.#options.onBucket?.(detector, bucket)
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

  /** The mean of all series of a quantity that have reached the bucket that ended at `endMs`, one of the newest two. */
  areaAt(quantity: Quantity, endMs: number): Area | undefined {
    return this.#areas.get(quantity)!.at(endMs)
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
    const restored = this.#put(node, component, {
      buckets: new Buckets(buckets),
      faults: new FaultFinder(faults),
      series: createSeries(node, component, [...closings], series),
    })
    for (const one of restored.series) this.#standsAt(one, one.newestMs)
  }

  #standsAt({ quantity, state }: Series, endMs: number): void {
    if (state.seen > 0) this.#areas.get(quantity)!.add(endMs, state)
  }

  #put(node: string, component: string, detector: Detector): Detector {
    const key = keyOf(node, component)
    this.#remove(node, key)
    this.#byNode.set(node, [...this.detectorsOf(node), detector])
    this.#detectors.set(key, detector)
    this.#isFullUntilMs = 0
    return detector
  }

  #remove(node: string, key: string): void {
    const before = this.#detectors.get(key)
    if (!before) return
    const others = this.detectorsOf(node).filter((one) => one !== before)
    if (others.length > 0) this.#byNode.set(node, others)
    else this.#byNode.delete(node)
    this.#detectors.delete(key)
  }

  #open({ node, component, atMs }: Reading): Detector | undefined {
    const detector = this.detector(node, component)
    if (detector) return detector
    if (!this.#makeRoom(node, atMs)) return undefined
    return this.#put(node, component, {
      buckets: new Buckets(),
      faults: new FaultFinder(),
      series: createSeries(node, component, [], []),
    })
  }

  /** For one more detector of a node; false where nobody may be forgotten for it. */
  #makeRoom(node: string, atMs: number): boolean {
    const own = this.detectorsOf(node)
    if (own.length >= detectorsPerNodeMax) return this.#forget(longestSilent(own), atMs)
    if (this.#detectors.size < this.#detectorsMax) return true
    if (atMs < this.#isFullUntilMs) return false
    const silent = longestSilent(this.#detectors.values())
    this.#isFullUntilMs = silent.buckets.newestMs + silentMsMin
    return this.#forget(silent, atMs)
  }

  #forget(detector: Detector, atMs: number): boolean {
    if (atMs < detector.buckets.newestMs + silentMsMin) return false
    const { node, component } = detector.series[0]!
    this.#remove(node, keyOf(node, component))
    this.forgotten += 1
    this.#options.onForget?.(detector, atMs)
    return true
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
    this.#standsAt(series, endMs)
    if (series.state.seen === 0) return
    series.tracks
      .get(profileModel)!
      .put(endMs, series.profile.forecast(endMs, ahead, series.state), this.seenTo)
  }
}

/** Of one at least. */
function longestSilent(detectors: Iterable<Detector>): Detector {
  let silent: Detector | undefined
  for (const one of detectors)
    if (!silent || one.buckets.newestMs < silent.buckets.newestMs) silent = one
  return silent!
}

/** The series of a detector, in one room; as they were where they are known from before. */
function createSeries(
  node: string,
  component: string,
  closings: number[],
  before: readonly BookedSeries[],
): readonly Series[] {
  const room = new Room(quantities.length * (stateBytes + profileForecastBytes + trackBytes))
  return quantities.map((quantity) => {
    const known = before.find((one) => one.quantity === quantity)
    const { [profileModel]: own, ...others } = known?.tracks ?? {}
    const tracks = new Map([[profileModel, new Track(own, room)]])
    for (const [id, track] of Object.entries(others)) tracks.set(id, new Track(track))
    return {
      node,
      component,
      quantity,
      state: new SeriesState(known?.state, room),
      profile: new ProfileForecast(known?.profile, room),
      tracks,
      closings,
      newestMs: known?.newestMs ?? 0,
      knownMs: known?.knownMs ?? 0,
      isForeign: false,
    }
  })
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
