/**
 * Everybody who forecasts a data set, on the same rows: the network, a ridge regression, the profile, the last value.
 *
 * - Only the ridge learns here, and from rows before the split alone: its sums are closed before the first test row.
 * - The network comes as it was shipped. Its intervals are calibrated online by the house's own judge, from the last
 *   fifth of the training rows on, each before it learns from the value.
 */
import { Track } from '../../prediction/judges/track.ts'
import { lagCount, stepCount } from '../../prediction/online/calendar.ts'
import { featureCount } from '../../prediction/online/features.ts'
import { outputColumns, outputSize } from '../../prediction/serving/model-card.ts'
import type { ModelSession } from '../../prediction/serving/session.ts'
import type { Dataset } from './dataset.ts'
import { findNeighbours, type NeighbourTable, replay } from './replay.ts'
import { Ridge } from './ridge.ts'

export const contenderNames = ['network', 'ridge', 'profile', 'last value'] as const
export type ContenderName = (typeof contenderNames)[number]

const warmUpRows = 24
const batchRows = 4_096
/** Where the linear contender reads: residuals and values at the lags, profile and raw profile at the horizons. */
const ridgeColumns = [...range(0, 24), ...range(36, 60)]

export interface Forecasts {
  /** First row forecasts were made at. */
  readonly from: number
  /** The value expected `step` rows after `row`, for errors in the mean absolute sense and in the square. */
  median(who: ContenderName, row: number, column: number, step: number): number
  mean(who: ContenderName, row: number, column: number, step: number): number
  /** The network's p10 and p90, as it answered. */
  interval(row: number, column: number, step: number): readonly [number, number]
  readonly neighbours: NeighbourTable | undefined
}

export async function forecastAll(data: Dataset, session: ModelSession): Promise<Forecasts> {
  const width = data.series.length
  const from = Math.floor(data.testFrom * 0.8)
  const rows = data.rows - from
  const network = new Float32Array(rows * width * outputSize)
  const ridgeOut = new Float32Array(rows * width * stepCount)
  const profile = new Float32Array(rows * width * stepCount)
  const last = new Float32Array(rows * width)
  const neighbours = findNeighbours(data)
  const ridge = new Ridge(ridgeColumns, stepCount)
  let weights: Float64Array | undefined
  let held = new Float32Array(Math.max(batchRows, width) * featureCount)
  let heldScales: number[] = []
  let written = 0

  async function flush(): Promise<void> {
    const count = heldScales.length
    if (count === 0) return
    const answer = await session.run(held.slice(0, count * featureCount), count)
    for (let at = 0; at < count; at++)
      for (let i = 0; i < outputSize; i++)
        network[(written + at) * outputSize + i] = answer[at * outputSize + i]! * heldScales[at]!
    written += count
    heldScales = []
    held = held.fill(0)
  }

  const targets = new Float64Array(stepCount)
  for (const { row, states, features } of replay(data, data.rows, neighbours)) {
    if (row >= warmUpRows && row < data.testFrom - stepCount) {
      for (let column = 0; column < width; column++) {
        const scale = states[column]!.scale
        for (let step = 1; step <= stepCount; step++)
          targets[step - 1] = data.values[(row + step) * width + column]! / scale
        ridge.add(features, column * featureCount, targets)
      }
    }
    if (row < from) continue
    if (row >= data.testFrom) weights ??= ridge.solve()
    for (let column = 0; column < width; column++) {
      const scale = states[column]!.scale
      const at = (row - from) * width + column
      last[at] = states[column]!.valueAt(lagCount - 1)
      for (let step = 0; step < stepCount; step++) {
        profile[at * stepCount + step] = features[column * featureCount + 36 + step]! * scale
        if (weights)
          ridgeOut[at * stepCount + step] =
            ridge.predict(weights, features, column * featureCount, step) * scale
      }
      held.set(
        features.subarray(column * featureCount, (column + 1) * featureCount),
        heldScales.length * featureCount,
      )
      heldScales.push(scale)
    }
    if (heldScales.length + width > batchRows) await flush()
  }
  await flush()

  const place = (row: number, column: number) => (row - from) * width + column
  const net = (row: number, column: number, step: number, which: number) =>
    network[place(row, column) * outputSize + (step - 1) * outputColumns.length + which]!
  const plain = (who: ContenderName, row: number, column: number, step: number) => {
    if (who === 'ridge') return ridgeOut[place(row, column) * stepCount + step - 1]!
    if (who === 'profile') return profile[place(row, column) * stepCount + step - 1]!
    return last[place(row, column)]!
  }
  return {
    from,
    neighbours,
    median: (who, row, column, step) =>
      who === 'network' ? net(row, column, step, 1) : plain(who, row, column, step),
    mean: (who, row, column, step) =>
      who === 'network' ? net(row, column, step, 3) : plain(who, row, column, step),
    interval: (row, column, step) => [net(row, column, step, 0), net(row, column, step, 2)],
  }
}

export interface Coverage {
  readonly horizonMin: number
  readonly judged: number
  /** As the network answered, and after online calibration. */
  readonly raw: number
  readonly calibrated: number
  /** Mean width of the calibrated interval. */
  readonly width: number
}

/** Walks the rows again as the house would have: forecast, wait, compare, learn. */
export function coverageOf(data: Dataset, forecasts: Forecasts): readonly Coverage[] {
  const width = data.series.length
  const sums = [1, 3, 6, 12].map((step) => ({ step, judged: 0, raw: 0, calibrated: 0, width: 0 }))
  const quantiles = new Float32Array(sums.length * 3)
  for (let column = 0; column < width; column++) {
    const track = new Track()
    for (let row = forecasts.from; row < data.rows; row++) {
      const actual = data.values[row * width + column]!
      // Rows stand for bucket ends here; the judge only compares them with one another.
      const endMs = (row + 1) * 300_000
      if (Number.isFinite(actual)) {
        for (const judged of track.judge(endMs, actual, 0)) {
          const sum = sums.find((one) => one.step * 5 === judged.horizonMin)!
          const madeAt = row - sum.step
          // The published windows: twelve lags inside the test rows.
          if (madeAt < data.testFrom + 11) continue
          const [p10, p90] = forecasts.interval(madeAt, column, sum.step)
          sum.judged += 1
          sum.raw += actual >= p10 && actual <= p90 ? 1 : 0
          sum.calibrated += actual >= judged.p10 && actual <= judged.p90 ? 1 : 0
          sum.width += judged.p90 - judged.p10
        }
      }
      sums.forEach(({ step }, at) => {
        const [p10, p90] = forecasts.interval(row, column, step)
        quantiles.set([p10, forecasts.median('network', row, column, step), p90], at * 3)
      })
      track.put(endMs, quantiles)
    }
  }
  return sums.map(({ step, judged, raw, calibrated, width: total }) => ({
    horizonMin: step * 5,
    judged,
    raw: raw / judged,
    calibrated: calibrated / judged,
    width: total / judged,
  }))
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from }, (_, at) => from + at)
}
