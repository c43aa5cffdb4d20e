/**
 * All that is remembered of one series (a detector's one quantity) between two 5-minute values.
 *
 * - One value in, a bounded amount of work, nothing allocated; the same whatever the age of the series.
 * - A missing value is NaN: it moves time on, leaves a gap in the lags and teaches the profile nothing.
 * - Knows no forecasts: profile-forecast.ts and features.ts read from here.
 */
import { lagCount, slotsPerDay } from './calendar.ts'
import { packBytes, packFloats, unpackBytes, unpackFloats } from './packed.ts'
import { type ProfileValue, SeasonalProfile } from './seasonal-profile.ts'

/** Added to the mean to make the scale, so that an empty road does not blow up its noise. */
const scaleOffset = 1
const levelMemory = 7 * slotsPerDay
const deviationMemory = 2 * slotsPerDay
const recentMemory = 6
/** Residual averages: half an hour, two hours, eight hours. */
const residualMemories = [6, 24, 96] as const

/** Layout of `numbers`, so that a snapshot is one array. */
const at = { seen: 0, level: 1, deviation: 2, recent: 3, residuals: 4, size: 7 } as const

export interface SeriesSnapshot {
  readonly numbers: readonly number[]
  /** Packed: values, residuals, known flags; then the profile's curves and their days. */
  readonly rings: string
  readonly profileValues: string
  readonly profileCounts: string
}

export class SeriesState {
  readonly profile: SeasonalProfile
  /** Oldest first. */
  readonly values: Float32Array
  readonly residuals: Float32Array
  readonly known: Float32Array
  readonly #rings: Float32Array
  readonly #numbers: Float64Array
  readonly #now: ProfileValue = { smooth: 0, raw: 0, days: 0, daysOfType: 0 }

  constructor(snapshot?: SeriesSnapshot) {
    this.#rings = unpackFloats(snapshot?.rings, 3 * lagCount)
    this.values = this.#rings.subarray(0, lagCount)
    this.residuals = this.#rings.subarray(lagCount, 2 * lagCount)
    this.known = this.#rings.subarray(2 * lagCount)
    this.#numbers = Float64Array.from({ length: at.size }, (_, i) => snapshot?.numbers[i] ?? 0)
    this.profile = snapshot
      ? new SeasonalProfile(
          unpackFloats(snapshot.profileValues, 3 * slotsPerDay),
          unpackBytes(snapshot.profileCounts, 3 * slotsPerDay),
        )
      : new SeasonalProfile()
  }

  /** Values ever seen. */
  get seen(): number {
    return this.#numbers[at.seen]!
  }
  /** Mean of |value| over about a week. */
  get level(): number {
    return this.#numbers[at.level]!
  }
  /** Mean distance from the profile. */
  get deviation(): number {
    return this.#numbers[at.deviation]!
  }
  /** Mean of the last half hour. */
  get recent(): number {
    return this.#numbers[at.recent]!
  }
  /** The unit in which a network sees this series. */
  get scale(): number {
    return this.level + scaleOffset
  }
  get lagsKnown(): number {
    return this.known.reduce((sum, known) => sum + known, 0)
  }

  /** Mean residual of the last half hour (0), two hours (1), eight hours (2). */
  residualMean(index: 0 | 1 | 2): number {
    return this.#numbers[at.residuals + index]!
  }

  update(value: number, slot: number, dayType: 0 | 1): void {
    const n = this.#numbers
    const isKnown = Number.isFinite(value)
    this.profile.read(slot, dayType, this.recent, this.#now)
    const expected = isKnown && this.seen === 0 ? value : this.#now.smooth
    const residual = isKnown ? value - expected : 0
    if (isKnown) {
      n[at.seen]! += 1
      n[at.level] = follow(this.level, Math.abs(value), this.seen, levelMemory)
      n[at.deviation] = follow(this.deviation, Math.abs(residual), this.seen, deviationMemory)
      n[at.recent] = follow(this.recent, value, this.seen, recentMemory)
      this.profile.learn(slot, dayType, value)
    }
    residualMemories.forEach((memory, index) => {
      const before = n[at.residuals + index]!
      n[at.residuals + index] = before + (residual - before) / memory
    })
    push(this.values, isKnown ? value : expected)
    push(this.residuals, residual)
    push(this.known, isKnown ? 1 : 0)
  }

  snapshot(): SeriesSnapshot {
    return {
      numbers: [...this.#numbers],
      rings: packFloats(this.#rings),
      profileValues: packFloats(this.profile.values),
      profileCounts: packBytes(this.profile.counts),
    }
  }
}

/** A mean that is plain while young and forgets over `memory` values later. */
function follow(mean: number, value: number, seen: number, memory: number): number {
  return mean + Math.max(1 / seen, 1 / memory) * (value - mean)
}

function push(ring: Float32Array, value: number): void {
  ring.copyWithin(0, 1)
  ring[lagCount - 1] = value
}
