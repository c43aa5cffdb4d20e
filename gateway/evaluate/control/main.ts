/**
 * `npm run evaluate -- control`: the whole system (broker, gateway, SUMO) on a scenario, once per strategy and seed.
 * A table for people, one JSON document with --json, an SVG with --plot FILE.
 *
 * Exit code 0: all runs ended and the lamp monitors saw nothing; 1: a run failed or a monitor did; 2: a bad option.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { ProgramSchema } from '../../../schemas/command-line.ts'
import { CommandLineInvalid } from '../../../schemas/errors.ts'
import { runProgram } from '../../../schemas/program.ts'
import { strategyNames } from '../../control/strategies/registry.ts'
import { drawPlot } from './plot.ts'
import { type Evaluation, summarize, tableOf } from './report.ts'
import { prepare, type RunResult, runOnce } from './run-once.ts'

interface Options {
  readonly scenario: string
  readonly strategy: string
  readonly seeds: string
  readonly shadow: string
  readonly json: boolean
  readonly plot?: string
  readonly sumo: string
  readonly sumoHome: string
  readonly durationS: number
}

const program: ProgramSchema = {
  name: 'npm run evaluate -- control',
  summary: 'Delay on a SUMO scenario with the whole system at work.',
  required: ['scenario'],
  properties: {
    scenario: { type: 'string', minLength: 1, description: 'the scenario (.sumocfg)' },
    strategy: {
      type: 'string',
      default: 'predictive',
      description: `one or more of ${strategyNames.join(', ')}, separated by commas`,
    },
    seeds: {
      type: 'string',
      pattern: '^[0-9]+(,[0-9]+)*$',
      default: '1',
      description: 'seeds, separated by commas',
    },
    shadow: {
      type: 'string',
      default: '',
      description: 'strategies that decide beside it without being sent',
    },
    json: { type: 'boolean', default: false, description: 'one JSON document instead of a table' },
    plot: { type: 'string', description: 'write the delays as SVG into this file' },
    sumo: { type: 'string', default: 'sumo', description: "SUMO's program" },
    sumoHome: {
      type: 'string',
      default: '/usr/share/sumo',
      description: "SUMO's own files (SUMO_HOME)",
    },
    durationS: {
      type: 'number',
      minimum: 0,
      default: 0,
      description: "end after this many simulated seconds; 0: at the scenario's end",
    },
  },
  notes: [
    '',
    'Delay: (timeLoss + departDelay of every trip, finished or not, + end - planned departure of every vehicle',
    'never inserted) / all vehicles of the demand, in seconds.',
  ],
}

export async function main(argv: readonly string[]): Promise<void> {
  await runProgram<Options>(
    program,
    (options, { signal, print }) => evaluate(options, signal, print),
    argv,
  )
}

async function evaluate(
  options: Options,
  signal: AbortSignal,
  print: (line: string) => void,
): Promise<number> {
  const strategies = listOf(options.strategy)
  for (const name of [...strategies, ...listOf(options.shadow)]) {
    if (strategyNames.includes(name)) continue
    throw CommandLineInvalid(
      '--strategy',
      `there is no ${name}; known: ${strategyNames.join(', ')}`,
    )
  }
  const scenario = resolve(options.scenario)
  if (!existsSync(scenario)) throw CommandLineInvalid('--scenario', `there is no file ${scenario}`)
  const folder = mkdtempSync(join(tmpdir(), 'intergreen-evaluate-'))
  try {
    const house = await prepare({ ...options, scenario, folder, signal })
    const runs: RunResult[] = []
    for (const strategy of strategies) {
      for (const seed of listOf(options.seeds).map(Number)) {
        if (signal.aborted) return 1
        const run = await runOnce(house, { strategy, seed, shadow: listOf(options.shadow) })
        runs.push(run)
        if (!options.json) {
          print(
            `${strategy}, seed ${seed}: ${run.delayS.toFixed(1)} s delay, ${run.wallS.toFixed(0)} s of wall time`,
          )
        }
      }
    }
    const evaluation: Evaluation = { scenario, runs, strategies: summarize(runs) }
    print(options.json ? JSON.stringify(evaluation, null, 2) : tableOf(evaluation))
    if (options.plot) writeFileSync(options.plot, drawPlot(evaluation))
    return runs.some((run) => run.monitorViolations > 0) ? 1 : 0
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const listOf = (text: string) => text.split(',').filter((each) => each !== '')
