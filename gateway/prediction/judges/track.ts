/**
 * One model's forecasts of one series on their way from made to judged, and the intervals that are set right by it.
 *
 * - What was forecast waits here until its 5 minutes have passed; then it is compared with what came.
 * - Online conformal calibration: the distance from p50 to p10 and to p90 is multiplied by a factor per horizon and
 *   side. Each miss widens it, each hit narrows it a little; in the long run one value in ten lies outside on either
 *   side, whatever the model claimed (adaptive conformal inference, Gibbs and Candès 2021).
 * - Bounded: 16 forecasts of 4 horizons; what is overtaken is forgotten.
 */
import { slotMs } from '../online/calendar.ts'
import { packFloats, unpackFloats, unpackNumbers } from '../online/packed.ts'
import { Room, roomBytes } from '../online/room.ts'
import { type HorizonForecast, horizonsMin } from '../ports.ts'

export const horizonSteps = horizonsMin.map((horizonMin) => (horizonMin * 60_000) / slotMs)
const horizonCount = horizonsMin.length

/** Room for the longest horizon, a power of two. */
const ringSize = 16
const missShare = 0.1
const learnRate = 0.06
const factorMin = 0.2
const factorMax = 8

/** Raw quantiles as the model gave them: p10, p50, p90 of each horizon, in the quantity's unit. */
export type RawQuantiles = Float32Array
export const rawSize = horizonCount * 3

const factorsLength = horizonCount * 2
export const trackBytes = roomBytes({
  doubles: [ringSize, ringSize],
  floats: [ringSize * rawSize, factorsLength],
})

export interface Judged extends HorizonForecast {
  readonly actual: number
}

export interface TrackSnapshot {
  readonly slots: readonly number[]
  /** Packed. */
  readonly raw: string
  readonly factors: readonly number[]
  readonly seenTo?: readonly number[]
}

export class Track {
  readonly #slots: Float64Array
  readonly #raw: Float32Array
  /** Below and above, per horizon. */
  readonly #factors: Float32Array
  /** Of each forecast in the ring: the first record of the ledger that had not been seen; -1 where there is no ledger. */
  readonly #seenTo: Float64Array

  constructor(snapshot?: TrackSnapshot, room = new Room(trackBytes)) {
    this.#slots = room.doubles(ringSize, -1)
    this.#seenTo = room.doubles(ringSize, -1)
    this.#raw = room.floats(ringSize * rawSize)
    this.#factors = room.floats(factorsLength, 1)
    unpackNumbers(snapshot?.slots, this.#slots)
    unpackNumbers(snapshot?.seenTo, this.#seenTo)
    unpackFloats(snapshot?.raw, this.#raw)
    unpackNumbers(snapshot?.factors, this.#factors)
  }

  put(endMs: number, raw: RawQuantiles, seenTo = -1): void {
    const slot = endMs / slotMs
    const index = slot % ringSize
    this.#slots[index] = slot
    this.#seenTo[index] = seenTo
    this.#raw.set(raw.subarray(0, rawSize), index * rawSize)
  }

  /** The forecast made at `endMs`, calibrated with what is known now; undefined where there is none (any more). */
  read(endMs: number, floor: number): readonly HorizonForecast[] | undefined {
    if (!this.#holds(endMs / slotMs)) return undefined
    return horizonsMin.map((_, horizon) => this.#calibrated(endMs / slotMs, horizon, floor))
  }

  /** The first record of the ledger that the forecast made at `endMs` had not seen; -1 where that is not known. */
  seenTo(endMs: number): number {
    const slot = endMs / slotMs
    return this.#holds(slot) ? this.#seenTo[slot % ringSize]! : -1
  }

  holds(endMs: number): boolean {
    return this.#holds(endMs / slotMs)
  }

  /** What the intervals are widened by, below and above, per horizon. */
  get factors(): readonly number[] {
    return [...this.#factors]
  }

  /** What had been forecast for this bucket, each beside what came; learns from it. */
  judge(endMs: number, actual: number, floor: number): readonly Judged[] {
    const judged: Judged[] = []
    for (let horizon = 0; horizon < horizonCount; horizon++) {
      const slot = endMs / slotMs - horizonSteps[horizon]!
      if (!this.#holds(slot)) continue
      const forecast = this.#calibrated(slot, horizon, floor)
      judged.push({ ...forecast, actual })
      this.#learn(horizon * 2, actual < forecast.p10)
      this.#learn(horizon * 2 + 1, actual > forecast.p90)
    }
    return judged
  }

  snapshot(): TrackSnapshot {
    return {
      slots: [...this.#slots],
      raw: packFloats(this.#raw),
      factors: [...this.#factors],
      seenTo: [...this.#seenTo],
    }
  }

  #holds(slot: number): boolean {
    return slot >= 0 && this.#slots[slot % ringSize] === slot
  }

  #calibrated(slot: number, horizon: number, floor: number): HorizonForecast {
    const at = (slot % ringSize) * rawSize + horizon * 3
    const p50 = Math.max(floor, this.#raw[at + 1]!)
    const below = (this.#raw[at + 1]! - this.#raw[at]!) * this.#factors[horizon * 2]!
    const above = (this.#raw[at + 2]! - this.#raw[at + 1]!) * this.#factors[horizon * 2 + 1]!
    return {
      horizonMin: horizonsMin[horizon]!,
      p10: Math.max(floor, p50 - Math.max(0, below)),
      p50,
      p90: p50 + Math.max(0, above),
    }
  }

  #learn(at: number, isMiss: boolean): void {
    const factor = this.#factors[at]! * Math.exp(learnRate * ((isMiss ? 1 : 0) - missShare))
    this.#factors[at] = Math.min(factorMax, Math.max(factorMin, factor))
  }
}
