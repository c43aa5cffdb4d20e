import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { type HistoryOptions, openHistory } from '../../../gateway/history/history.ts'
import type { OffsetRecord } from '../../../gateway/history/ports.ts'
import { blockOf } from '../../../gateway/influx/record-block.ts'
import { silentLog } from '../../../gateway/kit/log.ts'

const minuteMs = 60_000
const baseMs = Date.parse('2026-11-22T07:00:00.000Z')
const iso = (atMs: number) => new Date(atMs).toISOString()
const all = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER }

type Item = readonly [topic: string, message: unknown, more?: object]

function place() {
  const dir = mkdtempSync(join(tmpdir(), 'intergreen-history-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return join(dir, 'history.db')
}

/** As one block of the ledger. */
const blocks = (records: readonly OffsetRecord[]) => [blockOf(records)!]

function open(path = place(), more: Partial<HistoryOptions> = {}) {
  const history = openHistory({ path, log: silentLog, ...more })
  onTestFinished(() => {
    try {
      history.close()
    } catch {
      // The test closed it itself.
    }
  })
  let offset = history.cursor()
  /** Records as the ledger would hand them out, each under the next offset. */
  const records = (...items: readonly Item[]) =>
    items.map(
      ([topic, message, more]): OffsetRecord => ({
        offset: offset++,
        receivedAtMs: baseMs,
        topic,
        payload: Buffer.from(JSON.stringify(message)),
        ...more,
      }),
    )
  return {
    history,
    path,
    records,
    read: (...items: readonly Item[]) => history.consume(blocks(records(...items))),
  }
}

const countTopic = 'north/det-1/status/traffic.count/1min'
type Window = {
  vehicles: number
  occupancy?: number | null
  speed?: number | null
  quality?: string
}
function counts(endMs: number, windowMs: number, value: Window) {
  return {
    entries: [{ ts: iso(endMs), seq: 1, values: { windowMs, detectors: { 'dl/1': value } } }],
  }
}
const detector = { node: 'north/det-1', component: 'dl/1', ...all, stepMs: minuteMs }
const seriesOf = (toMs: number, stepMs = minuteMs) => ({
  ...detector,
  fromMs: baseMs,
  toMs,
  stepMs,
})

test('a minute of short windows weighs occupancy by length and speed by vehicles', () => {
  const { history, read } = open()
  read(
    [countTopic, counts(baseMs + 20_000, 20_000, { vehicles: 1, occupancy: 10, speed: 30 })],
    [countTopic, counts(baseMs + 40_000, 20_000, { vehicles: 3, occupancy: 40, speed: 50 })],
    [countTopic, counts(baseMs + 60_000, 20_000, { vehicles: 0, occupancy: 1, speed: null })],
    [countTopic, counts(baseMs + 80_000, 20_000, { vehicles: 7, occupancy: null })],
  )
  expect(history.queries.series(seriesOf(baseMs + 2 * minuteMs))).toEqual([
    {
      atMs: baseMs,
      vehicles: 4,
      coveredMs: 60_000,
      n: 3,
      quality: 'recent',
      occupancy: 17,
      speed: 45,
    },
    {
      atMs: baseMs + minuteMs,
      vehicles: 7,
      coveredMs: 20_000,
      n: 1,
      quality: 'recent',
      occupancy: null,
      speed: null,
    },
  ])
})

test('a window met twice counts once, and a mended copy replaces the first', () => {
  const { history, read } = open()
  const short = (vehicles: number) => counts(baseMs + 30_000, 30_000, { vehicles, occupancy: 20 })
  read(
    [countTopic, short(5)],
    [countTopic, short(5)],
    [countTopic, counts(baseMs + 120_000, 60_000, { vehicles: 8 })],
  )
  read([countTopic, short(6)], [countTopic, counts(baseMs + 120_000, 60_000, { vehicles: 9 })])
  const rows = history.queries.training(all).rows
  expect(rows.map(({ windowMs, vehicles }) => [windowMs, vehicles])).toEqual([
    [30_000, 6],
    [60_000, 9],
  ])
})

test('back-fill goes to its own minute and is old', () => {
  const { history, read } = open()
  read([countTopic, counts(baseMs + 10 * minuteMs, 60_000, { vehicles: 2 })])
  read([
    'north/det-1/replay/traffic.count/1min',
    counts(baseMs + minuteMs, 60_000, { vehicles: 4 }),
  ])
  expect(history.queries.series(detector)).toMatchObject([
    { atMs: baseMs, vehicles: 4, quality: 'old' },
    { atMs: baseMs + 9 * minuteMs, vehicles: 2, quality: 'recent' },
  ])
})

test('the worst quality said by device, entry or door is the minute’s', () => {
  const { history, read } = open()
  const notes = { qualities: { 'dl/1': 'unknown' } }
  read([countTopic, counts(baseMs + minuteMs, 60_000, { vehicles: 4, quality: 'old' }), { notes }])
  expect(history.queries.series(detector)).toMatchObject([{ quality: 'unknown' }])
})

test('a detector that counts in two lengths is told once, by the shorter', () => {
  const { history, read } = open()
  for (let at = 1; at <= 5; at++)
    read([countTopic, counts(baseMs + at * minuteMs, 60_000, { vehicles: 2 })])
  read([
    'north/det-1/status/traffic.count/5min',
    counts(baseMs + 5 * minuteMs, 300_000, { vehicles: 10 }),
  ])
  expect(history.queries.series(seriesOf(baseMs + 5 * minuteMs, 5 * minuteMs))).toMatchObject([
    { atMs: baseMs, vehicles: 10, n: 5 },
  ])
})

test('queue samples keep the maximum, and the mean of one sample a second', () => {
  const { history, read } = open()
  const sample = (atMs: number, queueVehicles: number) =>
    [
      'north/cam-1/status/traffic.queue/live',
      {
        entries: [
          {
            ts: iso(atMs),
            seq: 1,
            values: {
              lanes: {
                'ln/1': { queueVehicles, queueMeters: queueVehicles * 7, approachingVehicles: 2 },
              },
            },
          },
        ],
      },
    ] as const
  read(
    sample(baseMs, 2),
    sample(baseMs + 1000, 4),
    sample(baseMs + 1000, 4),
    sample(baseMs + 59_000, 6),
  )
  read(sample(baseMs, 2), sample(baseMs + 30_000, 0))
  expect(history.queries.queues({ ...detector, node: 'north/cam-1', component: 'ln/1' })).toEqual([
    {
      atMs: baseMs,
      queueVehiclesMax: 6,
      queueVehiclesMean: 3,
      queueMetersMax: 42,
      queueMetersMean: 21,
      approachingVehiclesMean: 2,
      n: 4,
      quality: 'recent',
    },
  ])
})

test('plans and modes are kept when they change', () => {
  const { history, read } = open()
  const plan = (atMs: number, cycleS: number) =>
    [
      'north/tlc-001/status/tlc.plan',
      {
        entries: [
          {
            ts: iso(atMs),
            seq: 1,
            values: { plan: 1, cycleS, offsetS: 0, greensS: { 1: 30 }, source: 'local' },
          },
        ],
      },
    ] as const
  const mode = (atMs: number, control: string) =>
    [
      'north/tlc-001/status/tlc.mode',
      { entries: [{ ts: iso(atMs), seq: 1, values: { mode: 'normal', control } }] },
    ] as const
  read(plan(baseMs, 90), plan(baseMs + 1000, 90), plan(baseMs + 2000, 96), plan(baseMs + 3000, 90))
  read(mode(baseMs, 'local'), mode(baseMs + 1, 'local'), mode(baseMs + 2, 'central'))
  expect(history.queries.plans({ node: 'north/tlc-001', ...all })).toMatchObject([
    { atMs: baseMs, cycleS: 90, greensS: { 1: 30 }, commandId: null },
    { atMs: baseMs + 2000, cycleS: 96 },
    { atMs: baseMs + 3000, cycleS: 90 },
  ])
  expect(
    history.queries.modes({ node: 'north/tlc-001', ...all }).map((row) => row.control),
  ).toEqual(['local', 'central'])
  expect(history.queries.latest()).toMatchObject({
    plans: [{ node: 'north/tlc-001', cycleS: 90 }],
    modes: [{ node: 'north/tlc-001', control: 'central' }],
  })
})

test('an alarm has a beginning and an end, and a full list ends those it does not name', () => {
  const { history, read } = open()
  const alarm = (atMs: number, active: boolean, component: string, full = false) =>
    [
      'north/det-1/alarm/detector.fault',
      { entries: [{ ts: iso(atMs), component, active, values: { kind: 'stuck' } }], full },
    ] as const
  read(
    alarm(baseMs, true, 'dl/1'),
    alarm(baseMs + 1, true, 'dl/1'),
    alarm(baseMs + 5, false, 'dl/1'),
  )
  read(alarm(baseMs + 10, true, 'dl/2'), alarm(baseMs + 11, true, 'dl/3'))
  read(alarm(baseMs + 20, true, 'dl/3', true))
  expect(
    history.queries
      .alarms(all)
      .map((row) => [
        row.component,
        row.raisedAtMs - baseMs,
        row.clearedAtMs && row.clearedAtMs - baseMs,
      ]),
  ).toEqual([
    ['dl/3', 11, null],
    ['dl/2', 10, 20],
    ['dl/1', 0, 5],
  ])
  expect(history.queries.latest().alarms.map((row) => row.component)).toEqual(['dl/3'])
  // The same messages again change nothing.
  read(alarm(baseMs, true, 'dl/1'), alarm(baseMs + 5, false, 'dl/1'))
  expect(history.queries.alarms(all).length).toBe(3)
})

test('an alarm the gateway raises about a device is the device’s, one that a device raises its own', () => {
  const { history, read } = open()
  const fault = (by: string, active: boolean, node: string, atMs = baseMs) =>
    [
      `${by}/alarm/detector.fault`,
      {
        entries: [{ ts: iso(atMs), component: 'dl/1', active, values: { kind: 'dead', node } }],
      },
    ] as const
  read(
    fault('gateway/main', true, 'north/det-001'),
    fault('gateway/main', true, 'north/det-002'),
    fault('gateway/main', false, 'north/det-001', baseMs + 5),
    fault('north/det-003', true, 'north/det-004'),
  )
  const rows = history.queries.alarms(all)
  expect(rows.map(({ node, clearedAtMs }) => [node, clearedAtMs]).sort()).toEqual([
    ['north/det-001', baseMs + 5],
    ['north/det-002', null],
    ['north/det-003', null],
  ])
})

test('the life of a command and the decisions behind it can be asked for', () => {
  const { history, records } = open()
  const id = '01JD9Z8V7B0000000000000000'
  const step = (atMs: number, state: string, seq: number) => ({
    entries: [
      {
        ts: iso(atMs),
        seq,
        values: {
          id,
          junction: 'north/tlc-001',
          code: 'tlc.timing.set',
          state,
          issuer: 'strategy:predictive',
        },
      },
    ],
  })
  const decision = {
    entries: [
      {
        ts: iso(baseMs),
        seq: 1,
        values: {
          junction: 'north/tlc-001',
          strategy: 'predictive',
          rung: 'predictive',
          decision: 'timing',
          why: 'queue on ln/2',
          commandId: id,
          forecast: { 'ln/2': 420 },
          values: { cycleS: 96 },
        },
      },
    ],
  }
  const topic = 'gateway/main/status/gateway.commands'
  const told = records(
    [topic, step(baseMs, 'issued', 1)],
    [topic, step(baseMs + 40, 'delivered', 2)],
    [topic, step(baseMs + 40, 'applied', 3)],
    ['gateway/main/status/gateway.control', decision],
  )
  history.append(told)
  history.append(told)
  expect(history.queries.commands({ ...all, junction: 'north/tlc-001' })).toEqual([
    {
      id,
      junction: 'north/tlc-001',
      code: 'tlc.timing.set',
      issuer: 'strategy:predictive',
      atMs: baseMs,
      state: 'applied',
      life: [
        { atMs: baseMs, state: 'issued', reason: null },
        { atMs: baseMs + 40, state: 'delivered', reason: null },
        { atMs: baseMs + 40, state: 'applied', reason: null },
      ],
    },
  ])
  expect(history.queries.commands({ ...all, junction: 'north/tlc-002' })).toEqual([])
  expect(history.queries.decisions({ ...all, junction: 'north/tlc-001' })).toMatchObject([
    { why: 'queue on ln/2', isShadow: false, forecast: { 'ln/2': 420 }, values: { cycleS: 96 } },
  ])
})

test('what the door has seen of devices, and what became of models, can be asked for', () => {
  const { history, read } = open()
  const figures = {
    ...{ messages: 9, duplicates: 1, quarantined: 0, gaps: 2, missing: 3, replayed: 4 },
    ...{ restarts: 5, late: 6, future: 7, misaligned: 8 },
  }
  const at = (atMs: number, values: object) => ({ entries: [{ ts: iso(atMs), seq: 1, values }] })
  const devices = 'gateway/main/status/gateway.devices'
  const nodes = { 'north/det-1': { ...figures, clockOffsetMs: -40 }, 'north/det-2': figures }
  const later = { 'north/det-1': { ...figures, gaps: 3 } }
  const facts = { quantity: 'speedKmh', from: 'profile', to: 'speed', why: 'empty' }
  const seat = at(baseMs, { event: 'seatChanged', model: 'speed', facts })
  const told = [
    [devices, at(baseMs, { nodes })],
    [devices, at(baseMs + minuteMs, { nodes: later })],
    ['gateway/main/status/gateway.models', seat],
  ] as const
  read(...told)
  read(...told)
  expect(history.queries.devices(all).map(({ node, gaps }) => [node, gaps])).toEqual([
    ['north/det-1', 3],
    ['north/det-1', 2],
    ['north/det-2', 2],
  ])
  const [row] = history.queries.devices({ ...all, node: 'north/det-2' })
  expect(row).toEqual({ node: 'north/det-2', atMs: baseMs, ...figures, clockOffsetMs: null })
  expect(history.queries.devices({ ...all, node: 'north/det-1' })[1]?.clockOffsetMs).toBe(-40)
  expect(history.queries.models(all)).toEqual([
    { atMs: baseMs, event: 'seatChanged', model: 'speed', facts },
  ])
})

test('after a crash between two batches nothing is missing and nothing counts twice', () => {
  const path = place()
  const first = open(path)
  const records = Array.from({ length: 10 }, (_, at) =>
    first.records([countTopic, counts(baseMs + (at + 1) * 6_000, 6_000, { vehicles: 1 })]),
  ).flat()
  first.history.consume(blocks(records.slice(0, 4)))
  // A batch that fails half way leaves nothing behind, cursor included.
  const torn = [...records.slice(4, 7), { ...records[7]!, payload: undefined as never }]
  const db = new DatabaseSync(path)
  db.exec("CREATE TRIGGER torn BEFORE INSERT ON reader BEGIN SELECT raise(ABORT, 'disk'); END")
  expect(() => first.history.consume(blocks(torn))).toThrow('disk')
  db.exec('DROP TRIGGER torn')
  db.close()
  first.history.close()

  const second = open(path).history
  expect(second.cursor()).toBe(4)
  second.consume(blocks(records.slice(4)))
  expect(second.queries.series(detector)).toMatchObject([{ vehicles: 10, n: 10 }])
  expect(second.accounts(12)).toEqual({
    stored: 12,
    written: 10,
    rejected: 0,
    pending: 2,
    residual: 0,
  })
})

test('a record that cannot be taken apart is counted and passed', () => {
  const { history, records } = open()
  const [good, bad] = records(
    [countTopic, counts(baseMs + minuteMs, 60_000, { vehicles: 1 })],
    [countTopic, {}],
  )
  expect(history.consume(blocks([good!, bad!]))).toBe(1)
  expect(history.accounts(2)).toEqual({
    stored: 2,
    written: 1,
    rejected: 1,
    pending: 0,
    residual: 0,
  })
})

test('a ledger that began anew is read from its start', () => {
  const { history, read } = open()
  read([countTopic, counts(baseMs + minuteMs, 60_000, { vehicles: 1 })])
  history.resume(0)
  expect(history.cursor()).toBe(0)
})

test('records that are missing in the ledger show as a residual', () => {
  const { history, records } = open()
  const some = records(
    ...Array.from(
      { length: 5 },
      (_, at) => [countTopic, counts(baseMs + at * minuteMs, 60_000, { vehicles: 1 })] as const,
    ),
  )
  history.consume(blocks(some.slice(0, 2)))
  history.consume(blocks(some.slice(4)))
  expect(history.accounts(5)).toMatchObject({ stored: 5, written: 3, residual: 2 })
})

test('what is older than the age goes, and a closed minute stays what it was', () => {
  const hourMs = 60 * minuteMs
  const retention = { keepMs: 24 * hourMs, keepWindowsMs: 2 * hourMs, bytesMax: 1e9 }
  const { history, read } = open(place(), { retention })
  const at = (hours: number, vehicles: number, offsetMs = 0) =>
    [
      countTopic,
      counts(baseMs + hours * hourMs + 30_000 + offsetMs, 30_000, { vehicles }),
      { receivedAtMs: baseMs + hours * hourMs },
    ] as const
  read(at(0, 5), at(0, 5, 30_000))
  read(at(20, 6))
  while (history.tend());
  // The short windows of the first minute are gone: a copy changes nothing, and is told.
  read(at(0, 9), at(20, 7, 30_000))
  expect(history.tooLate()).toBe(1)
  expect(history.queries.series(detector)).toMatchObject([{ vehicles: 10 }, { vehicles: 13 }])
  read(at(30, 8))
  while (history.tend());
  expect(history.queries.series(detector).map((row) => row.vehicles)).toEqual([13, 8])
})

test('a history that is too large forgets its oldest days', () => {
  const dayMs = 86_400_000
  const retention = { keepMs: 1000 * dayMs, keepWindowsMs: dayMs, bytesMax: 300_000 }
  const { history, records } = open(place(), { retention })
  for (let day = 0; day < 10; day++) {
    const items = Array.from(
      { length: 1440 },
      (_, at) =>
        [
          countTopic,
          counts(baseMs + day * dayMs + at * minuteMs, 60_000, { vehicles: at }),
        ] as const,
    )
    history.consume(blocks(records(...items)))
  }
  expect(history.usedBytes()).toBeGreaterThan(300_000)
  while (history.tend());
  expect(history.usedBytes()).toBeLessThanOrEqual(300_000)
  const { rows } = history.queries.training(all)
  expect(rows.at(-1)?.atMs).toBe(baseMs + 9 * dayMs + 1438 * minuteMs)
  expect(rows.length).toBeGreaterThan(1440)
})

test('training rows come page by page, each once', () => {
  const { history, records } = open()
  const items = Array.from(
    { length: 25 },
    (_, at) =>
      [
        `north/det-${at % 3}/status/traffic.count/1min`,
        counts(baseMs + at * minuteMs, 60_000, { vehicles: at }),
      ] as const,
  )
  history.consume(blocks(records(...items)))
  const seen: number[] = []
  for (let after: Parameters<typeof history.queries.training>[0]['after']; ; ) {
    const page = history.queries.training(
      after ? { ...all, after, limit: 10 } : { ...all, limit: 10 },
    )
    seen.push(...page.rows.map((row) => row.vehicles))
    if (!page.next) break
    after = page.next
  }
  expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 25 }, (_, at) => at))
})

test('training rows begin where they are asked for, in each detector and length of windows', () => {
  const { history, records } = open()
  expect(history.queries.countSpan()).toBeUndefined()
  const items = Array.from({ length: 20 }, (_, at) =>
    [10_000, 60_000, 900_000].map(
      (windowMs) =>
        [
          `north/det-${at % 2}/status/traffic.count/live`,
          counts(baseMs + at * minuteMs + windowMs, windowMs, { vehicles: at }),
        ] as const,
    ),
  ).flat()
  history.consume(blocks(records(...items)))
  expect(history.queries.countSpan()).toEqual({
    fromMs: baseMs,
    toMs: baseMs + 19 * minuteMs + 900_000,
  })
  const range = { fromMs: baseMs + 16 * minuteMs, toMs: baseMs + 19 * minuteMs }
  const seen: unknown[] = []
  for (let after: Parameters<typeof history.queries.training>[0]['after']; ; ) {
    const page = history.queries.training({ ...range, ...(after && { after }), limit: 2 })
    seen.push(...page.rows.map((row) => [row.node, row.windowMs, row.vehicles]))
    if (!page.next) break
    after = page.next
  }
  const lengths = [10_000, 60_000, 900_000]
  expect(seen).toEqual([
    ...lengths.flatMap((ms) => [16, 18].map((at) => ['north/det-0', ms, at])),
    ...lengths.map((ms) => ['north/det-1', ms, 17]),
  ])
})

test('a step that is no multiple of a minute is IG_ERR_HISTORY_QUERY_INVALID', () => {
  const { history } = open()
  const code = expect.objectContaining({ code: 'IG_ERR_HISTORY_QUERY_INVALID' })
  expect(() => history.queries.series({ ...detector, stepMs: 1500 })).toThrow(code)
})

test('a file of the version before keeps what it holds and takes up what is new', () => {
  const path = place()
  open(path).history.close()
  const db = new DatabaseSync(path)
  db.exec(`
    ALTER TABLE decision DROP COLUMN forecast_inputs; PRAGMA user_version = 1;
    DROP TABLE device; DROP TABLE model_event;
    INSERT INTO alarm (node, code, component, kind, raised_ms) VALUES
      ('gateway/main', 'detector.fault', 'dl/1', 'dead', ${baseMs}),
      ('gateway/main', 'system.storage', '', 'history-disk', ${baseMs});
    INSERT INTO decision (junction, at_ms, strategy, rung, decision, why, is_shadow)
      VALUES ('north/tlc-001', ${baseMs}, 'webster', 'plan', 'keep', 'as before', 0)
  `)
  db.close()
  const decisions = () =>
    open(path).history.queries.decisions({ ...all, junction: 'north/tlc-001' })
  expect(decisions()).toMatchObject([{ why: 'as before', forecastInputs: null }])
  expect(decisions()).toHaveLength(1)
  const { queries } = open(path).history
  expect([queries.devices(all), queries.models(all)]).toEqual([[], []])
  // An alarm about a device under the gateway's node is one that nothing would end.
  expect(queries.latest().alarms).toMatchObject([{ code: 'system.storage' }])
})

test('a file of a newer version is IG_ERR_HISTORY_VERSION, one that is no database IG_ERR_HISTORY_UNREADABLE', () => {
  const path = place()
  const db = new DatabaseSync(path)
  db.exec('PRAGMA user_version = 99')
  db.close()
  expect(() => open(path)).toThrow(expect.objectContaining({ code: 'IG_ERR_HISTORY_VERSION' }))
  const code = expect.objectContaining({ code: 'IG_ERR_HISTORY_UNREADABLE' })
  expect(() => open('/nowhere/history.db')).toThrow(code)
})
