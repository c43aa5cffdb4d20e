/** The figures of an evaluation: per run, per strategy, and as a table for people. Pure. */
import type { RunResult } from './run-once.ts'

export interface StrategyFigures {
  readonly strategy: string
  readonly seeds: number
  readonly delayMeanS: number
  readonly delayMedianS: number
  readonly delayWorstS: number
  readonly waitingMeanS: number
  readonly stopsMean: number
  readonly finishedMean: number
  readonly worstRedS: number
  readonly monitorViolations: number
}

export interface Evaluation {
  readonly scenario: string
  readonly runs: readonly RunResult[]
  readonly strategies: readonly StrategyFigures[]
}

export function summarize(runs: readonly RunResult[]): StrategyFigures[] {
  return [...new Set(runs.map((run) => run.strategy))].map((strategy) => {
    const own = runs.filter((run) => run.strategy === strategy)
    const mean = (of: (run: RunResult) => number) =>
      own.reduce((sum, run) => sum + of(run), 0) / own.length
    const delays = own.map((run) => run.delayS).sort((a, b) => a - b)
    const middle = (delays.length - 1) / 2
    return {
      strategy,
      seeds: own.length,
      delayMeanS: mean((run) => run.delayS),
      delayMedianS: ((delays[Math.floor(middle)] ?? 0) + (delays[Math.ceil(middle)] ?? 0)) / 2,
      delayWorstS: delays.at(-1) ?? 0,
      waitingMeanS: mean((run) => run.waitingS),
      stopsMean: mean((run) => run.stops),
      finishedMean: mean((run) => run.finishedVehicles),
      worstRedS: Math.max(...own.map((run) => run.worstRedS)),
      monitorViolations: own.reduce((sum, run) => sum + run.monitorViolations, 0),
    }
  })
}

type Column<T> = readonly [title: string, of: (row: T) => string]

const runColumns: readonly Column<RunResult>[] = [
  ['strategy', (run) => run.strategy],
  ['seed', (run) => String(run.seed)],
  ['delay s', (run) => run.delayS.toFixed(2)],
  ['waiting s', (run) => run.waitingS.toFixed(2)],
  ['stops', (run) => run.stops.toFixed(2)],
  ['finished', (run) => `${run.finishedVehicles}/${run.demandVehicles}`],
  ['worst red s', (run) => run.worstRedS.toFixed(0)],
  ['violations', (run) => String(run.monitorViolations)],
  ['issued', (run) => String(run.commands.issued)],
  ['applied', (run) => String(run.commands.applied)],
  ['rejected', (run) => String(run.commands.rejected)],
  ['decision ms', (run) => run.decision.meanMs.toFixed(2)],
  ['wall s', (run) => run.wallS.toFixed(0)],
]

const meanColumns: readonly Column<StrategyFigures>[] = [
  ['strategy', (row) => row.strategy],
  ['seeds', (row) => String(row.seeds)],
  ['mean delay s', (row) => row.delayMeanS.toFixed(2)],
  ['median', (row) => row.delayMedianS.toFixed(2)],
  ['worst', (row) => row.delayWorstS.toFixed(2)],
  ['waiting s', (row) => row.waitingMeanS.toFixed(2)],
  ['stops', (row) => row.stopsMean.toFixed(2)],
  ['violations', (row) => String(row.monitorViolations)],
]

export function tableOf(evaluation: Evaluation): string {
  return [
    evaluation.scenario,
    '',
    ...rowsOf(runColumns, evaluation.runs),
    '',
    ...rowsOf(meanColumns, evaluation.strategies),
  ].join('\n')
}

function rowsOf<T>(columns: readonly Column<T>[], rows: readonly T[]): string[] {
  const cells = [
    columns.map(([title]) => title),
    ...rows.map((row) => columns.map(([, of]) => of(row))),
  ]
  const widths = columns.map((_, at) => Math.max(...cells.map((row) => row[at]?.length ?? 0)))
  return cells.map((row) =>
    row
      .map((cell, at) => (at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0)))
      .join('  '),
  )
}
