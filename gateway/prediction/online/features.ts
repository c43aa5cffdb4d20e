/**
 * What a network is shown of a series: 105 numbers in the order of `featureLayout`.
 *
 * - The same numbers as training/features.py makes; one vector of it holds both (features.test.ts).
 * - In units of the series' own scale, so that one network serves every detector.
 * - Never NaN: a gap is an expected value with its `known` flag down.
 */
import type { Area } from './area.ts'
import { type Ahead, dayTypeOf, lagCount, slotsPerDay, stepCount } from './calendar.ts'
import type { ProfileValue } from './seasonal-profile.ts'
import type { SeriesState } from './series-state.ts'

export const neighbourCount = 6

export const featureLayout = [
  ['residual', lagCount],
  ['value', lagCount],
  ['known', lagCount],
  ['profile', stepCount],
  ['rawProfile', stepCount],
  ['days', 4],
  ['residualMean', 3],
  ['noise', 1],
  ['deviation', 1],
  ['level', 1],
  ['timeOfDay', 4],
  ['dayOfWeek', 3],
  ['neighbourNow', neighbourCount],
  ['neighbourBefore', neighbourCount],
  ['neighbourTrend', neighbourCount],
  ['neighbourKnown', neighbourCount],
  ['neighbourMean', 2],
  ['area', 2],
] as const
export const featureCount = featureLayout.reduce((sum, [, width]) => sum + width, 0)

/** A count of days as a share of trust: half after two days. */
const daysPrior = 2

export interface FeatureContext {
  /** The series' newest bucket in the day and the week, and what is ahead of it. */
  readonly ahead: Ahead
  /** Strongest first; holes allowed. */
  readonly neighbours: readonly (SeriesState | undefined)[]
  readonly area: Area | undefined
}

const newest = lagCount - 1
const at: ProfileValue = { smooth: 0, raw: 0, days: 0, daysOfType: 0 }

/** Writes a series' features at `offset`. */
export function writeFeatures(
  into: Float32Array,
  offset: number,
  state: SeriesState,
  context: FeatureContext,
): void {
  const scale = state.scale
  let cursor = offset
  const put = (value: number) => {
    into[cursor++] = value
  }
  for (let lag = 0; lag < lagCount; lag++) put(state.residualAt(lag) / scale)
  for (let lag = 0; lag < lagCount; lag++) put(state.valueAt(lag) / scale)
  for (let lag = 0; lag < lagCount; lag++) put(state.knownAt(lag))
  cursor = writeProfile(into, cursor, state, context)
  for (const index of [0, 1, 2] as const) put(state.residualMean(index) / scale)
  put(Math.sqrt(state.level) / scale)
  put(state.deviation / scale)
  put(Math.log1p(state.level) / 5)
  const slot = context.ahead.slotAt(0)
  const dayOfWeek = context.ahead.dayAt(0)
  const angle = (2 * Math.PI * slot) / slotsPerDay
  put(Math.sin(angle))
  put(Math.cos(angle))
  put(Math.sin(2 * angle))
  put(Math.cos(2 * angle))
  const week = (2 * Math.PI * (dayOfWeek + slot / slotsPerDay)) / 7
  put(Math.sin(week))
  put(Math.cos(week))
  put(dayTypeOf(dayOfWeek))
  writeNeighbours(into, cursor, context)
}

function writeProfile(
  into: Float32Array,
  start: number,
  state: SeriesState,
  context: FeatureContext,
): number {
  const scale = state.scale
  const daysAt = start + 2 * stepCount
  for (let step = 1; step <= stepCount; step++) {
    const dayType = dayTypeOf(context.ahead.dayAt(step))
    state.profile.read(context.ahead.slotAt(step), dayType, state.recent, at)
    into[start + step - 1] = at.smooth / scale
    into[start + stepCount + step - 1] = (at.raw - at.smooth) / scale
    if (step === 1 || step === stepCount) {
      const place = step === 1 ? 0 : 1
      into[daysAt + place] = at.days / (at.days + daysPrior)
      into[daysAt + 2 + place] = at.daysOfType / (at.daysOfType + daysPrior)
    }
  }
  return daysAt + 4
}

function writeNeighbours(into: Float32Array, start: number, context: FeatureContext): void {
  let count = 0
  let sumNow = 0
  let sumBefore = 0
  for (let index = 0; index < neighbourCount; index++) {
    const other = context.neighbours[index]
    const now = other ? other.residualAt(newest) / other.scale : 0
    const before = other ? other.residualAt(newest - 2) / other.scale : 0
    const trend = other ? (other.valueAt(newest) - other.valueAt(newest - 3)) / other.scale : 0
    into[start + index] = now
    into[start + neighbourCount + index] = before
    into[start + 2 * neighbourCount + index] = trend
    into[start + 3 * neighbourCount + index] = other ? 1 : 0
    count += other ? 1 : 0
    sumNow += now
    sumBefore += before
  }
  const rest = start + 4 * neighbourCount
  into[rest] = sumNow / Math.max(1, count)
  into[rest + 1] = sumBefore / Math.max(1, count)
  into[rest + 2] = context.area?.now ?? 0
  into[rest + 3] = context.area?.trend ?? 0
}
