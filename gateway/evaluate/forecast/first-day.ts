/**
 * A detector's first day: every series is born anew at several moments of the test rows, with an empty state, and network
 * and profile forecast it side by side from its first value on.
 *
 * - Nobody knows anything but what the series has shown since its birth; neighbours are as young as itself.
 * - The profile is the house's own forecast, with what it learns as it goes.
 */
import { rawSize } from '../../prediction/judges/track.ts'
import { areaOf } from '../../prediction/online/area.ts'
import {
  dayTypeOf,
  slotMs,
  slotsPerDay,
  steadyAhead,
  stepCount,
} from '../../prediction/online/calendar.ts'
import { featureCount, writeFeatures } from '../../prediction/online/features.ts'
import { ProfileForecast } from '../../prediction/online/profile-forecast.ts'
import { SeriesState } from '../../prediction/online/series-state.ts'
import { outputColumns, outputSize } from '../../prediction/serving/model-card.ts'
import type { ModelSession } from '../../prediction/serving/session.ts'
import type { Dataset } from './dataset.ts'
import type { NeighbourTable } from './replay.ts'

/** Ages that are told apart, by rows since birth. */
const ages = [
  { name: 'first hour', from: 0, to: 12 },
  { name: 'first 6 hours', from: 12, to: 72 },
  { name: 'first day', from: 72, to: slotsPerDay },
] as const
const births = 8
const steps = [1, 3, 6, 12] as const

export interface FirstDayFigure {
  readonly age: string
  readonly horizonMin: number
  readonly values: number
  /** Mean absolute error. */
  readonly network: number
  readonly profile: number
}

/** Undefined where the test rows are too few to hold a first day. */
export async function firstDayOf(
  data: Dataset,
  session: ModelSession,
  neighbours: NeighbourTable | undefined,
): Promise<readonly FirstDayFigure[] | undefined> {
  const room = data.rows - data.testFrom - slotsPerDay - stepCount
  if (room < 0) return undefined
  const sums = ages.flatMap(({ name }) =>
    steps.map((step) => ({ age: name, horizonMin: step * 5, values: 0, network: 0, profile: 0 })),
  )
  // Spread over the room there is, and over the hours of the day.
  const apart = room >= slotsPerDay ? slotsPerDay / births + slotsPerDay : room / births
  for (let birth = 0; birth < births; birth++) {
    const from = data.testFrom + Math.floor((birth * apart) % (room + 1))
    await live(data, session, neighbours, from, sums)
  }
  return sums.map(({ network, profile, ...rest }) => ({
    ...rest,
    network: network / rest.values,
    profile: profile / rest.values,
  }))
}

type Sum = { -readonly [K in keyof FirstDayFigure]: FirstDayFigure[K] }

async function live(
  data: Dataset,
  session: ModelSession,
  neighbours: NeighbourTable | undefined,
  from: number,
  sums: readonly Sum[],
): Promise<void> {
  const width = data.series.length
  const young = data.series.map(() => ({
    state: new SeriesState(),
    profile: new ProfileForecast(),
  }))
  const features = new Float32Array(width * featureCount)
  const raws = young.map(() => new Float32Array(rawSize))
  const near = young.map((_, column) => neighbours?.[column]?.map((other) => young[other]!.state))
  for (let age = 0; age < slotsPerDay; age++) {
    const row = from + age
    const slot = data.slots[row]!
    const dayOfWeek = data.days[row]!
    const ahead = steadyAhead(slot, dayOfWeek)
    const endMs = (row + 1) * slotMs
    young.forEach(({ state, profile }, column) => {
      const value = data.values[row * width + column]!
      state.update(value, slot, dayTypeOf(dayOfWeek))
      if (Number.isFinite(value)) profile.learn(endMs, value, state.scale)
      if (state.seen === 0) return
      raws[column]!.set(profile.forecast(endMs, ahead, state))
    })
    const area = neighbours ? areaOf(young.map(({ state }) => state)) : undefined
    young.forEach(({ state }, column) => {
      const around = near[column] ?? []
      const context = { ahead, neighbours: around, area }
      writeFeatures(features, column * featureCount, state, context)
    })
    const answer = await session.run(features.slice(), width)
    const band = ages.findIndex(({ to }) => age < to) * steps.length
    young.forEach(({ state }, column) => {
      if (state.lagsKnown === 0) return
      steps.forEach((step, horizon) => {
        const actual = data.values[(row + step) * width + column]!
        if (!Number.isFinite(actual)) return
        const sum = sums[band + horizon]!
        const median = answer[column * outputSize + (step - 1) * outputColumns.length + 1]!
        sum.values += 1
        sum.network += Math.abs(actual - Math.max(0, median * state.scale))
        sum.profile += Math.abs(actual - Math.max(0, raws[column]![horizon * 3 + 1]!))
      })
    })
  }
}
