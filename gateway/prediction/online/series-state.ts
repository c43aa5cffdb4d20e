/**
 * All that is remembered of one series (a detector's one quantity) between two 5-minute values.
 *
 * - One value in, a bounded amount of work, nothing allocated; the same whatever the age of the series.
 * - A missing value is NaN: it moves time on, leaves a gap in the lags and teaches the profile nothing.
 * - Knows no forecasts: profile-forecast.ts and features.ts read from here.
 */
import { lagCount, slotsPerDay } from './calendar.ts'
import { packBytes, packFloats, unpackBytes, unpackFloats, unpackNumbers } from './packed.ts'
import { Room, roomBytes } from './room.ts'
import { type ProfileValue, profileBytes, SeasonalProfile } from './seasonal-profile.ts'

/** Added to the mean to make the scale, so that an empty road does not blow up its noise. */
const scaleOffset = 1
const levelMemory = 7 * slotsPerDay
const deviationMemory = 2 * slotsPerDay
const recentMemory = 6
/** Residual averages: half an hour, two hours, eight hours. */
const residualMemories = [6, 24, 96] as const

/** Layout of `numbers`, so that a snapshot is one array. */
const at = { seen: 0, level: 1, deviation: 2, recent: 3, residuals: 4, size: 7 } as const

/** Three rings one after the other, oldest first: what came, how far from the usual it was, whether it came. */
const ringAt = { values: 0, residuals: lagCount, known: 2 * lagCount } as const
const ringsLength = 3 * lagCount
export const stateBytes = roomBytes({ doubles: [at.size], floats: [ringsLength] }) + profileBytes

/** What the profile says of the bucket that is being taken in; nobody keeps it. */
const usual: ProfileValue = { smooth: 0, raw: 0, days: 0, daysOfType: 0 }

export interface SeriesSnapshot {
  readonly numbers: readonly number[]
  /** Packed: values, residuals, known flags; then the profile's curves and their days. */
  readonly rings: string
  readonly profileValues: string
  readonly profileCounts: string
}

export class SeriesState {
  readonly profile: SeasonalProfile
  readonly #rings: Float32Array
  readonly #numbers: Float64Array

  constructor(snapshot?: SeriesSnapshot, room = new Room(stateBytes)) {
    this.#numbers = room.doubles(at.size)
    this.#rings = room.floats(ringsLength)
    this.profile = new SeasonalProfile(room)
    if (!snapshot) return
    unpackNumbers(snapshot.numbers, this.#numbers)
    unpackFloats(snapshot.rings, this.#rings)
    unpackFloats(snapshot.profileValues, this.profile.values)
    unpackBytes(snapshot.profileCounts, this.profile.counts)
  }

  /** By lag: 0 is the oldest, `lagCount - 1` the newest. An expected value where none came. */
  valueAt(lag: number): number {
    return this.#rings[ringAt.values + lag]!
  }
  residualAt(lag: number): number {
    return this.#rings[ringAt.residuals + lag]!
  }
  /** 1 where a value came, 0 where none did. */
  knownAt(lag: number): 0 | 1 {
    return this.#rings[ringAt.known + lag] === 1 ? 1 : 0
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
    let known = 0
    for (let lag = 0; lag < lagCount; lag++) known += this.knownAt(lag)
    return known
  }

  /** Mean residual of the last half hour (0), two hours (1), eight hours (2). */
  residualMean(index: 0 | 1 | 2): number {
    return this.#numbers[at.residuals + index]!
  }

  update(value: number, slot: number, dayType: 0 | 1): void {
    const n = this.#numbers
    const isKnown = Number.isFinite(value)
    this.profile.read(slot, dayType, this.recent, usual)
    const expected = isKnown && this.seen === 0 ? value : usual.smooth
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
    this.#push(ringAt.values, isKnown ? value : expected)
    this.#push(ringAt.residuals, residual)
    this.#push(ringAt.known, isKnown ? 1 : 0)
  }

  #push(ring: number, value: number): void {
    this.#rings.copyWithin(ring, ring + 1, ring + lagCount)
    this.#rings[ring + lagCount - 1] = value
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
