/** The evaluation as it is typed: the whole system on a small grid, some minutes of simulated time a run. */
import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Evaluation } from '../../../../gateway/evaluate/control/report.ts'
import { runProgramFile, temporaryFolder } from '../../../support/house.ts'
import { isSumoMissing, makeGrid } from '../../../support/sumo-scenario.ts'

const evaluate = (...words: readonly string[]) =>
  runProgramFile('gateway/evaluate/main.ts', ['control', ...words])

test.skipIf(isSumoMissing)(
  'the same seed gives the same delay; shadows, machine and commit are told (needs sumo and netgenerate)',
  async () => {
    const dir = await temporaryFolder()
    const scenario = makeGrid(dir, { flowEndS: 150, endS: 200 })
    const evaluateOnce = async (name: string): Promise<Evaluation> => {
      const out = join(dir, name)
      const run = evaluate(
        ...['--scenario', scenario, '--strategy', 'predictive', '--seeds', '3'],
        ...['--shadow', 'predictive,local-plan', '--report', out],
      )
      const code = await run.ended
      expect([code, run.errors()], run.lines.join('\n')).toEqual([0, ''])
      expect(run.lines.join('\n')).toMatch(/predictive +3 +local-plan +all +\d/)
      return JSON.parse(readFileSync(out, 'utf8'))
    }
    const first = await evaluateOnce('first.json')
    const second = await evaluateOnce('second.json')
    const [run] = first.runs
    expect(run).toMatchObject({ monitorViolations: 0, outages: [] })
    expect(run!.demandVehicles).toBeGreaterThan(40)
    expect(run!.commands.applied).toBeGreaterThan(10)
    expect(run!.delayS).toBeGreaterThan(0)
    const figuresOf = ({ runs }: Evaluation) =>
      runs.map(({ delayS, waitingS, stops, finishedVehicles, commands }) => ({
        ...{ delayS, waitingS, stops, finishedVehicles, commands },
      }))
    expect(figuresOf(second)).toEqual(figuresOf(first))
    expect(first.machine).toMatchObject({ cores: expect.any(Number), commit: expect.any(String) })
    const [same, local] = run!.shadows
    expect(Object.keys(same!.junctions)).toHaveLength(4)
    // It decides on the same views, but not when the envelope put another stage in its place.
    expect(same!.agreement).toBeGreaterThan(0.8)
    expect(local!.agreement).toBeLessThan(0.2)
  },
  120_000,
)

test.skipIf(isSumoMissing)(
  'a run that fails costs none of the others: table, document and picture are there (needs sumo and netgenerate)',
  async () => {
    const dir = await temporaryFolder()
    const scenario = makeGrid(dir, { flowEndS: 50, endS: 60 })
    // SUMO, but for one seed.
    const sumo = join(dir, 'sumo-but-for-seed-9')
    writeFileSync(sumo, '#!/bin/sh\ncase "$*" in *"--seed 9"*) exit 1 ;; esac\nexec sumo "$@"\n')
    chmodSync(sumo, 0o755)
    const [out, plot] = [join(dir, 'out.json'), join(dir, 'out.svg')]
    const run = evaluate(
      ...['--scenario', scenario, '--strategy', 'max-pressure', '--seeds', '9,1', '--sumo', sumo],
      ...['--report', out, '--plot', plot],
    )
    expect(await run.ended).toBe(1)
    const evaluation = JSON.parse(readFileSync(out, 'utf8')) as Evaluation
    expect(evaluation.failures).toMatchObject([
      { strategy: 'max-pressure', seed: 9, code: 'IG_ERR_EVALUATE_RUN_FAILED' },
    ])
    expect(evaluation.runs).toMatchObject([{ strategy: 'max-pressure', seed: 1 }])
    expect(evaluation.strategies).toMatchObject([{ strategy: 'max-pressure', seeds: 1 }])
    expect(run.lines.join('\n')).toContain('max-pressure, seed 9: failed')
    expect(existsSync(plot)).toBe(true)
  },
  60_000,
)

test.each([
  ['--shadow', ['--shadow', 'webstr']],
  ['--strategy', ['--strategy', 'predictive,webstr']],
  ['--scenario', []],
  ['--report', ['--report', '/nowhere/at/all.json']],
])('what is wrong with %s is said of it, with exit code 2', async (option, words) => {
  const dir = await temporaryFolder()
  const scenario = join(dir, 'a.sumocfg')
  if (option !== '--scenario') writeFileSync(scenario, '<configuration/>')
  const run = evaluate('--scenario', scenario, ...words)
  expect(await run.ended).toBe(2)
  const error = JSON.parse(run.errors())
  expect(error.code).toBe('IG_ERR_COMMAND_LINE_INVALID')
  expect(error.msg).toContain(option)
})
