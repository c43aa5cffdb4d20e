/** Which plots an evaluation gets, and from which rows: a day, the error by hour, calibration. */
import { type ContenderName, type Coverage, contenderNames, type Forecasts } from './contenders.ts'
import type { Dataset } from './dataset.ts'
import { errorByHour } from './metrics.ts'
import { colours, drawPlot, type Line } from './plots.ts'

const dayRows = 288
const hourTicks = Array.from({ length: 9 }, (_, at) => [at * 3, `${at * 3}:00`] as const)
/** The horizon a picture shows: a quarter of an hour, what control looks at. */
const step = 3

export interface Picture {
  readonly name: string
  readonly svg: string
}

export function picturesOf(
  data: Dataset,
  forecasts: Forecasts,
  reliability: readonly Coverage[],
): readonly Picture[] {
  return [
    { name: `${data.name}-day.svg`, svg: dayOf(data, forecasts) },
    { name: `${data.name}-hours.svg`, svg: hoursOf(data, forecasts) },
    { name: `${data.name}-calibration.svg`, svg: calibrationOf(data, reliability) },
  ]
}

/** The last whole day of the test rows, of the series that moves most. */
function dayOf(data: Dataset, forecasts: Forecasts): string {
  const width = data.series.length
  let first = data.rows - dayRows
  while (first > data.testFrom + 24 && data.slots[first] !== 0) first -= 1
  const column = liveliest(data, first)
  const rows = Array.from({ length: Math.min(dayRows, data.rows - first) }, (_, at) => first + at)
  const hour = (row: number) => data.slots[row]! / 12
  const known = rows.filter((row) => Number.isFinite(data.values[row * width + column]!))
  const interval = (row: number) => forecasts.interval(row - step, column, step)
  const lines: Line[] = [
    {
      name: 'network, p50',
      colour: colours.network,
      points: rows.map((row) => [hour(row), forecasts.median('network', row - step, column, step)]),
    },
    {
      name: 'measured',
      colour: colours.actual,
      points: known.map((row) => [hour(row), data.values[row * width + column]!]),
    },
  ]
  return drawPlot({
    title: `${data.name}, ${data.series[column]}: a day, forecast 15 minutes before`,
    xLabel: 'time of day',
    yLabel: data.unit,
    lines,
    band: {
      name: 'p10 to p90',
      low: rows.map((row) => [hour(row), Math.max(0, interval(row)[0])]),
      high: rows.map((row) => [hour(row), Math.max(0, interval(row)[1])]),
    },
    xTicks: hourTicks,
  })
}

function liveliest(data: Dataset, first: number): number {
  const width = data.series.length
  const spread = data.series.map((_, column) => {
    let sum = 0
    for (let row = first + 1; row < Math.min(first + dayRows, data.rows); row++) {
      const change = data.values[row * width + column]! - data.values[(row - 1) * width + column]!
      if (Number.isFinite(change)) sum += Math.abs(change)
    }
    return sum
  })
  return spread.indexOf(Math.max(...spread))
}

function hoursOf(data: Dataset, forecasts: Forecasts): string {
  return drawPlot({
    title: `${data.name}: mean absolute error by hour, 15 minutes ahead`,
    xLabel: 'hour of the day',
    yLabel: data.unit,
    lines: contenderNames.map((name: ContenderName) => ({
      name,
      colour: colours[name],
      points: errorByHour(data, forecasts, name, step).map((error, hour) => [hour, error] as const),
    })),
    xTicks: hourTicks,
  })
}

/** Share of values inside the interval, raw and calibrated, against what was promised. */
function calibrationOf(data: Dataset, reliability: readonly Coverage[]): string {
  const line = (name: string, colour: string, pick: (one: Coverage) => number): Line => ({
    name,
    colour,
    points: reliability.map((one) => [one.horizonMin, 100 * pick(one)] as const),
  })
  return drawPlot({
    title: `${data.name}: values inside the 80 % interval, by horizon`,
    xLabel: 'minutes ahead',
    yLabel: '%',
    lines: [
      line('promised', colours.actual, () => 0.8),
      line('as the network answers', colours.ridge, (one) => one.raw),
      line('calibrated online', colours.network, (one) => one.calibrated),
    ],
    xTicks: reliability.map(({ horizonMin }) => [horizonMin, `${horizonMin}`] as const),
    yMax: 100,
  })
}
