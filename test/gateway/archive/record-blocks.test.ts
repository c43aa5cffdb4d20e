/** What two readers of one thread get from the same commits: the same minutes and lines as each record taken on its own. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { createMemoryLedger } from '../../../bench/stand/memory-ledger.ts'
import { createRecordBlocks } from '../../../gateway/archive/record-blocks.ts'
import { openHistory } from '../../../gateway/history/history.ts'
import { createBatch, fillBatch } from '../../../gateway/influx/batch.ts'
import { createPointMapper } from '../../../gateway/influx/points.ts'
import { blockOf } from '../../../gateway/influx/record-block.ts'
import { silentLog } from '../../../gateway/kit/log.ts'
import { openLedger } from '../../../gateway/ledger/ledger.ts'
import { openLedgerReader } from '../../../gateway/ledger/reader.ts'
import type { LedgerEntry } from '../../../gateway/ledger/record.ts'

const baseMs = Date.parse('2026-11-22T07:00:00.000Z')
const recordsPerCommit = 7

const meters = fc.oneof(
  fc.double({ min: 0, max: 5_000, noNaN: true }),
  fc.integer({ min: 0, max: 50_000 }).map((tenths) => tenths / 10),
  fc.constantFrom(0, -0, 0.1, 0.3, 1e-7, 21.5, 4999.9, 5_000),
)
const lane = fc.record(
  {
    queueVehicles: fc.integer({ min: 0, max: 1_000 }),
    queueMeters: meters,
    approachingVehicles: fc.integer({ min: 0, max: 1_000 }),
    passedVehicles: fc.integer({ min: 0, max: 1_000 }),
    blockedVehicles: fc.integer({ min: 0, max: 10_000 }),
    rangeMeters: meters,
    quality: fc.constantFrom('recent', 'undefined'),
  },
  { requiredKeys: ['queueVehicles', 'queueMeters', 'approachingVehicles'] },
)
const entry = fc.record({
  ts: fc
    .integer({ min: 0, max: 180_000 })
    .map((afterMs) => new Date(baseMs + afterMs).toISOString()),
  seq: fc.integer({ min: 0, max: 1_000_000 }),
  values: fc.record({
    lanes: fc.dictionary(fc.constantFrom('ln/1', 'ln/2', 'ln/17', 'lane/3'), lane, { minKeys: 1 }),
  }),
})
const record = fc.record({
  node: fc.constantFrom('north/cam-1', 'north/cam-2'),
  entries: fc.array(entry, { minLength: 1, maxLength: 3 }),
  isReplay: fc.boolean(),
  hasNotes: fc.boolean(),
})

function entryOf({
  node,
  entries,
  isReplay,
  hasNotes,
}: typeof record extends fc.Arbitrary<infer T> ? T : never): LedgerEntry {
  return {
    receivedAtMs: baseMs,
    topic: `${node}/${isReplay ? 'replay' : 'status'}/traffic.queue/live`,
    payload: Buffer.from(JSON.stringify({ entries })),
    ...(hasNotes ? { notes: { qualities: { 'ln/1': 'unknown' as const } } } : {}),
  }
}

/** Whole, through columns where there are some, or record by record as values. */
function readerOf(entries: readonly LedgerEntry[], byColumns: boolean) {
  if (byColumns) return createRecordBlocks(createMemoryLedger(entries, recordsPerCommit)).read
  const records = entries.map((one, offset) => ({ offset, ...one })) as never[]
  return (from: number) => blockOf(records.slice(from, from + recordsPerCommit))
}

function linesOf(entries: readonly LedgerEntry[], byColumns: boolean): string[] {
  const source = { name: 'ledger', end: () => entries.length, read: readerOf(entries, byColumns) }
  const batch = createBatch([0])
  fillBatch(batch, [source], createPointMapper(), 10_000)
  expect(batch.to).toEqual([entries.length])
  return Array.from({ length: batch.lines.count }, (_, index) => batch.lines.line(index))
}

function minutesOf(entries: readonly LedgerEntry[], byColumns: boolean) {
  const dir = mkdtempSync(join(tmpdir(), 'intergreen-blocks-'))
  const history = openHistory({ path: join(dir, 'history.db'), log: silentLog })
  try {
    const read = readerOf(entries, byColumns) as ReturnType<typeof createRecordBlocks>['read']
    for (let from = 0; from < entries.length; ) {
      const block = read(from)!
      history.consume([block])
      from = block.firstOffset + block.count
    }
    const range = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER, stepMs: 60_000 }
    return ['north/cam-1', 'north/cam-2'].flatMap((node) =>
      ['ln/1', 'ln/2', 'ln/17', 'lane/3'].map((component) =>
        history.queries.queues({
          node,
          component,
          ...range,
          toMs: baseMs + 240_000,
          fromMs: baseMs,
        }),
      ),
    )
  } finally {
    history.close()
    rmSync(dir, { recursive: true })
  }
}

test('lines from columns are byte for byte those of the parsed messages', () => {
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 30 }), (records) => {
      const entries = records.map(entryOf)
      expect(linesOf(entries, true)).toEqual(linesOf(entries, false))
    }),
    { numRuns: 500 },
  )
})

test('minutes from columns are those of the parsed messages', () => {
  fc.assert(
    fc.property(fc.array(record, { minLength: 1, maxLength: 30 }), (records) => {
      const entries = records.map(entryOf)
      expect(minutesOf(entries, true)).toEqual(minutesOf(entries, false))
    }),
    { numRuns: 25 },
  )
})

test('a lane that was not of ordinary quality says once that it is again, by columns too', () => {
  const message = (quality?: string): LedgerEntry => {
    const value = { queueVehicles: 1, queueMeters: 2, approachingVehicles: 3 }
    const lanes = { 'ln/1': quality ? { ...value, quality } : value }
    const entries = [{ ts: new Date(baseMs).toISOString(), seq: 1, values: { lanes } }]
    const payload = Buffer.from(JSON.stringify({ entries }))
    return { receivedAtMs: baseMs, topic: 'north/cam-1/status/traffic.queue/live', payload }
  }
  const lines = linesOf([message(), message('undefined'), message(), message()], true)
  expect(lines.map((line) => /quality=(\d)i/.exec(line)?.[1])).toEqual([
    undefined,
    '2',
    '0',
    undefined,
  ])
})

test('a commit is read from the disk once for readers that are near each other', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'intergreen-blocks-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  const ledger = await openLedger({ dir, log: silentLog })
  onTestFinished(() => ledger.close())
  for (let at = 0; at < 40; at++) {
    const payload = Buffer.from(
      `{"entries":[{"ts":"2026-11-22T07:00:00.000Z","seq":${at},"values":{}}]}`,
    )
    ledger.append({ receivedAtMs: baseMs + at, topic: 'north/cam-1/status/x.y', payload }, () => {})
    if (at % 10 === 9) await new Promise<void>((resolve) => ledger.afterPending(() => resolve()))
  }
  const reader = openLedgerReader({ dir })
  onTestFinished(() => reader.close())
  let reads = 0
  const counted = {
    readFrames(from: number, bytesMax: number) {
      reads += 1
      return reader.readFrames(from, bytesMax)
    },
  }
  const all = (read: ReturnType<typeof createRecordBlocks>['read']) => {
    const found: [number, number][] = []
    for (let block = read(0); block; block = read(block.firstOffset + block.count))
      for (let at = 0; at < block.count; at++)
        found.push([block.record(at).offset, block.receivedAtMs(at) - baseMs])
    return found
  }
  const wanted = Array.from({ length: 40 }, (_, at) => [at, at])
  const { read } = createRecordBlocks(counted)
  expect(all(read)).toEqual(wanted)
  const once = reads
  expect(all(read)).toEqual(wanted)
  expect(reads).toBe(once + 1) // That there is nothing more is asked of the disk each time.
  // The same where nothing can be kept: each reader reads for itself.
  expect(all(createRecordBlocks(counted, 1).read)).toEqual(wanted)
  const middle = read(25)!
  expect(middle.firstOffset).toBeLessThanOrEqual(25)
  expect(middle.firstOffset + middle.count).toBeGreaterThan(25)
})
