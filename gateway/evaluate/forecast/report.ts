/** What an evaluation says: one plain value for --json, and the same as a table for people. */
import type { Coverage } from './contenders.ts'
import type { FirstDayFigure } from './first-day.ts'
import type { Figure } from './metrics.ts'
import type { NabReport } from './nab.ts'

export interface Check {
  readonly what: string
  readonly holds: boolean
}

export interface DatasetReport {
  readonly name: string
  readonly unit: string
  readonly protocol: string
  readonly series: number
  readonly rows: number
  readonly testFrom: number
  readonly trainSha256: string
  readonly model: { readonly id: string; readonly sha256: string }
  /** That nothing was fitted on a test row. */
  readonly checks: readonly Check[]
  readonly figures: readonly Figure[]
  readonly coverage: readonly Coverage[]
  /** The same series as if nobody had known them before. */
  readonly firstDay?: readonly FirstDayFigure[]
}

export interface ForecastReport {
  readonly kind: 'forecast'
  readonly datasets: readonly DatasetReport[]
  readonly anomalies?: NabReport
  readonly plots: readonly string[]
}

export function tableOf(report: ForecastReport): string {
  return [
    ...report.datasets.flatMap(datasetLines),
    ...(report.anomalies ? nabLines(report.anomalies) : []),
    ...report.plots.map((plot) => `plot ${plot}`),
  ].join('\n')
}

function datasetLines(one: DatasetReport): string[] {
  const header = ['', 'minutes', 'MAE', 'RMSE', 'MAPE %', 'R2', 'windows']
  const rows = one.figures.map((figure) => [
    figure.contender,
    `${figure.horizonMin}`,
    figure.mae.toFixed(3),
    figure.rmse.toFixed(3),
    figure.mape.toFixed(2),
    figure.r2.toFixed(4),
    `${figure.windows}`,
  ])
  const coverage = one.coverage.map((line) => [
    'interval',
    `${line.horizonMin}`,
    `${(100 * line.raw).toFixed(1)} % inside as answered`,
    `${(100 * line.calibrated).toFixed(1)} % calibrated`,
  ])
  const firstDay = (one.firstDay ?? []).map((line) => [
    line.age,
    `${line.horizonMin}`,
    `network ${line.network.toFixed(3)}`,
    `profile ${line.profile.toFixed(3)}`,
  ])
  return [
    `${one.name}: ${one.series} series, ${one.rows} rows, tested from row ${one.testFrom}, ${one.unit}, model ${one.model.id}`,
    ...columns([header, ...rows]),
    ...columns(coverage),
    ...columns(firstDay),
    ...one.checks.map(({ what, holds }) => `${holds ? 'holds' : 'BROKEN'}: ${what}`),
    '',
  ]
}

function nabLines(nab: NabReport): string[] {
  const line = (name: string, result: NabReport['fixed']) =>
    `${name}: ${result.score.toFixed(2)} of ${nab.windows} points, ${result.found} windows found, ${result.falseAlarms} false alarms, threshold ${result.threshold.toFixed(3)}`
  return [
    `NAB traffic: ${nab.windows} labelled windows in ${nab.series.length} series`,
    line('threshold of the house', nab.fixed),
    line('best threshold, as NAB reports', nab.swept),
    '',
  ]
}

export function columns(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, at) =>
    Math.max(...rows.map((row) => (row[at] ?? '').length)),
  )
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at]!))
      .join('  ')
      .trimEnd(),
  )
}
