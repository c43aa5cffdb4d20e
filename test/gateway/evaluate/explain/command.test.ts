import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { readingsOf } from '../../../../gateway/compose/live-reader.ts'
import { neighboursIn } from '../../../../gateway/compose/neighbours.ts'
import { explainDecision } from '../../../../gateway/evaluate/explain/command.ts'
import type { Explained } from '../../../../gateway/evaluate/explain/report.ts'
import { openHistory } from '../../../../gateway/history/history.ts'
import { createEventClock } from '../../../../gateway/kit/clock.ts'
import { silentLog } from '../../../../gateway/kit/log.ts'
import { type Ledger, openLedger } from '../../../../gateway/ledger/ledger.ts'
import {
  createHouseForecaster,
  type HouseForecaster,
} from '../../../../gateway/prediction/house-forecaster.ts'
import { keepCheckpoint } from '../../../../gateway/prediction/state-file.ts'
import { formatTimestamp } from '../../../../schemas/time.ts'
import { obedient, openHouse, scripted, stage } from '../../control/house.ts'
import { crossing, node, sensorNode, startMs, status } from '../../control/junction.ts'
import { createRandom, poisson, usualPerHour } from '../../prediction/days.ts'

const stepMs = 300_000
const shipped = join(import.meta.dirname, '../../../../gateway/prediction/models')
const components = ['dl/1', 'dl/2', 'dl/3', 'dl/4']
const junctions = new Map([[node, crossing()]])

interface Street {
  readonly dir: string
  readonly documents: string
  readonly ledger: Ledger
  readonly forecaster: HouseForecaster
  /** Five minutes of the street: into the ledger, from there to the forecaster. */
  step(): Promise<void>
}

/** A street whose counts go through a real ledger into the forecaster, ending at `startMs` after `steps` steps. */
async function street(steps: number, knownAfterValues = 24, timeZone = 'UTC'): Promise<Street> {
  const dir = await mkdtemp(join(tmpdir(), 'explain-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  const documents = join(dir, 'junction.json')
  await writeFile(documents, JSON.stringify(crossing()))
  const ledger = await openLedger({ dir, log: silentLog, limits: { retainMs: 48 * 3_600_000 } })
  onTestFinished(() => ledger.close())
  const clock = createEventClock(startMs - steps * stepMs)
  const forecaster = createHouseForecaster({
    clock,
    log: silentLog,
    timeZone,
    shippedFolder: shipped,
    neighboursOf: neighboursIn(junctions),
    knownAfterValues,
  })
  await forecaster.start(new AbortController().signal)
  onTestFinished(() => forecaster.stop(1_000))
  const random = createRandom(7)
  const topic = `${sensorNode}/status/traffic.count/5min`
  return {
    dir,
    documents,
    ledger,
    forecaster,
    async step() {
      const atMs = clock.nowMs() + stepMs
      const detectors = Object.fromEntries(
        components.map((component) => {
          const vehicles = poisson(usualPerHour(atMs) / 12, random)
          return [component, { vehicles, occupancy: Math.min(90, vehicles), speed: 40 }]
        }),
      )
      const { value } = status(sensorNode, 'traffic.count', atMs, { windowMs: stepMs, detectors })
      const payload = Buffer.from(JSON.stringify(value))
      const from = ledger.nextOffset
      await new Promise<void>((resolve, reject) => {
        const entry = { receivedAtMs: atMs, topic, payload }
        const done = (error?: Error) => (error ? reject(error) : resolve())
        expect(ledger.append(entry, done)).toBe(from)
      })
      for (const record of await ledger.read(from, { recordsMax: 10, bytesMax: 1_000_000 }))
        for (const reading of readingsOf(record)) forecaster.observe(reading)
      clock.advanceTo(atMs)
      await forecaster.whenIdle()
    },
  }
}

/** The same, all of whose answers came in time: a machine that is busy with something else may miss one. */
async function undisturbed(steps: number): Promise<Street> {
  for (let attempt = 1; ; attempt++) {
    // Until then nobody is compared with anybody, so the network has the seat.
    const house = await street(steps, 288)
    for (let i = 0; i < steps; i++) await house.step()
    const { late, failed } = house.forecaster.counts()
    if (late + failed === 0 || attempt === 3) return house
  }
}

/** A decision of the real control on that forecaster, written to the history of the same folder. */
async function decide({ dir, forecaster }: Street) {
  const house = await openHouse({ forecaster, predictive: scripted(() => stage(1)) })
  const show = obedient(house)
  await house.pass(5, show)
  const decided = house.records.find(({ values }) => values.decision === 'stage')!
  const history = openHistory({ path: join(dir, 'history.db'), log: silentLog })
  const message = {
    entries: [{ ts: formatTimestamp(decided.atMs), seq: 0, values: decided.values }],
  }
  const payload = Buffer.from(JSON.stringify(message))
  const topic = 'gateway/main/status/gateway.control'
  history.append([{ receivedAtMs: decided.atMs, topic, payload }])
  history.close()
  return decided
}

async function explain({ dir, documents }: Street, models = shipped, more: object = {}) {
  const printed: string[] = []
  const options = {
    dataDir: dir,
    junctions: documents,
    junction: node,
    models,
    json: true,
    ...more,
  }
  const code = await explainDecision(options, { print: (text) => void printed.push(text) })
  return { code, report: JSON.parse(printed.join('')) as Explained }
}

test('a decision names model, window and records, and from them the shipped network answers the same quantiles', async () => {
  const house = await undisturbed(300)
  const asked = (component: string) =>
    house.forecaster.forecast(sensorNode, component, 'vehiclesPer5Min', startMs)!
  const then = components.map(asked)
  const { values } = await decide(house)
  expect(values.forecastInputs).toEqual([
    {
      model: then[0]!.model,
      sha256: then[0]!.input.sha256!.slice(0, 16),
      from: formatTimestamp(startMs - 12 * stepMs),
      to: formatTimestamp(startMs),
      // The reading before the twelve lags closed the bucket before them.
      offsets: [287, 300],
      confidence: expect.closeTo(Math.min(...then.map(({ confidence }) => confidence)), 2),
    },
  ])
  // Life goes on; an explanation must not see it.
  for (let i = 0; i < 3; i++) await house.step()
  expect(asked('dl/1').horizons).not.toEqual(then[0]!.horizons)

  const { code, report } = await explain(house)
  expect(report.lanes.map(({ holds }) => holds)).toEqual([true, true, true, true])
  expect(code).toBe(0)
  for (const [at, { explanation }] of report.lanes.entries()) {
    expect(explanation!.model).toMatch(/^flow-/)
    explanation!.horizons.forEach((horizon, index) => {
      const before = then[at]!.horizons[index]!
      for (const quantile of ['p10', 'p50', 'p90'] as const)
        expect(horizon[quantile]).toBeCloseTo(before[quantile], 3)
    })
    expect(explanation!.lags.filter((lag) => lag !== null)).toHaveLength(12)
  }
})

test('from a checkpoint the same forecast comes out, without what the ledger held before it', async () => {
  const house = await street(120)
  const file = join(house.dir, 'forecaster.jsonl')
  for (let i = 0; i < 80; i++) await house.step()
  await house.forecaster.save(file, 80)
  await keepCheckpoint(file, { dir: house.dir, offset: 80, firstOffset: 0 })
  for (let i = 0; i < 40; i++) await house.step()
  await decide(house)
  const { code, report } = await explain(house)
  expect(report.startedFrom).toBe('a checkpoint at record 80')
  expect(report.lanes.map(({ holds }) => holds)).toEqual([true, true, true, true])
  expect(code).toBe(0)
})

test('the time of day is the gateway’s, as the forecaster’s state has it', async () => {
  const house = await street(60, 24, 'America/New_York')
  for (let i = 0; i < 60; i++) await house.step()
  await house.forecaster.save(join(house.dir, 'forecaster.jsonl'), 60)
  await decide(house)
  const { code, report } = await explain(house)
  expect(report.lanes.map(({ holds }) => holds)).toEqual([true, true, true, true])
  expect(code).toBe(0)
  const elsewhere = await explain(house, shipped, { timeZone: 'UTC' })
  const p50 = (explained: Explained) =>
    explained.lanes.map(({ explanation }) => explanation!.horizons[3]!.p50)
  expect(p50(elsewhere.report)).not.toEqual(p50(report))
  await expect(explain(house, shipped, { timeZone: 'Mars/Olympus' })).rejects.toMatchObject({
    code: 'IG_ERR_COMMAND_LINE_INVALID',
  })
})

test('another model under the same name is told, and so is a number that does not come out', async () => {
  const models = await mkdtemp(join(tmpdir(), 'models-'))
  onTestFinished(() => rm(models, { recursive: true, force: true }))
  await cp(shipped, models, { recursive: true })
  const house = await street(40)
  for (let i = 0; i < 40; i++) await house.step()
  await decide(house)
  const flow = JSON.parse(await readFile(join(models, 'flow/card.json'), 'utf8'))
  const speed = JSON.parse(await readFile(join(models, 'speed/card.json'), 'utf8'))
  await writeFile(join(models, 'flow/card.json'), JSON.stringify({ ...flow, id: speed.id }))
  await writeFile(join(models, 'speed/card.json'), JSON.stringify({ ...speed, id: flow.id }))
  const swapped = await explain(house, models)
  expect(swapped.code).toBe(1)
  expect(swapped.report.lanes[0]!.problem).toMatch(/is another file now/)

  const db = new DatabaseSync(join(house.dir, 'history.db'))
  db.exec(`UPDATE decision SET forecast = '{"ln/1":99999}'`)
  db.close()
  const wrong = await explain(house)
  expect(wrong.code).toBe(1)
  expect(wrong.report.lanes).toMatchObject([{ lane: 'ln/1', holds: false }])
})

test('a junction of which no decision rests on a forecast is IG_ERR_EVALUATE_DATA_INVALID', async () => {
  const house = await street(1)
  openHistory({ path: join(house.dir, 'history.db'), log: silentLog }).close()
  await expect(explain(house)).rejects.toMatchObject({ code: 'IG_ERR_EVALUATE_DATA_INVALID' })
})
