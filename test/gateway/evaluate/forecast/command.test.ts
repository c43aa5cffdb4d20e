/** The published protocols, run as a user runs them. What needs the data sets or Python is skipped by name without them. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { evaluateForecast } from '../../../../gateway/evaluate/forecast/command.ts'
import type { ForecastReport } from '../../../../gateway/evaluate/forecast/report.ts'
import { createRandom, poisson, usualPerHour } from '../../prediction/days.ts'

const root = join(import.meta.dirname, '../../../..')
const shared = join(root, '../shared/data')
const models = join(root, 'gateway/prediction/models')
const training = join(root, 'gateway/prediction/training')
const withData = existsSync(shared) ? test : test.skip
const python = '/usr/bin/python3'
const run = promisify(execFile)
const hasTorch = await run(python, ['-c', 'import torch, numpy']).then(
  () => true,
  () => false,
)

async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'evaluate-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return dir
}

async function evaluate(data: string, plots?: string): Promise<[number, ForecastReport]> {
  const printed: string[] = []
  const code = await evaluateForecast(
    { data: [data], models, json: true, ...(plots ? { plots } : {}) },
    { print: (line) => printed.push(line) },
  )
  return [code, JSON.parse(printed[0]!)]
}

function figure(report: ForecastReport, contender: string, horizonMin: number) {
  const { figures } = report.datasets[0]!
  return figures.find((one) => one.contender === contender && one.horizonMin === horizonMin)!
}

withData(
  'PeMS: the network holds its figures, calibrated, with nothing learned from test rows',
  async () => {
    const [code, report] = await evaluate(join(shared, 'pems-tfp'))
    expect(code).toBe(0)
    expect(figure(report, 'network', 5).windows).toBe(4308)
    expect(figure(report, 'network', 5).mae).toBeLessThanOrEqual(6.4)
    expect(figure(report, 'network', 15).mae).toBeLessThanOrEqual(6.7)
    expect(figure(report, 'network', 30).mae).toBeLessThanOrEqual(6.9)
    expect(figure(report, 'network', 60).mae).toBeLessThanOrEqual(7.2)
    // The published baselines, to show that the protocol is theirs.
    expect(figure(report, 'last value', 5).mae).toBeCloseTo(8.335, 3)
    expect(figure(report, 'last value', 5).rmse).toBeCloseTo(11.31, 2)
    for (const { calibrated } of report.datasets[0]!.coverage) {
      expect(calibrated).toBeGreaterThan(0.78)
      expect(calibrated).toBeLessThan(0.82)
    }
    expect(report.datasets[0]!.checks.map(({ holds }) => holds)).toEqual([true, true])
  },
)

withData(
  'Los-loop: the network holds its figures at all four horizons',
  { timeout: 120_000 },
  async () => {
    const plots = join(await folder(), 'plots')
    const [code, report] = await evaluate(join(shared, 'tgcn-los'), plots)
    expect(code).toBe(0)
    const quarter = figure(report, 'network', 15)
    expect(quarter.windows).toBe(389)
    expect(quarter.mae).toBeLessThan(3.1)
    expect(quarter.rmse).toBeLessThan(5.05)
    expect(figure(report, 'network', 30).rmse).toBeLessThan(5.82)
    expect(figure(report, 'network', 45).rmse).toBeLessThan(6.34)
    expect(figure(report, 'network', 60).rmse).toBeLessThan(6.75)
    expect(figure(report, 'last value', 15).rmse).toBeCloseTo(5.5428, 3)
    for (const { calibrated } of report.datasets[0]!.coverage)
      expect(Math.abs(calibrated - 0.8)).toBeLessThan(0.02)
    expect((await readdir(plots)).sort()).toEqual([
      'tgcn-los-calibration.svg',
      'tgcn-los-day.svg',
      'tgcn-los-hours.svg',
    ])
    expect(await readFile(join(plots, 'tgcn-los-day.svg'), 'utf8')).toMatch(/^<svg .*<\/svg>\n$/s)
  },
)

withData("NAB: most labelled windows are found with NAB's own windows and scoring", async () => {
  const [, report] = await evaluate(join(shared, 'nab-traffic'))
  expect(report.anomalies).toMatchObject({ windows: 9 })
  expect(report.anomalies!.fixed.found).toBeGreaterThanOrEqual(7)
  expect(report.anomalies!.fixed.score).toBeGreaterThan(4)
})

/** Five made-up days of three detectors, as `evaluate -- export` writes them. */
async function ownStreet(): Promise<string> {
  const dir = await folder()
  const random = createRandom(3)
  const startMs = Date.UTC(2026, 2, 2)
  const rows = Array.from({ length: 5 * 288 }, (_, row) => {
    const atMs = startMs + row * 300_000
    const cells = [1, 0.4, 2].map((size) => poisson((size * usualPerHour(atMs)) / 12, random))
    return [new Date(atMs).toISOString(), ...cells.map((cell) => (random() < 0.01 ? '' : cell))]
  })
  const lines = [['time', 'a:dl/1', 'a:dl/2', 'b:dl/1'], ...rows].map((cells) => cells.join(','))
  await writeFile(join(dir, 'flow.csv'), `${lines.join('\n')}\n`)
  return dir
}

test('a CSV of one’s own is split 80 to 20 and judged with a model that has never seen it', async () => {
  const [code, report] = await evaluate(await ownStreet())
  expect(code).toBe(0)
  expect(report.datasets[0]).toMatchObject({ name: 'flow', series: 3, rows: 1440, testFrom: 1152 })
  expect(report.datasets[0]!.checks[0]!.what).toMatch(/has learned from no row of flow/)
  expect(figure(report, 'network', 15).mae).toBeLessThan(figure(report, 'last value', 15).mae)
})

test('a model whose card names other training rows is caught', async () => {
  const data = await ownStreet()
  const dir = await folder()
  await cp(join(models, 'flow'), join(dir, 'flow'), { recursive: true })
  const path = join(dir, 'flow', 'card.json')
  const card = JSON.parse(await readFile(path, 'utf8'))
  await writeFile(
    path,
    JSON.stringify({ ...card, learnedFrom: [{ name: 'flow', rows: 1440, sha256: 'x' }] }),
  )
  const code = await evaluateForecast(
    { data: [data], models: dir, json: false },
    { print: () => undefined },
  )
  expect(code).toBe(1)
})

test('a folder that cannot be read, or a file without times, is refused by name', async () => {
  const dir = await folder()
  await mkdir(join(dir, 'none'))
  await expect(evaluate(join(dir, 'none'))).rejects.toMatchObject({
    code: 'IG_ERR_EVALUATE_DATA_INVALID',
  })
  await writeFile(join(dir, 'x.csv'), 'time,a\nsoon,1\n')
  await expect(evaluate(dir)).rejects.toThrow(/does not begin with a time/)
})

test.skipIf(!hasTorch)(
  'the training script learns from an exported history, and its model is let in',
  { timeout: 300_000 },
  async () => {
    const data = await ownStreet()
    const out = join(await folder(), 'flow')
    const script = join(training, 'train.py')
    const words = ['--quantity', 'flow', '--history', data, '--out', out, '--id', 'own-street']
    const quick = ['--members', '1', '--epochs', '1', '--streets', '1', '--columns', '4']
    await run(python, ['-B', script, ...words, ...quick], {
      env: { ...process.env, OMP_NUM_THREADS: '1' },
    })
    const printed: string[] = []
    const code = await evaluateForecast(
      { data: [data], models: join(out, '..'), json: true },
      { print: (line) => printed.push(line) },
    )
    expect(code).toBe(0)
    const report = JSON.parse(printed[0]!) as ForecastReport
    expect(report.datasets[0]!.model.id).toBe('own-street')
    expect(report.datasets[0]!.checks[0]!.what).toMatch(/learned from the 1152 rows/)
  },
)
