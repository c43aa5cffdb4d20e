/**
 * The forecast that is always there: the seasonal profile plus what is left of the recent residual.
 *
 *   p50(h) = profile(now + h) + carry(h) × mean residual of the last half hour
 *
 * - `carry` is learned per series and horizon as a ratio of two running sums, between 0 and 1, from a prior that
 *   equals about a day of experience. No network, no thread, no file: what control falls back to.
 * - A detector in its first hour has no profile: then the mean of the last half hour stands for it.
 */
import { horizonSteps, type RawQuantiles, rawSize } from '../judges/track.ts'
import { type Ahead, dayTypeOf, slotMs, slotsPerDay } from './calendar.ts'
import { packFloats, unpackFloats, unpackNumbers } from './packed.ts'
import { Room, roomBytes } from './room.ts'
import type { ProfileValue } from './seasonal-profile.ts'
import type { SeriesState } from './series-state.ts'

const horizonCount = horizonSteps.length
/** Share of a residual that is left after 5, 15, 30, 60 minutes, before anything was learned. */
const carryPrior = [0.7, 0.65, 0.55, 0.4] as const
const priorWeight = 100
/** The sums forget over about a fortnight. */
const memory = 14 * slotsPerDay
/** A normal's 90 % point over its mean absolute deviation. */
const p90PerDeviation = 1.2816 * Math.sqrt(Math.PI / 2)
const deviationShareMin = 0.02
const ringSize = 16
const sumsLength = 2 * horizonCount
const pendingLength = ringSize * (1 + horizonCount)
export const profileForecastBytes = roomBytes({
  doubles: [sumsLength, ringSize],
  floats: [pendingLength],
})

/** Of the newest forecast only: whoever wants to keep it copies it. */
const raw: RawQuantiles = new Float32Array(rawSize)
const at: ProfileValue = { smooth: 0, raw: 0, days: 0, daysOfType: 0 }

export interface CarrySnapshot {
  readonly sums: readonly number[]
  readonly slots: readonly number[]
  /** Packed. */
  readonly pending: string
}

export class ProfileForecast {
  /** Per horizon: Σ x·y, Σ x². */
  readonly #sums: Float64Array
  readonly #slots: Float64Array
  /** Per ring place: the residual then, and the profile at each horizon as it was then. */
  readonly #pending: Float32Array

  constructor(snapshot?: CarrySnapshot, room = new Room(profileForecastBytes)) {
    this.#sums = room.doubles(sumsLength)
    this.#slots = room.doubles(ringSize, -1)
    this.#pending = room.floats(pendingLength)
    unpackNumbers(snapshot?.sums, this.#sums)
    unpackNumbers(snapshot?.slots, this.#slots)
    unpackFloats(snapshot?.pending, this.#pending)
  }

  /** Learns from the value of the bucket that ended at `endMs`. Call before `forecast` of the same bucket. */
  learn(endMs: number, value: number, scale: number): void {
    for (let horizon = 0; horizon < horizonCount; horizon++) {
      const slot = endMs / slotMs - horizonSteps[horizon]!
      if (slot < 0 || this.#slots[slot % ringSize] !== slot) continue
      const place = (slot % ringSize) * (1 + horizonCount)
      const x = this.#pending[place]! / scale
      const y = (value - this.#pending[place + 1 + horizon]!) / scale
      const forget = 1 - 1 / memory
      this.#sums[horizon * 2] = this.#sums[horizon * 2]! * forget + x * y
      this.#sums[horizon * 2 + 1] = this.#sums[horizon * 2 + 1]! * forget + x * x
    }
  }

  /** In one array for all: overwritten by the next forecast of any series. */
  forecast(endMs: number, ahead: Ahead, state: SeriesState): RawQuantiles {
    const residual = state.residualMean(0)
    const key = endMs / slotMs
    const place = (key % ringSize) * (1 + horizonCount)
    this.#slots[key % ringSize] = key
    this.#pending[place] = residual
    for (let horizon = 0; horizon < horizonCount; horizon++) {
      const step = horizonSteps[horizon]!
      const dayType = dayTypeOf(ahead.dayAt(step))
      state.profile.read(ahead.slotAt(step), dayType, state.recent, at)
      const expected = at.smooth
      this.#pending[place + 1 + horizon] = expected
      const p50 = expected + this.carry(horizon, state) * residual
      // Counting noise grows with the root of the flow; at the usual level it is the usual deviation.
      const relative = Math.sqrt((Math.max(0, p50) + 0.5) / (state.level + 0.5))
      const spread = Math.max(state.deviation, state.scale * deviationShareMin) * relative
      raw[horizon * 3] = p50 - p90PerDeviation * spread
      raw[horizon * 3 + 1] = p50
      raw[horizon * 3 + 2] = p50 + p90PerDeviation * spread
    }
    return raw
  }

  carry(horizon: number, state: SeriesState): number {
    const prior = priorWeight * (state.deviation / state.scale) ** 2 + 1e-9
    const share =
      (this.#sums[horizon * 2]! + carryPrior[horizon]! * prior) /
      (this.#sums[horizon * 2 + 1]! + prior)
    return Math.min(1, Math.max(0, share))
  }

  /** The profile at a horizon, as the newest forecast took it. */
  expected(horizon: number): number {
    const newest = this.#slots.reduce((max, slot) => Math.max(max, slot), 0)
    return this.#pending[(newest % ringSize) * (1 + horizonCount) + 1 + horizon]!
  }

  snapshot(): CarrySnapshot {
    return { sums: [...this.#sums], slots: [...this.#slots], pending: packFloats(this.#pending) }
  }
}
