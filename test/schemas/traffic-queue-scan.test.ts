/** The scanner against the judge: where it says valid, ajv does, and the numbers are those of JSON.parse. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseTimestamp } from '../../schemas/time.ts'
import { scanTrafficQueue, TrafficQueueScan } from '../../schemas/traffic-queue-scan.ts'
import { messageValidator } from '../../schemas/validators.ts'

const validate = messageValidator('status', 'traffic.queue')!
const scan = new TrafficQueueScan()

/** Amid other bytes, as a payload lies in a chunk. */
function scanText(text: string): boolean {
  const payload = Buffer.from(text)
  const chunk = Buffer.concat([Buffer.from('xyz'), payload, Buffer.from('}1"')])
  return scanTrafficQueue(chunk, 3, 3 + payload.length, scan)
}

function judged(text: string): boolean {
  try {
    return validate(JSON.parse(text)) as boolean
  } catch {
    return false
  }
}

interface Message {
  entries: {
    ts: string
    seq: number
    values: { lanes: Record<string, Record<string, number>> }
  }[]
}

const seed = 20261122
const runs = { numRuns: 3_000, seed }

/** Mostly right, so that whole messages are right often enough. */
const mostly = <T>(right: fc.Arbitrary<T>, wild: fc.Arbitrary<T>) =>
  fc.oneof({ weight: 60, arbitrary: right }, { weight: 1, arbitrary: wild })
const vehicles = mostly(fc.integer({ min: 0, max: 1_000 }), fc.integer({ min: -3, max: 1_010 }))
const meters = mostly(
  fc.integer({ min: 0, max: 50_000 }).map((tenths) => tenths / 10),
  fc.double({ min: -1, max: 5_010, noNaN: true }),
)
const laneValues = fc.record(
  {
    queueVehicles: vehicles,
    queueMeters: meters,
    approachingVehicles: vehicles,
    passedVehicles: vehicles,
    blockedVehicles: mostly(
      fc.integer({ min: 0, max: 10_000 }),
      fc.integer({ min: -1, max: 10_001 }),
    ),
    rangeMeters: meters,
    arrivalsS: fc.array(meters, { maxLength: 4 }),
  },
  { requiredKeys: ['queueVehicles', 'queueMeters', 'approachingVehicles'] },
)
const strangeValues = fc.record(
  {
    queueVehicles: vehicles,
    queueMeters: meters,
    approachingVehicles: vehicles,
    arrivalsS: fc.array(fc.integer({ min: 0, max: 601 }), { maxLength: 66 }),
    quality: fc.constantFrom('recent', 'old', 'fine'),
    other: fc.integer(),
  },
  { requiredKeys: [] },
)
const name = mostly(
  fc.integer({ min: 0, max: 300 }).map((n) => `ln/${n}`),
  fc.constantFrom('ln/', 'l/1', 'ln/12345', 'abcdefghi/1', 'Ln/1', 'ln-1', 'ln/1x', '', 'dl/0001'),
)
const ts = mostly(
  fc.integer({ min: 0, max: 4e12 }).map((ms) => new Date(ms).toISOString()),
  fc.constantFrom(
    '2026-02-30T00:00:00.000Z',
    '2024-02-29T23:59:59.999Z',
    '2026-02-29T23:59:59.999Z',
    '2026-13-01T00:00:00.000Z',
    '2026-11-22T24:00:00.000Z',
    '2026-11-22T18:60:00.000Z',
    '2026-11-22T18:09:60.000Z',
    '2026-11-22T18:09:30.12Z',
    '2026-11-22T18:09:30.125+00:00',
  ),
)
const entry = fc.record({
  ts,
  seq: mostly(fc.oneof(fc.nat(), fc.maxSafeInteger()), fc.constant(9_007_199_254_740_992)),
  values: fc.record({
    lanes: mostly(
      fc.dictionary(name, laneValues, { minKeys: 1, maxKeys: 4 }),
      fc.dictionary(name, strangeValues, { maxKeys: 3 }) as never,
    ),
  }),
})
const message = mostly(
  fc.record({ entries: fc.array(entry, { minLength: 1, maxLength: 3 }) }),
  fc.record({ entries: fc.array(entry, { maxLength: 10 }), done: fc.boolean() }),
)

function expectSame(text: string): void {
  const parsed = JSON.parse(text) as Message
  const tsMs = parsed.entries.map((found) => parseTimestamp(found.ts))
  expect([...scan.tsMs.subarray(0, scan.entries)]).toEqual(tsMs)
  expect([...scan.seqs.subarray(0, scan.entries)]).toEqual(parsed.entries.map(({ seq }) => seq))
  const lanes = parsed.entries.flatMap(({ values }) => Object.entries(values.lanes))
  const sorted = (found: unknown[]) => found.map((one) => JSON.stringify(one)).sort()
  const bytes = Buffer.from(text)
  const scanned = Array.from({ length: scan.lanes }, (_, at) => {
    const of = (values: Float64Array) => (Number.isNaN(values[at]) ? undefined : values[at])
    return [
      bytes.toString('latin1', scan.nameStart[at]! - 3, scan.nameEnd[at]! - 3),
      {
        queueVehicles: of(scan.queueVehicles),
        queueMeters: of(scan.queueMeters),
        approachingVehicles: of(scan.approachingVehicles),
        passedVehicles: of(scan.passedVehicles),
        blockedVehicles: of(scan.blockedVehicles),
        rangeMeters: of(scan.rangeMeters),
      },
    ]
  })
  const wanted = lanes.map(([component, found]) => [
    component,
    {
      queueVehicles: found.queueVehicles,
      queueMeters: found.queueMeters,
      approachingVehicles: found.approachingVehicles,
      passedVehicles: found.passedVehicles,
      blockedVehicles: found.blockedVehicles,
      rangeMeters: found.rangeMeters,
    },
  ])
  expect(sorted(scanned)).toEqual(sorted(wanted))
}

test('what it calls valid ajv calls valid, and its numbers are those of JSON.parse', () => {
  let quick = 0
  fc.assert(
    fc.property(message, (found) => {
      const text = JSON.stringify(found)
      if (!scanText(text)) return
      quick += 1
      expect(judged(text)).toBe(true)
      expectSame(text)
    }),
    runs,
  )
  expect(quick).toBeGreaterThan(50)
})

const ordinary = fc.record({
  entries: fc.array(
    fc.record({
      ts: fc.integer({ min: 0, max: 4e12 }).map((ms) => new Date(ms).toISOString()),
      seq: fc.nat(),
      values: fc.record({
        lanes: fc.dictionary(
          fc.integer({ min: 1, max: 64 }).map((n) => `ln/${n}`),
          fc.record({
            queueVehicles: fc.integer({ min: 0, max: 1_000 }),
            queueMeters: fc.integer({ min: 0, max: 50_000 }).map((tenths) => tenths / 10),
            approachingVehicles: fc.integer({ min: 0, max: 1_000 }),
          }),
          { minKeys: 1, maxKeys: 16 },
        ),
      }),
    }),
    { minLength: 1, maxLength: 8 },
  ),
})

test('an ordinary message is always taken, whatever the order of its members', () => {
  fc.assert(
    fc.property(ordinary, fc.boolean(), (found, isTurned) => {
      const text = JSON.stringify(isTurned ? turned(found) : found)
      expect(scanText(text)).toBe(true)
      expectSame(text)
    }),
    runs,
  )
})

function turned(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(turned)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).map(([key, member]) => [key, turned(member)])
  return Object.fromEntries(members.reverse())
}

test('with one byte changed, added or taken away it never calls valid what ajv does not', () => {
  const edit = fc.record({ at: fc.nat(), byte: fc.integer({ min: 1, max: 127 }), kind: fc.nat(2) })
  fc.assert(
    fc.property(ordinary, edit, (found, { at, byte, kind }) => {
      const text = JSON.stringify(found)
      const place = at % text.length
      const tail = text.slice(kind === 1 ? place : place + 1)
      const broken = `${text.slice(0, place)}${kind === 2 ? '' : String.fromCharCode(byte)}${tail}`
      if (scanText(broken)) {
        expect(judged(broken)).toBe(true)
        expectSame(broken)
      }
    }),
    { numRuns: 10_000, seed },
  )
})

const lane = '{"queueVehicles":1,"queueMeters":2.5,"approachingVehicles":3}'
const around = (lanes: string, rest = '') =>
  `{"entries":[{"ts":"2026-11-22T18:09:30.125Z","seq":1,"values":{"lanes":{${lanes}}}}]${rest}}`

test.each([
  ['white space', around(`"ln/1": ${lane}`)],
  ['a member met twice', around(`"ln/1":${lane},"ln/1":${lane}`)],
  ['an exponent', around(`"ln/1":${lane.replace('2.5', '25e-1')}`)],
  ['a negative zero', around(`"ln/1":${lane.replace(':1,', ':-0,')}`)],
  ['a leading zero', around(`"ln/1":${lane.replace(':1,', ':01,')}`)],
  ['an escape', around(`"ln\\/1":${lane}`)],
  ['a quality', around(`"ln/1":${lane.replace('}', ',"quality":"old"}')}`)],
  ['the end of a replay', around(`"ln/1":${lane}`, ',"done":true')],
  ['more digits than are exact', around(`"ln/1":${lane.replace('2.5', '2.5000000000000001')}`)],
])('%s is left to the judge', (_, text) => {
  expect(scanText(text)).toBe(false)
})

test('bytes after the message, or a message cut off, are not taken for it', () => {
  const payload = Buffer.from(around(`"ln/1":${lane}`))
  expect(scanTrafficQueue(payload, 0, payload.length, scan)).toBe(true)
  for (let end = 0; end < payload.length; end++)
    expect(scanTrafficQueue(payload, 0, end, scan)).toBe(false)
})
