/**
 * `npm run evaluate -- control`: the whole system (broker, gateway, SUMO) on a scenario, once per strategy and seed.
 * A table for people, one JSON document with --json, the same in a file with --report FILE, an SVG with --plot FILE.
 *
 * - A run that fails is told of and the others go on; what was stopped reports the runs that ended before.
 * - Exit code 0: all runs ended, in step with their gateway, and the lamp monitors saw nothing; 1: not so; 2: a bad option.
 */
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { isCodedError } from '../../../schemas/coded-error.ts'
import type { ProgramSchema } from '../../../schemas/command-line.ts'
import { CommandLineInvalid } from '../../../schemas/errors.ts'
import { runProgram } from '../../../schemas/program.ts'
import { strategyNames } from '../../control/strategies/registry.ts'
import { machine } from '../machine.ts'
import { drawPlot } from './plot.ts'
import { type Evaluation, type FailedRun, isSound, summarize, tableOf } from './report.ts'
import { type House, prepare, type RunChoice, type RunResult, runOnce } from './run-once.ts'

interface Options {
  readonly scenario: string
  readonly strategy: string
  readonly seeds: string
  readonly shadow: string
  readonly json: boolean
  readonly report?: string
  readonly plot?: string
  readonly sumo: string
  readonly sumoHome: string
  readonly durationS: number
}

export const controlProgram: ProgramSchema = {
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
      description:
        'strategies that decide beside it without being sent; told is how often they agree',
    },
    json: { type: 'boolean', default: false, description: 'one JSON document instead of a table' },
    report: {
      type: 'string',
      description: 'write the JSON document into this file too, with machine and commit',
    },
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
    'A run in which the street had to go on without its gateway (a busy machine) is told of and not averaged.',
    'Exit codes: 0 all runs sound, 1 a run failed, was alone, or a lamp monitor saw a violation, 2 bad option.',
  ],
}

export async function main(argv: readonly string[]): Promise<void> {
  await runProgram<Options>(
    controlProgram,
    (options, { signal, print }) => evaluate(options, signal, print),
    argv,
  )
}

async function evaluate(
  options: Options,
  signal: AbortSignal,
  print: (line: string) => void,
): Promise<number> {
  const strategies = namesOf('--strategy', options.strategy)
  const shadow = namesOf('--shadow', options.shadow)
  const scenario = resolve(options.scenario)
  if (!existsSync(scenario)) throw CommandLineInvalid('--scenario', `there is no file ${scenario}`)
  for (const name of ['report', 'plot'] as const) {
    const folder = dirname(resolve(options[name] ?? '.'))
    // Said now, not after an hour of runs.
    if (!existsSync(folder)) throw CommandLineInvalid(`--${name}`, `there is no folder ${folder}`)
  }
  const folder = mkdtempSync(join(tmpdir(), 'intergreen-evaluate-'))
  const runs: RunResult[] = []
  const failures: FailedRun[] = []
  try {
    const house = await prepare({ ...options, scenario, folder, signal })
    for (const strategy of strategies) {
      for (const seed of listOf(options.seeds).map(Number)) {
        const ended = signal.aborted ? undefined : await tryRun(house, { strategy, seed, shadow })
        if (signal.aborted || !ended) continue
        if ('code' in ended) failures.push(ended)
        else runs.push(ended)
        if (!options.json) print(lineOf(ended))
      }
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
  const evaluation: Evaluation = {
    scenario,
    machine: machine(),
    runs,
    failures,
    strategies: summarize(runs),
  }
  const document = JSON.stringify(evaluation, null, 2)
  print(options.json ? document : tableOf(evaluation))
  if (options.report) writeFileSync(options.report, `${document}\n`)
  if (options.plot) writeFileSync(options.plot, drawPlot(evaluation))
  return isSound(evaluation) && !signal.aborted ? 0 : 1
}

async function tryRun(house: House, choice: RunChoice): Promise<RunResult | FailedRun> {
  try {
    return await runOnce(house, choice)
  } catch (error) {
    const { strategy, seed } = choice
    const code = isCodedError(error) ? error.code : ''
    return { strategy, seed, code, message: error instanceof Error ? error.message : String(error) }
  }
}

function lineOf(ended: RunResult | FailedRun): string {
  const run = `${ended.strategy}, seed ${ended.seed}`
  if ('code' in ended) return `${run}: failed, ${ended.message}`
  return `${run}: ${ended.delayS.toFixed(1)} s delay, ${ended.wallS.toFixed(0)} s of wall time`
}

/** Each once: a run has its folder by strategy and seed. */
const listOf = (text: string) => [...new Set(text.split(',').filter((each) => each !== ''))]

function namesOf(option: string, text: string): readonly string[] {
  const names = listOf(text)
  const unknown = names.find((name) => !strategyNames.includes(name))
  if (unknown === undefined) return names
  throw CommandLineInvalid(option, `there is no ${unknown}; known: ${strategyNames.join(', ')}`)
}
