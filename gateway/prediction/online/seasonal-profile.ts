/**
 * What a detector usually shows at this time of day, learned as it goes.
 *
 * - Three curves of 288 slots: all days, weekdays, weekends. The day's own kind weighs more the more often it was seen.
 * - `smooth` leans on the three slots either side, which is what helps while a detector is young; `raw` is the slot alone.
 * - Bounded: 4.3 kB a series, one slot touched per value, no history kept.
 * - training/features.py computes the same; test/gateway/prediction/features.test.ts holds both to one vector.
 */
import { slotsPerDay } from './calendar.ts'
import { type Room, roomBytes } from './room.ts'

const kernel = [1, 2, 3, 4, 3, 2, 1] as const
const kernelReach = 3
/** Days after which more days of the same slot add no further weight to it. */
const kernelDaysMax = 8
/** Half the trust goes to the day's own kind after this many days of it. */
const dayTypePrior = 1.5
/** Slowest learning: a curve forgets over about twenty days. */
const learnRateMin = 0.05
const daysCountedMax = 255

export interface ProfileValue {
  smooth: number
  raw: number
  /** Days seen in this slot: of any kind, and of this kind. */
  days: number
  daysOfType: number
}

const curvesLength = 3 * slotsPerDay
export const profileBytes = roomBytes({ floats: [curvesLength], bytes: [curvesLength] })

export class SeasonalProfile {
  readonly values: Float32Array
  readonly counts: Uint8Array

  constructor(room: Room) {
    this.values = room.floats(curvesLength)
    this.counts = room.bytes(curvesLength)
  }

  /** Fills `into` for a slot; `fallback` stands in where neither the slot nor its neighbours were ever seen. */
  read(slot: number, dayType: 0 | 1, fallback: number, into: ProfileValue): void {
    const typeBase = (1 + dayType) * slotsPerDay
    let weights = 0
    let sum = 0
    for (let reach = -kernelReach; reach <= kernelReach; reach++) {
      const at = (slot + reach + slotsPerDay) % slotsPerDay
      const days = this.counts[at]!
      if (days === 0) continue
      const weight = kernel[reach + kernelReach]! * Math.min(days, kernelDaysMax)
      weights += weight
      sum += weight * this.#blend(at, typeBase)
    }
    into.smooth = weights > 0 ? sum / weights : fallback
    into.days = this.counts[slot]!
    into.daysOfType = this.counts[typeBase + slot]!
    into.raw = into.days > 0 ? this.#blend(slot, typeBase) : into.smooth
  }

  learn(slot: number, dayType: 0 | 1, value: number): void {
    for (const base of [0, (1 + dayType) * slotsPerDay]) {
      const at = base + slot
      const days = this.counts[at]!
      const rate = Math.max(1 / (days + 1), learnRateMin)
      this.values[at] = this.values[at]! + rate * (value - this.values[at]!)
      this.counts[at] = Math.min(days + 1, daysCountedMax)
    }
  }

  #blend(at: number, typeBase: number): number {
    const days = this.counts[typeBase + at]!
    const weight = days / (days + dayTypePrior)
    return weight * this.values[typeBase + at]! + (1 - weight) * this.values[at]!
  }
}
