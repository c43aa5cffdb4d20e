import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createInfluxSink } from '../../../gateway/influx/influx-sink.ts'
import type { SinkAlarm } from '../../../gateway/influx/ports.ts'
import { createInfluxPump, type InfluxPumpOptions } from '../../../gateway/influx/pump.ts'
import { openSinkStore } from '../../../gateway/influx/sink-store.ts'
import { createSystemClock } from '../../../gateway/kit/clock.ts'
import { silentLog } from '../../../gateway/kit/log.ts'
import { eventually } from '../../support/eventually.ts'
import { type Misdeed, startFaultyProxy } from '../../support/faulty-proxy.ts'
import { isVictoriaMetricsMissing, startVictoriaMetrics } from '../../support/victoria-metrics.ts'
import { count, createMemorySource } from './memory-source.ts'
import { silentInfluxMetrics } from './silent-metrics.ts'

const baseMs = Date.parse('2026-11-22T07:00:00.000Z')
const clock = createSystemClock()

async function house() {
  const dir = mkdtempSync(join(tmpdir(), 'intergreen-sink-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  const database = await startVictoriaMetrics()
  onTestFinished(() => database.stop())
  const proxy = await startFaultyProxy(database.port)
  onTestFinished(() => proxy.close())
  const source = createMemorySource('ledger', () => clock.nowMs())
  const alarms: SinkAlarm[] = []
  const cursors: number[] = []
  const file = join(dir, 'sink.db')

  function open(more: Partial<InfluxPumpOptions> = {}) {
    const store = openSinkStore(file)
    onTestFinished(() => store.close())
    const options = { url: proxy.url, org: 'o', bucket: 'b', requestTimeoutMs: 400 }
    const pump = createInfluxPump({
      sink: createInfluxSink(options, { clock }),
      sources: [source],
      store,
      clock,
      random: () => 0.5,
      log: silentLog,
      metrics: silentInfluxMetrics,
      onAlarm: (alarm) => alarms.push(alarm),
      onCursor: (_, cursor) => cursors.push(cursor),
      batchPointsMax: 100,
      batchDelayMs: 20,
      backoff: { firstMs: 10, mostMs: 100, parkedMs: 100 },
      unreachableAlarmMs: 50,
      ...more,
    })
    return { pump, store }
  }

  /** All that is stored, which must be `vehicles` from 0 to `n` less one, each once. */
  async function expectStored(n: number, without: readonly number[] = []) {
    const series = await database.export('traffic_count_vehicles')
    const stored = series.flatMap(({ timestamps, values }) =>
      timestamps.map((atMs, at) => `${(atMs - baseMs) / 60_000}=${values[at]}`),
    )
    const wanted = Array.from({ length: n }, (_, at) => at).filter((at) => !without.includes(at))
    expect(stored.sort()).toEqual(wanted.map((at) => `${at}=${at}`).sort())
  }

  function append(from: number, to: number) {
    for (let at = from; at < to; at++)
      source.append('north/det-1/status/traffic.count/1min', count(baseMs + at * 60_000, at))
  }
  return { database, proxy, source, alarms, cursors, open, append, expectStored }
}

const dbTest = test.skipIf(isVictoriaMetricsMissing)

dbTest('what the ledger holds is in the database, and the accounts say so', async () => {
  const { open, append, cursors, expectStored } = await house()
  const { pump, store } = open()
  await pump.start()
  append(0, 550)
  pump.notify()
  await eventually(() => expect(pump.state().accounts.ledger?.written).toBe(550))
  expect(pump.state().accounts.ledger).toEqual({
    stored: 550,
    written: 550,
    rejected: 0,
    pending: 0,
    residual: 0,
  })
  expect(cursors.at(-1)).toBe(550)
  await pump.stop(1_000)
  expect(store.load('ledger')).toMatchObject({ cursor: 550, written: 550 })
  await expectStored(550)
})

const answer = (status: number, headers?: Record<string, string>, body = 'no'): Misdeed =>
  headers ? { kind: 'answer', status, headers, body } : { kind: 'answer', status, body }

const faults: readonly (readonly [string, Misdeed])[] = [
  ['a reset', { kind: 'reset' }],
  ['half an answer', { kind: 'half-answer' }],
  ['an answer after the timeout', { kind: 'late', delayMs: 700 }],
  ['no answer at all', { kind: 'silent' }],
  ['a slow answer', { kind: 'late', delayMs: 200 }],
  ['500', answer(500)],
  ['503 without a wish', answer(503)],
  ['503 with a wish', answer(503, { 'retry-after': '1' })],
  ['429 with a wish', answer(429, { 'retry-after': '1' })],
  ['401', answer(401)],
  ['404', answer(404)],
  ['a redirect', answer(302, { location: '/login' })],
]

dbTest.each(faults)('after %s every point is there, once', async (_, misdeed) => {
  const { open, append, proxy, expectStored } = await house()
  const { pump } = open()
  await pump.start()
  proxy.plan = (_lines, at) => (at === 1 || at === 2 ? misdeed : { kind: 'pass' })
  append(0, 350)
  pump.notify()
  await eventually(() => expect(pump.state().accounts.ledger?.written).toBe(350))
  expect(pump.state().accounts.ledger).toMatchObject({ rejected: 0, pending: 0, residual: 0 })
  await pump.stop(1_000)
  await expectStored(350)
})

dbTest('Retry-After is taken as seconds', async () => {
  const { open, append, proxy } = await house()
  const { pump } = open()
  await pump.start()
  const seenAtMs: number[] = []
  proxy.plan = () => {
    seenAtMs.push(performance.now())
    return seenAtMs.length === 1 ? answer(429, { 'retry-after': '1' }) : { kind: 'pass' }
  }
  append(0, 10)
  pump.notify()
  await eventually(() => expect(pump.state().lastFault?.code).toBe('IG_ERR_SINK_THROTTLED'))
  await eventually(() => expect(pump.state().accounts.ledger?.written).toBe(10))
  expect(seenAtMs[1]! - seenAtMs[0]!).toBeGreaterThanOrEqual(990)
  await pump.stop(1_000)
})

dbTest('a database that is stopped and started again misses nothing', async () => {
  const { open, append, database, alarms, expectStored } = await house()
  const { pump } = open()
  await pump.start()
  append(0, 250)
  pump.notify()
  await eventually(() => expect(pump.state().accounts.ledger?.written).toBe(250))
  await database.kill()
  append(250, 500)
  pump.notify()
  await eventually(() =>
    expect(alarms.at(-1)).toMatchObject({ kind: 'sink-unreachable', isActive: true }),
  )
  expect(pump.state().phase).toBe('waiting')
  await database.restart()
  await eventually(() => expect(pump.state().accounts.ledger?.written).toBe(500))
  expect(alarms.at(-1)).toMatchObject({ kind: 'sink-unreachable', isActive: false })
  await pump.stop(1_000)
  await expectStored(500)
})

dbTest(
  'one line the database refuses becomes a dead letter; its neighbours are written',
  async () => {
    const { open, append, proxy, expectStored } = await house()
    const warned: unknown[] = []
    const log = { ...silentLog, warn: (facts: object) => void warned.push(facts) }
    const { pump, store } = open({ log })
    await pump.start()
    proxy.plan = (lines) =>
      lines.some((line) => line.includes('vehicles=123i')) ? answer(400) : { kind: 'pass' }
    append(0, 300)
    pump.notify()
    await eventually(() => expect(pump.state().accounts.ledger?.pending).toBe(0))
    expect(pump.state().accounts.ledger).toMatchObject({ written: 299, rejected: 1, residual: 0 })
    expect(store.deadLetters(10)).toMatchObject([
      {
        source: 'ledger',
        offset: 123,
        topic: 'north/det-1/status/traffic.count/1min',
        message: 'no',
      },
    ])
    expect(store.deadLetters(10)[0]?.line).toContain('vehicles=123i')
    expect(warned).toMatchObject([{ code: 'IG_ERR_SINK_REJECTED_POINT', offset: 123, letters: 1 }])
    await pump.stop(1_000)
    await expectStored(300, [123])
  },
)

dbTest(
  'while an operator has to act it is parked with an alarm, and goes on by itself',
  async () => {
    const { open, append, proxy, alarms, expectStored } = await house()
    const { pump } = open()
    await pump.start()
    proxy.plan = () => answer(401)
    append(0, 20)
    pump.notify()
    await eventually(() => expect(pump.state().phase).toBe('parked'))
    expect(alarms).toMatchObject([{ kind: 'sink-unauthorised', isActive: true }])
    expect(pump.state().lastFault?.code).toBe('IG_ERR_SINK_UNAUTHORISED')
    proxy.plan = () => ({ kind: 'pass' })
    await eventually(() => expect(pump.state().accounts.ledger?.written).toBe(20))
    expect(alarms.at(-1)).toMatchObject({ kind: 'sink-unauthorised', isActive: false })
    await pump.stop(1_000)
    await expectStored(20)
  },
)

dbTest(
  'stopping writes what there is; while the database is away it leaves it for the next run',
  async () => {
    const { open, append, proxy, expectStored } = await house()
    const first = open({ batchDelayMs: 60_000 })
    await first.pump.start()
    append(0, 30)
    first.pump.notify()
    await first.pump.stop(2_000)
    await expectStored(30)

    await proxy.down()
    const second = open()
    await second.pump.start()
    append(30, 60)
    second.pump.notify()
    await eventually(() => expect(second.pump.state().phase).toBe('waiting'))
    const startedAtMs = performance.now()
    await second.pump.stop(2_000)
    expect(performance.now() - startedAtMs).toBeLessThan(1_900)
    expect(second.pump.state().accounts.ledger).toMatchObject({
      written: 30,
      pending: 30,
      residual: 0,
    })

    await proxy.up()
    const third = open()
    await third.pump.start()
    await eventually(() => expect(third.pump.state().accounts.ledger?.written).toBe(60))
    await third.pump.stop(2_000)
    await expectStored(60)
  },
)
