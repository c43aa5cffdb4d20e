import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { replayLedger } from '../../../../gateway/evaluate/replay/command.ts'
import type { ReplayReport, ReplayScore } from '../../../../gateway/evaluate/replay/report.ts'
import { silentLog } from '../../../../gateway/kit/log.ts'
import type { LedgerEntry } from '../../../../gateway/ledger/record.ts'
import { replayInto } from '../../../../gateway/ledger/tools/replay.ts'
import { formatTimestamp } from '../../../../schemas/time.ts'
import { createRandom, mondayMs, poisson, usualPerHour } from '../../prediction/days.ts'

const windowMs = 300_000
const startMs = mondayMs + 7 * 3_600_000
const fixtures = join(import.meta.dirname, '../../prediction/fixtures')
const shipped = join(import.meta.dirname, '../../../../gateway/prediction/models')
const nodes = ['north/det-001', 'north/det-002']

async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'replay-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return dir
}

/** Two detectors that tell of five minutes within the same second, the later one of its own signal besides. */
function* street(minutes: number): Generator<LedgerEntry> {
  const random = createRandom(3)
  for (let seq = 1; seq * 5 <= minutes; seq++) {
    const atMs = startMs + seq * windowMs
    const ts = formatTimestamp(atMs)
    for (const [i, node] of nodes.entries()) {
      const vehicles = poisson(usualPerHour(atMs) / 12, random)
      const detectors = { 'dl/1': { vehicles, occupancy: Math.min(90, vehicles), speed: 40 } }
      const value = { entries: [{ ts, seq, values: { windowMs, detectors } }] }
      yield {
        receivedAtMs: atMs + 300 * (i + 1),
        topic: `${node}/status/traffic.count/5min`,
        payload: Buffer.from(JSON.stringify(value)),
      }
    }
    const topic = `${nodes[1]}/status/system.health`
    yield { receivedAtMs: atMs + 900, topic, payload: Buffer.from('{"entries":[]}') }
  }
}

async function recorded(minutes: number): Promise<string> {
  const dir = await folder()
  await replayInto(dir, street(minutes), silentLog)
  return dir
}

/** The shipped network of counts under another name. */
async function challenger(): Promise<string> {
  const models = await folder()
  await cp(join(shipped, 'flow'), join(models, 'challenger'), { recursive: true })
  const card = join(models, 'challenger/card.json')
  const written = JSON.parse(await readFile(card, 'utf8'))
  await writeFile(card, JSON.stringify({ ...written, id: 'challenger' }))
  return models
}

async function run(dataDir: string, more: object = {}) {
  const printed: string[] = []
  const context = {
    print: (line: string) => void printed.push(line),
    signal: new AbortController().signal,
  }
  const code = await replayLedger({ dataDir, challengers: [], json: true, ...more }, context)
  return { code, text: printed.join('\n') }
}

const reportOf = ({ text }: { text: string }): ReplayReport => JSON.parse(text)
const flowOf = ({ scores }: ReplayReport, model: string | RegExp) =>
  scores.filter((one) => one.quantity === 'vehiclesPer5Min' && one.model.match(model))

test('a challenger is judged beside the models of the house on the same readings', async () => {
  const dir = await recorded(180)
  await mkdir(join(dir, 'models'))
  await cp(join(fixtures, 'still'), join(dir, 'models/still'), { recursive: true })
  const { code, text } = await run(dir, { challengers: [await challenger()] })
  expect(code, text).toBe(0)
  const report = reportOf({ text })
  expect(report).toMatchObject({ readings: 72, unanswered: 0, turnedAway: [] })
  const nameless = (scores: readonly ReplayScore[]) => scores.map(({ model: _, ...rest }) => rest)
  const ours = flowOf(report, /^flow-/)
  expect(ours.map(({ horizonMin }) => horizonMin)).toEqual([5, 15, 30, 60])
  // It is the same network: the same forecasts, judged on the same values.
  expect(nameless(flowOf(report, 'challenger'))).toEqual(nameless(ours))
  const still = flowOf(report, 'still')
  expect(still.map(({ judged }) => judged)).toEqual(ours.map(({ judged }) => judged))
  expect(still[0]!.mae).not.toBe(ours[0]!.mae)
  expect(flowOf(report, 'profile')).toHaveLength(4)
})

test('what came before --from is learned from and not judged', async () => {
  const dir = await recorded(180)
  const at = formatTimestamp(startMs + 120 * 60_000)
  const [whole, before, after] = [
    reportOf(await run(dir)),
    reportOf(await run(dir, { to: at })),
    reportOf(await run(dir, { from: at })),
  ]
  expect(after.from).toBe(formatTimestamp(startMs + 120 * 60_000 + 300))
  expect(before.readings + after.readings).toBe(whole.readings)
  for (const [i, all] of flowOf(whole, /^flow-/).entries()) {
    const [early, late] = [flowOf(before, /^flow-/)[i]!, flowOf(after, /^flow-/)[i]!]
    expect(early.judged + late.judged).toBe(all.judged)
    const sum = early.mae * early.judged + late.mae * late.judged
    expect(sum / all.judged).toBeCloseTo(all.mae, 9)
  }
})

test('a model that is turned away is told with the reason, and the exit code says so', async () => {
  const dir = await recorded(60)
  const models = await folder()
  for (const name of ['wide', 'poison'])
    await cp(join(fixtures, name), join(models, name), { recursive: true })
  const { code, text } = await run(dir, { challengers: [models], json: false })
  expect(code).toBe(1)
  expect(text).toMatch(/^24 readings received from /)
  expect(text).toMatch(/TURNED AWAY: wide: .*vector/)
  expect(text).toContain('TURNED AWAY: poison: its answers were no forecasts')
})

test('a ledger without counts of that time is IG_ERR_EVALUATE_DATA_INVALID, and so is a moment that is none', async () => {
  const dir = await recorded(10)
  const invalid = { code: 'IG_ERR_EVALUATE_DATA_INVALID' }
  await expect(run(dir, { from: '2030-01-01T00:00:00Z' })).rejects.toMatchObject(invalid)
  await expect(run(dir, { to: 'noon' })).rejects.toMatchObject(invalid)
})
