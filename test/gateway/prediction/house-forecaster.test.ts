import { cp, mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { createEventClock } from '../../../gateway/kit/clock.ts'
import { silentLog } from '../../../gateway/kit/log.ts'
import type { DetectorFault } from '../../../gateway/prediction/faults/fault-watch.ts'
import {
  createHouseForecaster,
  type HouseForecaster,
  type HouseForecasterOptions,
} from '../../../gateway/prediction/house-forecaster.ts'
import type { Score } from '../../../gateway/prediction/judges/scoreboard.ts'
import { detectorsPerNodeMax } from '../../../gateway/prediction/online/book.ts'
import type { AuditEntry } from '../../../gateway/prediction/serving/lineup.ts'
import { eventually } from '../../support/eventually.ts'
import { createRandom, minuteMs, mondayMs, poisson, reading, usualPerHour } from './days.ts'

const fixtures = join(import.meta.dirname, 'fixtures')
const shippedModels = join(import.meta.dirname, '../../../gateway/prediction/models')
const components = ['dl/1', 'dl/2', 'dl/3', 'dl/4', 'dl/5', 'dl/6']
const stepMs = 5 * minuteMs

async function folder(...models: readonly string[]): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'forecast-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  for (const model of models) await cp(join(fixtures, model), join(dir, model), { recursive: true })
  return dir
}

async function house(options: Partial<HouseForecasterOptions> = {}) {
  const clock = createEventClock(mondayMs)
  const audit: AuditEntry[] = []
  const random = createRandom(11)
  const forecaster = createHouseForecaster({
    clock,
    log: silentLog,
    onAudit: (entry) => audit.push(entry),
    knownAfterValues: 1,
    ...options,
  })
  await forecaster.start(new AbortController().signal)
  onTestFinished(() => forecaster.stop(1_000))
  return {
    forecaster,
    audit,
    clock,
    /** Five minutes of the street, and the network's answer to them. */
    async step() {
      const atMs = clock.nowMs() + stepMs
      for (const component of components) {
        const vehicles = poisson(usualPerHour(atMs) / 12, random)
        forecaster.observe(reading(atMs, vehicles, { component, windowMs: stepMs }))
      }
      clock.advanceTo(atMs)
      await forecaster.whenIdle()
    },
    ask(laterMs = 0) {
      const nowMs = clock.nowMs() + laterMs
      return forecaster.forecast('north/det-001', 'dl/1', 'vehiclesPer5Min', nowMs)
    },
    events: () => audit.map((entry) => `${entry.event} ${entry.model.split('/').at(-1)}`),
  }
}

test('without any model the profile forecasts', async () => {
  const { step, ask } = await house()
  for (let i = 0; i < 8; i++) await step()
  expect(ask()).toMatchObject({ model: 'profile', component: 'dl/1' })
})

test('a shipped network takes the empty seat and forecasts with its name on it', async () => {
  const { step, ask, clock } = await house({ shippedFolder: await folder('still') })
  for (let i = 0; i < 8; i++) await step()
  const forecast = ask()!
  expect(forecast).toMatchObject({ model: 'still', madeAtMs: clock.nowMs() })
  expect(forecast.confidence).toBeGreaterThan(0.3)
  expect(forecast.input.sha256).toMatch(/^[0-9a-f]{64}$/)
  expect(forecast.input.toMs - forecast.input.fromMs).toBe(3_600_000)
})

test('in its first day a detector is forecast by the profile, whoever holds the seat', async () => {
  const knownAfterValues = 288
  const shippedFolder = await folder('still')
  const { step, ask, forecaster } = await house({ shippedFolder, knownAfterValues })
  for (let i = 0; i < 287; i++) await step()
  expect(ask()?.model).toBe('profile')
  await step()
  expect(ask()?.model).toBe('still')
  expect(forecaster.contests()[0]).toMatchObject({ champion: 'still' })
})

test('a network that does worse than the profile loses its seat, with the figures in the audit', async () => {
  const { step, ask, audit, events } = await house({ shippedFolder: await folder('still') })
  for (let i = 0; i < 150; i++) await step()
  expect(events()).toContain('seatChanged profile')
  const came = audit.find((entry) => entry.event === 'seatChanged' && entry.model === 'still')!
  expect(came.facts).toMatchObject({ from: 'profile', to: 'still', why: 'empty', scores: [] })
  const change = audit.find((entry) => entry.event === 'seatChanged' && entry.model === 'profile')!
  expect(change.facts).toMatchObject({ from: 'still', to: 'profile' })
  const scores = change.facts.scores as readonly Score[]
  expect(new Set(scores.map(({ model }) => model))).toEqual(new Set(['still', 'profile']))
  expect(new Set(scores.map(({ quantity }) => quantity))).toEqual(new Set([change.facts.quantity]))
  expect(change.facts.ratio as number).toBeLessThan(1)
  expect(ask()?.model).toBe('profile')
})

test('a poisoned network never reaches control and is suspended', async () => {
  const { step, ask, events, forecaster } = await house({ shippedFolder: await folder('poison') })
  for (let i = 0; i < 8; i++) {
    await step()
    for (const horizon of ask()?.horizons ?? [])
      expect(Number.isFinite(horizon.p10 + horizon.p50 + horizon.p90)).toBe(true)
  }
  expect(ask(minuteMs)?.model).toBe('profile')
  expect(events()).toEqual([
    'modelCame poison',
    'seatChanged poison',
    'modelSuspended poison',
    'seatChanged profile',
  ])
  expect(forecaster.contests()[0]!.champion).toBe('profile')
})

test('what is broken, misshapen or too hungry is refused while the others go on', async () => {
  const models = await folder('wide', 'hungry', 'still')
  await cp(join(fixtures, 'still'), join(models, 'changed'), { recursive: true })
  await writeFile(join(models, 'changed', 'model.onnx'), 'not a model')
  const { step, ask, audit } = await house({
    shippedFolder: await folder('still'),
    modelFolders: [models],
  })
  for (let i = 0; i < 4; i++) await step()
  const reasons = audit.filter((entry) => entry.event === 'modelRefused')
  const reasonOf = (name: string) =>
    reasons.find((entry) => (entry.facts.folder as string).endsWith(name))?.facts.reason
  expect(reasonOf('wide')).toMatch(/vector/)
  expect(reasonOf('changed')).toMatch(/checksum/)
  expect(reasonOf('hungry')).toMatch(/takes \d+ bytes|took it \d+/)
  expect(reasonOf('/still')).toMatch(/another folder/)
  expect(ask()?.model).toBe('still')
})

test('the model thread is killed under load: forecasts go on, and the network comes back', async () => {
  const { step, ask, forecaster } = await house({ shippedFolder: await folder('still') })
  for (let i = 0; i < 8; i++) await step()
  expect(ask()?.model).toBe('still')
  forecaster.killThread()
  await step()
  // The forecast of the bucket before stands in for half a minute, then the profile.
  expect(ask()).toMatchObject({ model: 'still' })
  expect(ask(minuteMs)).toMatchObject({ model: 'profile' })
  await eventually(() => expect(forecaster.counts().restarts).toBe(1))
  await eventually(async () => {
    await step()
    expect(ask()).toMatchObject({ model: 'still' })
  })
})

test('a model is swapped for another while it runs, without a forecast missing', async () => {
  const shipped = await folder('still')
  const { step, ask, events, forecaster } = await house({ shippedFolder: shipped })
  for (let i = 0; i < 8; i++) await step()
  await cp(join(fixtures, 'still'), join(shipped, 'next.part'), { recursive: true })
  await rm(join(shipped, 'still'), { recursive: true })
  await rename(join(shipped, 'next.part'), join(shipped, 'still'))
  const swap = forecaster.rescan()
  for (let i = 0; i < 4; i++) {
    await step()
    expect(ask()).toBeDefined()
  }
  await swap
  await step()
  expect(events().filter((event) => event === 'modelCame still')).toHaveLength(2)
  expect(ask()?.model).toBe('still')
})

test('a challenger dropped into the data directory is scored beside the champion, and leaves when it is removed', async () => {
  const models = await folder('still')
  const { step, ask, forecaster, events } = await house({ modelFolders: [models] })
  for (let i = 0; i < 20; i++) await step()
  expect(ask()?.model).toBe('profile')
  const still = forecaster.scores().find((score) => score.model === 'still')!
  expect(still.judged).toBeGreaterThan(50)
  await rm(join(models, 'still'), { recursive: true })
  await forecaster.rescan()
  expect(events().at(-1)).toBe('modelWent still')
})

test('a model whose folder is renamed goes on forecasting', async () => {
  const shipped = await folder('still')
  const { step, ask, forecaster, events } = await house({ shippedFolder: shipped })
  for (let i = 0; i < 8; i++) await step()
  await rename(join(shipped, 'still'), join(shipped, 'still-2'))
  await forecaster.rescan()
  await step()
  expect(forecaster.models()).toEqual(['profile', 'still'])
  expect(ask()?.model).toBe('still')
  await rm(join(shipped, 'still-2'), { recursive: true })
  await forecaster.rescan()
  expect(events().filter((event) => event === 'modelWent still')).toHaveLength(1)
  expect(forecaster.models()).toEqual(['profile'])
})

test('what was learned survives a restart, and a torn file does not stop one', async () => {
  const file = join(await folder(), 'forecast.ndjson')
  const before = await house()
  for (let i = 0; i < 300; i++) await before.step()
  await before.forecaster.save(file, 4711)
  const after = await house()
  expect(await after.forecaster.load(file)).toBe(4711)
  after.clock.advanceTo(before.clock.nowMs())
  expect(after.ask()).toEqual(before.ask())
  expect(after.forecaster.scores()).toEqual(before.forecaster.scores())
  const again = await house()
  again.forecaster.restore(JSON.parse(JSON.stringify(before.forecaster.snapshot())))
  again.clock.advanceTo(before.clock.nowMs())
  expect(again.ask()).toEqual(before.ask())
  await writeFile(file, '{"version":1,"offset":1,"champions":{},"scores":[]}\n{"node":"no')
  const torn = await house()
  expect(await torn.forecaster.load(file)).toBeUndefined()
  await torn.step()
  expect(torn.ask()).toBeDefined()
})

test('a champion of before the restart takes its seat again, and a seat that was lost stays lost', async () => {
  const shippedFolder = await folder('still')
  const before = await house({ shippedFolder })
  for (let i = 0; i < 150; i++) await before.step()
  expect(before.ask()?.model).toBe('profile')
  const after = await house({ shippedFolder })
  after.forecaster.restore(before.forecaster.snapshot())
  expect(after.forecaster.contests()[0]?.champion).toBe('profile')
})

test('a dead detector is told, and nobody is given a forecast of it', async () => {
  const faults: DetectorFault[] = []
  const { forecaster, clock } = await house({ onFault: (fault) => faults.push(fault) })
  const random = createRandom(5)
  for (let bucket = 0; bucket < 400; bucket++) {
    const atMs = clock.nowMs() + stepMs
    for (const component of components) {
      const isDead = component === 'dl/1' && bucket > 380
      const vehicles = isDead ? 0 : poisson(usualPerHour(atMs) / 12, random)
      const rest = { component, windowMs: stepMs, ...(isDead ? { occupancyPercent: 0 } : {}) }
      forecaster.observe(reading(atMs, vehicles, rest))
    }
    clock.advanceTo(atMs)
  }
  expect(faults).toMatchObject([{ node: 'north/det-001', component: 'dl/1', kind: 'dead' }])
  const ask = (component: string) =>
    forecaster.forecast('north/det-001', component, 'vehiclesPer5Min', clock.nowMs())
  expect(ask('dl/1')).toBeUndefined()
  expect(ask('dl/2')).toBeDefined()
})

test('a fault found by forecast is told once over a restart, and its end when it comes after it', async () => {
  const faults: DetectorFault[] = []
  const told = () => faults.map(({ kind, isActive }) => `${kind} ${isActive ? 'on' : 'off'}`)
  const before = await house({ onFault: (fault) => faults.push(fault) })
  const random = createRandom(5)
  /** All detectors' next five minutes; dl/1 is silent in some of them. */
  const bucketAt = (atMs: number, isDead: boolean) =>
    components.map((component) => {
      const isSilent = isDead && component === 'dl/1'
      const vehicles = isSilent ? 0 : poisson(usualPerHour(atMs) / 12, random)
      const rest = { component, windowMs: stepMs, ...(isSilent ? { occupancyPercent: 0 } : {}) }
      return reading(atMs, vehicles, rest)
    })
  const past = Array.from({ length: 400 }, (_, at) =>
    bucketAt(mondayMs + (at + 1) * stepMs, at > 380),
  )
  const file = join(await folder(), 'state.jsonl')
  for (const [at, readings] of past.entries()) {
    for (const one of readings) before.forecaster.observe(one)
    // Saved before the detector fell silent, as by a crash; and the rest is read again from the ledger.
    if (at === 375) await before.forecaster.save(file, at + 1)
  }
  expect(told()).toEqual(['dead on'])

  const after = await house({ onFault: (fault) => faults.push(fault) })
  const offset = (await after.forecaster.load(file))!
  for (const readings of past.slice(offset))
    for (const one of readings) after.forecaster.relearn(one)
  const end = mondayMs + past.length * stepMs
  for (let at = 1; at <= 3; at++)
    for (const one of bucketAt(end + at * stepMs, true)) after.forecaster.observe(one)
  expect(told()).toEqual(['dead on'])

  // Once more, now with the fault in the file itself.
  await after.forecaster.save(file, 0)
  const last = await house({ onFault: (fault) => faults.push(fault) })
  await last.forecaster.load(file)
  for (let at = 4; at <= 12; at++)
    for (const one of bucketAt(end + at * stepMs, false)) last.forecaster.observe(one)
  expect(told()).toEqual(['dead on', 'dead off'])
  expect(faults[1]!.sinceMs).toBe(faults[0]!.sinceMs)
})

test('the fault of a detector that is forgotten for others ends with it', async () => {
  const faults: DetectorFault[] = []
  const { forecaster } = await house({ onFault: (fault) => faults.push(fault) })
  const tell = (number: number, atMs: number, speedKmh = 50) => {
    const component = `dl/${number}`
    forecaster.observe(reading(atMs, 10, { component, windowMs: stepMs, speedKmh }))
  }
  tell(1, mondayMs - stepMs, 240)
  tell(1, mondayMs, 240)
  for (let number = 2; number <= detectorsPerNodeMax; number++) tell(number, mondayMs + stepMs)
  expect(faults).toMatchObject([{ component: 'dl/1', kind: 'implausible', isActive: true }])
  const laterMs = mondayMs + 288 * stepMs
  tell(9_000, laterMs)
  expect(faults.slice(1)).toMatchObject([
    { component: 'dl/1', kind: 'implausible', isActive: false, atMs: laterMs },
  ])
  expect(faults[1]!.sinceMs).toBe(faults[0]!.sinceMs)
})

/** Five minutes of many nodes with a detector each. */
function tellOf(forecaster: HouseForecaster, nodes: readonly number[], atMs: number): void {
  for (const node of nodes)
    forecaster.observe(reading(atMs, 5 + (node % 7), { node: `north/${node}`, windowMs: stepMs }))
}

const countTo = (count: number) => Array.from({ length: count }, (_, index) => index)

test('the late of a round are asked for together, not a batch each', async () => {
  const { forecaster, clock } = await house({ shippedFolder: await folder('still') })
  const everybody = countTo(40)
  const [inTime, late] = [everybody.slice(0, 20), everybody.slice(20)]
  // The round before awaits twenty, so that with the twentieth the next one goes out.
  tellOf(forecaster, inTime, mondayMs + stepMs)
  await forecaster.whenIdle()
  const asked = () => forecaster.counts().answered
  const round = asked()
  tellOf(forecaster, inTime, mondayMs + 2 * stepMs)
  await eventually(() => expect(asked()).toBe(2 * round))
  for (const node of late) {
    tellOf(forecaster, [node], mondayMs + 2 * stepMs)
    await setTimeout(2)
  }
  expect(asked()).toBe(2 * round)
  clock.advanceTo(clock.nowMs() + 1_500)
  await forecaster.whenIdle()
  expect(asked()).toBe(3 * round)
  const { model } = forecaster.forecast(
    'north/39',
    'dl/1',
    'vehiclesPer5Min',
    mondayMs + 2 * stepMs,
  )!
  expect(model).toBe('still')
})

test('a round of a large house goes to the network whole: its queue is not filled to the brim', async () => {
  const { forecaster } = await house({ shippedFolder: shippedModels })
  const nodes = countTo(18_000)
  tellOf(forecaster, nodes, mondayMs + stepMs)
  await forecaster.whenIdle()
  expect(forecaster.counts()).toMatchObject({ refused: 0, late: 0, failed: 0 })
  const nowMs = mondayMs + stepMs
  const models = nodes.map(
    (node) => forecaster.forecast(`north/${node}`, 'dl/1', 'vehiclesPer5Min', nowMs)?.model,
  )
  expect(models).not.toContain('profile')
  expect(models).not.toContain(undefined)
})
