/** The figures the published protocols ask for, computed as their authors did. */
import type { ContenderName, Forecasts } from './contenders.ts'
import { contenderNames } from './contenders.ts'
import type { Dataset } from './dataset.ts'

const lags = 12

export interface Figure {
  readonly contender: ContenderName
  readonly horizonMin: number
  readonly windows: number
  readonly mae: number
  readonly rmse: number
  /** Of windows with a value above zero only; in %. */
  readonly mape: number
  readonly r2: number
}

/** Steps whose errors count for a horizon: the last alone, or all up to it (T-GCN pools them). */
function stepsOf(data: Dataset, horizon: number): readonly number[] {
  if (data.protocol === 'single') return [horizon]
  return Array.from({ length: horizon }, (_, at) => at + 1)
}

/** Rows forecasts are judged from: windows of 12 lags inside the test rows, to the end the authors go to. */
export function windowsOf(
  data: Dataset,
  horizon: number,
): { readonly first: number; readonly count: number } {
  const testRows = data.rows - data.testFrom
  const count = testRows - lags - horizon + (data.protocol === 'single' ? 1 : 0)
  return { first: data.testFrom + lags - 1, count }
}

export function figuresOf(data: Dataset, forecasts: Forecasts): readonly Figure[] {
  const horizons = data.protocol === 'single' ? [1, 3, 6, 12] : [3, 6, 9, 12]
  return horizons.flatMap((horizon) =>
    contenderNames.map((contender) => figureOf(data, forecasts, contender, horizon)),
  )
}

function figureOf(
  data: Dataset,
  forecasts: Forecasts,
  contender: ContenderName,
  horizon: number,
): Figure {
  const width = data.series.length
  const { first, count } = windowsOf(data, horizon)
  let n = 0
  let absolute = 0
  let square = 0
  let share = 0
  let shares = 0
  let total = 0
  let totalSquare = 0
  for (let window = 0; window < count; window++) {
    const row = first + window
    for (const step of stepsOf(data, horizon)) {
      for (let column = 0; column < width; column++) {
        const actual = data.values[(row + step) * width + column]!
        if (!Number.isFinite(actual)) continue
        const error = Math.abs(actual - Math.max(0, forecasts.median(contender, row, column, step)))
        const meanError = actual - Math.max(0, forecasts.mean(contender, row, column, step))
        n += 1
        absolute += error
        square += meanError * meanError
        total += actual
        totalSquare += actual * actual
        if (actual > 0) {
          share += error / actual
          shares += 1
        }
      }
    }
  }
  const variance = totalSquare - (total * total) / n
  return {
    contender,
    horizonMin: horizon * 5,
    windows: count,
    mae: absolute / n,
    rmse: Math.sqrt(square / n),
    mape: (100 * share) / shares,
    r2: 1 - square / variance,
  }
}

/** Mean absolute error by hour of the day, one step ahead. */
export function errorByHour(
  data: Dataset,
  forecasts: Forecasts,
  contender: ContenderName,
  step: number,
): readonly number[] {
  const width = data.series.length
  const sums = new Float64Array(24)
  const counts = new Float64Array(24)
  const { first, count } = windowsOf(data, step)
  for (let row = first; row < first + count; row++) {
    const hour = Math.floor(data.slots[row + step]! / 12)
    for (let column = 0; column < width; column++) {
      const actual = data.values[(row + step) * width + column]!
      if (!Number.isFinite(actual)) continue
      sums[hour]! += Math.abs(actual - forecasts.median(contender, row, column, step))
      counts[hour]! += 1
    }
  }
  return [...sums].map((sum, hour) => (counts[hour]! > 0 ? sum / counts[hour]! : 0))
}
