/** The figures of an evaluation: per run, per strategy, and as a table for people. Pure. */
import type { Machine } from '../machine.ts'
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

/** A run that did not come to its end. */
export interface FailedRun {
  readonly strategy: string
  readonly seed: number
  readonly code: string
  readonly message: string
}

export interface Evaluation {
  readonly scenario: string
  readonly machine: Machine
  readonly runs: readonly RunResult[]
  readonly failures: readonly FailedRun[]
  /** Means of the runs that were in step with the gateway all the time. */
  readonly strategies: readonly StrategyFigures[]
}

/** Everything ended, no monitor saw anything, and no street was alone. */
export function isSound({ runs, failures }: Evaluation): boolean {
  return failures.length === 0 && runs.every((run) => run.monitorViolations === 0 && isInStep(run))
}

const isInStep = ({ outages }: RunResult) => outages.length === 0

export function summarize(all: readonly RunResult[]): StrategyFigures[] {
  // What a street did under its local plans while the gateway was silent is no figure of a strategy.
  const runs = all.filter(isInStep)
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
  ['alone s', (run) => String(run.outages.reduce((sum, { simulatedS }) => sum + simulatedS, 0))],
  ['wall s', (run) => run.wallS.toFixed(0)],
]

interface ShadowRow {
  readonly run: RunResult
  readonly shadow: string
  readonly where: string
  readonly agreement: number | null
}

const shadowColumns: readonly Column<ShadowRow>[] = [
  ['strategy', ({ run }) => run.strategy],
  ['seed', ({ run }) => String(run.seed)],
  ['in shadow', ({ shadow }) => shadow],
  ['junction', ({ where }) => where],
  ['agrees %', ({ agreement }) => (agreement === null ? '–' : (agreement * 100).toFixed(1))],
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
  const { scenario, runs, failures, strategies } = evaluation
  const shadows = runs.flatMap(shadowRowsOf)
  const alone = runs.filter((run) => !isInStep(run))
  return [
    scenario,
    '',
    ...rowsOf(runColumns, runs),
    '',
    ...rowsOf(meanColumns, strategies),
    ...(shadows.length > 0 ? ['', ...rowsOf(shadowColumns, shadows)] : []),
    ...(alone.length > 0 || failures.length > 0 ? [''] : []),
    ...alone.map(
      ({ strategy, seed, outages }) =>
        `${strategy}, seed ${seed}: the street was alone ${outages.length} times, first at ${outages[0]?.at}; not in the means`,
    ),
    ...failures.map(({ strategy, seed, code, message }) =>
      `${strategy}, seed ${seed}: failed, ${code} ${message}`.trim(),
    ),
  ].join('\n')
}

function shadowRowsOf(run: RunResult): ShadowRow[] {
  return run.shadows.flatMap(({ strategy: shadow, agreement, junctions }) => [
    { run, shadow, where: 'all', agreement },
    ...Object.entries(junctions).map(([where, share]) => ({
      run,
      shadow,
      where,
      agreement: share,
    })),
  ])
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
