import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { readingsOf } from '../../../gateway/compose/live-reader.ts'
import { createEventClock } from '../../../gateway/kit/clock.ts'
import { silentLog } from '../../../gateway/kit/log.ts'
import type { ParsedRecord, RecordNotes } from '../../../gateway/ledger/record.ts'
import { createHouseForecaster } from '../../../gateway/prediction/house-forecaster.ts'
import type { TrafficCount } from '../../../schemas/generated/messages.ts'
import { formatTimestamp } from '../../../schemas/time.ts'
import { isTopic, parseTopic } from '../../../schemas/topics.ts'
import { createRandom, minuteMs, mondayMs, poisson, usualPerHour } from '../prediction/days.ts'

const hourMs = 60 * minuteMs
const stepMs = 5 * minuteMs
const random = createRandom(3)
const still = join(import.meta.dirname, '../prediction/fixtures/still')

type Entry = TrafficCount['entries'][number]

function entry(atMs: number, rest: Partial<Entry> = {}): Entry {
  const vehicles = poisson(usualPerHour(atMs) / 12, random)
  const detectors = { 'dl/1': { vehicles, occupancy: vehicles, speed: 46.2 } }
  return { ts: formatTimestamp(atMs), seq: 1, values: { windowMs: stepMs, detectors }, ...rest }
}

function record(
  entries: readonly Entry[],
  { node = 'north/det-001', type = 'status', receivedAtMs = mondayMs, notes = {} } = {} as {
    node?: string
    type?: string
    receivedAtMs?: number
    notes?: RecordNotes
  },
): ParsedRecord {
  const text = `${node}/${type}/traffic.count/5min`
  const topic = parseTopic(text)
  if (!isTopic(topic)) throw new Error(topic.reason)
  const value = { entries }
  const payload = Buffer.from(JSON.stringify(value))
  return { offset: 0, receivedAtMs, topic: text, payload, notes, message: { topic, value } }
}

const qualityOf = (one: ParsedRecord) => readingsOf(one)[0]?.quality

test('what is dated ahead of its arrival by more than a clock may differ is no reading', () => {
  const entries = [entry(mondayMs), entry(mondayMs + 5_000), entry(mondayMs + 2 * hourMs)]
  const readings = readingsOf(record(entries, { notes: { future: true } }))
  expect(readings.map(({ atMs }) => atMs - mondayMs)).toEqual([0, 5_000])
  // The door has noticed nothing: in simulated time the simulator says what time it is.
  expect(readingsOf(record(entries))).toHaveLength(3)
})

test('a clock that runs two hours ahead for a while does not freeze the forecast after it is put right', async () => {
  const clock = createEventClock(mondayMs)
  const forecaster = createHouseForecaster({ clock, log: silentLog })
  const told = (aheadMs: number) => {
    clock.advanceTo(clock.nowMs() + stepMs)
    const receivedAtMs = clock.nowMs()
    const notes: RecordNotes = aheadMs > 0 ? { future: true } : {}
    for (const reading of readingsOf(
      record([entry(receivedAtMs + aheadMs)], { receivedAtMs, notes }),
    ))
      forecaster.observe(reading)
  }
  const ask = () => forecaster.forecast('north/det-001', 'dl/1', 'vehiclesPer5Min', clock.nowMs())
  for (let i = 0; i < 12; i++) told(0)
  for (let i = 0; i < 9; i++) told(2 * hourMs)
  expect(ask()).toBeUndefined()
  for (let i = 0; i < 6; i++) told(0)
  expect(ask()?.newestReadingAtMs).toBe(clock.nowMs())
})

test('one reading from the future does not make every detector ask the network alone', async () => {
  const shippedFolder = await mkdtemp(join(tmpdir(), 'live-'))
  onTestFinished(() => rm(shippedFolder, { recursive: true, force: true }))
  await cp(still, join(shippedFolder, 'still'), { recursive: true })
  const clock = createEventClock(mondayMs)
  const forecaster = createHouseForecaster({ clock, log: silentLog, shippedFolder })
  await forecaster.start(new AbortController().signal)
  onTestFinished(() => forecaster.stop(1_000))
  const nodes = ['north/det-001', 'north/det-002', 'north/det-003', 'north/det-004']
  const tell = (node: string, aheadMs = 0) => {
    const receivedAtMs = clock.nowMs()
    const notes: RecordNotes = aheadMs > 0 ? { future: true } : {}
    const one = record([entry(receivedAtMs + aheadMs)], { node, receivedAtMs, notes })
    for (const reading of readingsOf(one)) forecaster.observe(reading)
  }
  const round = async () => {
    clock.advanceTo(clock.nowMs() + stepMs)
    for (const node of nodes) tell(node)
    await forecaster.whenIdle()
  }
  for (let i = 0; i < 3; i++) await round()
  const before = forecaster.counts().answered
  await round()
  const perRound = forecaster.counts().answered - before
  expect(perRound).toBeGreaterThan(0)
  tell(nodes[0]!, hourMs)
  await forecaster.whenIdle()
  const ahead = forecaster.counts().answered
  await round()
  expect(forecaster.counts().answered - ahead).toBe(perRound)
})

test('an entry’s own quality counts, below its detector’s and above what a replay is by nature', () => {
  const one = (rest: Partial<Entry>, type = 'status', notes: RecordNotes = {}) =>
    qualityOf(record([entry(mondayMs, rest)], { type, notes }))
  expect(one({})).toBe('recent')
  expect(one({ quality: 'undefined' })).toBe('undefined')
  expect(one({ quality: 'unknown' }, 'replay', { replay: true })).toBe('unknown')
  expect(one({}, 'replay', { replay: true })).toBe('old')
  const doubtful = { 'dl/1': { vehicles: 3, quality: 'unknown' as const } }
  const values = { windowMs: stepMs, detectors: doubtful }
  expect(one({ quality: 'old', values })).toBe('unknown')
  const qualities = { 'dl/1': 'undefined' as const }
  expect(one({ quality: 'old', values }, 'status', { qualities })).toBe('undefined')
})
