/**
 * `npm run evaluate -- forecast`: the published protocols on given data, our network beside ridge, profile and last value.
 *
 * - Data by path; a folder may hold PeMS, Los-loop, NAB's labelled series or CSV files of one's own (docs/forecasting.md).
 * - Proves on the way that nothing was fitted on a test row: the model card's checksum is that of the rows before the
 *   split, and forecasts stay the same when everything behind them is replaced by noise.
 * - Exit code 1 where such a proof fails.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ProgramSchema } from '../../../schemas/command-line.ts'
import type { ProgramContext } from '../../../schemas/program.ts'
import { type ModelFiles, readModel } from '../../prediction/serving/model-card.ts'
import { type ModelSession, openSession } from '../../prediction/serving/session.ts'
import { isCausal } from './causality.ts'
import { coverageOf, forecastAll } from './contenders.ts'
import { type Dataset, readDatasets } from './dataset.ts'
import { firstDayOf } from './first-day.ts'
import { figuresOf } from './metrics.ts'
import { evaluateNab, hasNabWindows } from './nab.ts'
import { picturesOf } from './pictures.ts'
import { type Check, type DatasetReport, type ForecastReport, tableOf } from './report.ts'

export interface ForecastOptions {
  readonly data: readonly string[]
  readonly models: string
  readonly plots?: string
  readonly json: boolean
}

export const forecastProgram: ProgramSchema = {
  name: 'npm run evaluate -- forecast',
  summary: 'Accuracy of the forecasts on detector data, with the published protocols.',
  properties: {
    data: {
      type: 'array',
      items: { type: 'string' },
      minItems: 1,
      description: 'Folder with data; may be given more than once',
    },
    models: {
      type: 'string',
      default: join(import.meta.dirname, '../../prediction/models'),
      description: 'Folder that holds the models flow and speed',
    },
    plots: { type: 'string', description: 'Folder for plots (SVG); none are drawn without it' },
    json: { type: 'boolean', default: false, description: 'Print the report as JSON' },
  },
  required: ['data'],
  notes: ['Exit code 1: a proof that nothing was fitted on test rows failed.'],
}

export async function evaluateForecast(
  options: Readonly<ForecastOptions>,
  context: Pick<ProgramContext, 'print'>,
): Promise<number> {
  const datasets: DatasetReport[] = []
  const plots: string[] = []
  let anomalies: ForecastReport['anomalies']
  for (const folder of options.data) {
    const isNab = hasNabWindows(folder)
    if (isNab) anomalies = evaluateNab(folder)
    for (const data of isNab ? [] : readDatasets(folder)) {
      const name = data.quantity === 'speedKmh' ? 'speed' : 'flow'
      const files = await readModel(join(options.models, name))
      const { session } = await openSession(files.card, files.bytes)
      const { report, pictures } = await evaluateOne(data, files, session)
      await session.close()
      datasets.push(report)
      if (options.plots === undefined) continue
      mkdirSync(options.plots, { recursive: true })
      for (const picture of pictures) {
        writeFileSync(join(options.plots, picture.name), picture.svg)
        plots.push(join(options.plots, picture.name))
      }
    }
  }
  const report: ForecastReport = {
    kind: 'forecast',
    datasets,
    ...(anomalies ? { anomalies } : {}),
    plots,
  }
  context.print(options.json ? JSON.stringify(report) : tableOf(report))
  return datasets.every(({ checks }) => checks.every(({ holds }) => holds)) ? 0 : 1
}

async function evaluateOne(data: Dataset, files: ModelFiles, session: ModelSession) {
  const forecasts = await forecastAll(data, session)
  const coverage = coverageOf(data, forecasts)
  const firstDay = await firstDayOf(data, session, forecasts.neighbours)
  const report: DatasetReport = {
    name: data.name,
    unit: data.unit,
    protocol: data.protocol,
    series: data.series.length,
    rows: data.rows,
    testFrom: data.testFrom,
    trainSha256: data.trainSha256,
    model: { id: files.card.id, sha256: files.card.sha256 },
    checks: [learnedCheck(data, files), causalityCheck(data, forecasts.neighbours)],
    figures: figuresOf(data, forecasts),
    coverage,
    ...(firstDay ? { firstDay } : {}),
  }
  return { report, pictures: picturesOf(data, forecasts, coverage) }
}

/** A model that names this data set must have learned from exactly the rows before the split. */
function learnedCheck(data: Dataset, { card }: ModelFiles): Check {
  const learned = card.learnedFrom?.find((one) => one.name === data.name)
  if (!learned)
    return { what: `model ${card.id} has learned from no row of ${data.name}`, holds: true }
  return {
    what: `model ${card.id} has learned from the ${data.testFrom} rows before the split and no others (SHA-256 ${data.trainSha256.slice(0, 16)}…)`,
    holds: learned.rows === data.testFrom && learned.sha256 === data.trainSha256,
  }
}

function causalityCheck(data: Dataset, neighbours: Parameters<typeof isCausal>[1]): Check {
  return {
    what: 'what a forecast sees does not change when all rows behind it are replaced by noise',
    holds: isCausal(data, neighbours),
  }
}
