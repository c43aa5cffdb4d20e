/**
 * Runs a data set through the house's own online states, row by row, as it would have come in.
 *
 * At row t a state has seen the values up to t and nothing later; that is the only way anything here sees a value
 * before it is judged on it.
 */
import { areaOf } from '../../prediction/online/area.ts'
import { dayTypeOf, steadyAhead } from '../../prediction/online/calendar.ts'
import { featureCount, neighbourCount, writeFeatures } from '../../prediction/online/features.ts'
import { SeriesState } from '../../prediction/online/series-state.ts'
import type { Dataset } from './dataset.ts'

export interface Row {
  readonly row: number
  readonly states: readonly SeriesState[]
  /** A series' features stand at column × featureCount. Overwritten by the next row. */
  readonly features: Float32Array
}

/** Neighbours by column, strongest first. */
export type NeighbourTable = readonly (readonly number[])[]

export function* replay(
  data: Dataset,
  rows: number,
  neighbours: NeighbourTable | undefined,
): Generator<Row> {
  const width = data.series.length
  const states = data.series.map(() => new SeriesState())
  const features = new Float32Array(width * featureCount)
  const nearby = neighbours?.map((list) => list.map((column) => states[column]!))
  for (let row = 0; row < rows; row++) {
    const slot = data.slots[row]!
    const dayOfWeek = data.days[row]!
    states.forEach((state, column) => {
      state.update(data.values[row * width + column]!, slot, dayTypeOf(dayOfWeek))
    })
    const area = nearby ? areaOf(states) : undefined
    states.forEach((state, column) => {
      const around = nearby?.[column] ?? []
      writeFeatures(features, column * featureCount, state, {
        ahead: steadyAhead(slot, dayOfWeek),
        neighbours: around,
        area,
      })
    })
    yield { row, states, features }
  }
}

/** Score below which nobody is a neighbour. */
const scoreMin = 0.05

/**
 * Who, among series measured together, tells earliest what a series will do, from the training rows alone:
 * correlation of the other's residual with what a series' own does not explain of its residual 15 and 30 minutes on.
 */
export function findNeighbours(data: Dataset, skipRows = 288): NeighbourTable | undefined {
  const width = data.series.length
  if (width < 2) return undefined
  const residuals: Float64Array[] = data.series.map(
    () => new Float64Array(data.testFrom - skipRows),
  )
  for (const { row, features } of replay(data, data.testFrom, undefined)) {
    if (row < skipRows) continue
    for (let column = 0; column < width; column++)
      residuals[column]![row - skipRows] = features[column * featureCount + 11]!
  }
  for (const series of residuals) {
    const mean = series.reduce((sum, value) => sum + value, 0) / series.length
    series.forEach((value, at) => {
      series[at] = value - mean
    })
  }
  const scores = data.series.map(() => new Float64Array(width))
  for (const step of [3, 6]) {
    const now = residuals.map((series) => series.subarray(0, series.length - step))
    const squares = now.map((series) => dot(series, series))
    residuals.forEach((series, i) => {
      const then = series.subarray(step)
      const own = dot(now[i]!, then) / Math.max(squares[i]!, 1e-9)
      const rest = then.map((value, at) => value - own * now[i]![at]!)
      const restSquare = dot(rest, rest)
      for (let j = 0; j < width; j++)
        if (j !== i)
          scores[i]![j]! += dot(now[j]!, rest) / Math.sqrt(restSquare * squares[j]! + 1e-9)
    })
  }
  return scores.map((line) =>
    [...line.keys()]
      .sort((a, b) => line[b]! - line[a]!)
      .slice(0, neighbourCount)
      .filter((column) => line[column]! > scoreMin),
  )
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let at = 0; at < a.length; at++) sum += a[at]! * b[at]!
  return sum
}
