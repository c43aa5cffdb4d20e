/**
 * One question: what does it cost to tell that a message is valid?
 *
 * Messages of traffic.queue (one, four and sixteen lanes) and traffic.count (two detectors), each a little different, as
 * bytes: JSON.parse and ajv, which judge every message, beside the scanner of schemas/traffic-queue-scan.ts, which knows
 * traffic.queue of ordinary form. In turn, the least of the rounds; prints one JSON line.
 */
import assert from 'node:assert'
import { decodePayload } from '../schemas/payload.ts'
import { scanTrafficQueue, TrafficQueueScan } from '../schemas/traffic-queue-scan.ts'
import { messageValidator } from '../schemas/validators.ts'
import { round } from './stand/machine.ts'
import { benchOptions, count } from './stand/options.ts'

interface Options {
  readonly rounds: number
  readonly messages: number
}

const options = benchOptions<Options>(import.meta.filename, {
  rounds: count(7, 'rounds; the least time of them counts'),
  messages: count(50_000, 'messages of a round'),
})

const baseMs = Date.parse('2026-11-22T07:00:00.000Z')
/** So many that no branch or cache learns them by heart. */
const variants = 1_000

function bytesOf(at: number, values: object): Buffer {
  const ts = new Date(baseMs + at * 1_000).toISOString()
  return Buffer.from(JSON.stringify({ entries: [{ ts, seq: at, values }] }))
}

function queue(lanes: number): readonly Buffer[] {
  const lane = (at: number) => ({
    queueVehicles: at % 9,
    queueMeters: (at % 9) * 6.5,
    approachingVehicles: at % 4,
  })
  return Array.from({ length: variants }, (_, at) => {
    const names = Array.from({ length: lanes }, (_, index) => [`ln/${index + 1}`, lane(at + index)])
    return bytesOf(at, { lanes: Object.fromEntries(names) })
  })
}

function detectorCount(): readonly Buffer[] {
  const detector = (at: number) => ({
    vehicles: at % 30,
    occupancy: (at % 400) / 10,
    speed: 30 + (at % 300) / 10,
  })
  return Array.from({ length: variants }, (_, at) =>
    bytesOf(at, {
      windowMs: 60_000,
      detectors: { 'dl/1': detector(at), 'dl/2': detector(at + 7) },
    }),
  )
}

type Judge = (bytes: Buffer) => boolean

function parseAndValidate(code: string): Judge {
  const validate = messageValidator('status', code)
  assert(validate)
  return (bytes) => {
    const decoded = decodePayload(bytes)
    return 'value' in decoded && validate(decoded.value)
  }
}

const scan = new TrafficQueueScan()
const scanner: Judge = (bytes) => scanTrafficQueue(bytes, 0, bytes.length, scan)

/** µs per message of one round. */
function time(judge: Judge, messages: readonly Buffer[]): number {
  const startedAtMs = performance.now()
  let valid = 0
  for (let at = 0; at < options.messages; at += 1) {
    if (judge(messages[at % variants] as Buffer)) valid += 1
  }
  const us = ((performance.now() - startedAtMs) * 1_000) / options.messages
  // A judge that says no early would look fast.
  assert.equal(valid, options.messages)
  return us
}

interface Row {
  readonly name: string
  readonly code: string
  readonly messages: readonly Buffer[]
}

const rows: readonly Row[] = [
  { name: 'queueOneLane', code: 'traffic.queue', messages: queue(1) },
  { name: 'queueFourLanes', code: 'traffic.queue', messages: queue(4) },
  { name: 'queueSixteenLanes', code: 'traffic.queue', messages: queue(16) },
  { name: 'countTwoDetectors', code: 'traffic.count', messages: detectorCount() },
]

function measure({ code, messages }: Row) {
  const judges: Readonly<Record<string, Judge>> = {
    parseAndValidateUs: parseAndValidate(code),
    ...(code === 'traffic.queue' && { scanUs: scanner }),
  }
  const least = new Map<string, number>()
  for (let at = 0; at <= options.rounds; at += 1) {
    for (const [name, judge] of Object.entries(judges)) {
      const us = time(judge, messages)
      // The first round is for the compiler.
      if (at > 0) least.set(name, Math.min(us, least.get(name) ?? Number.POSITIVE_INFINITY))
    }
  }
  const figures = Object.fromEntries([...least].map(([name, us]) => [name, round(us)]))
  return { bytes: messages[0]?.length, ...figures }
}

const result = {
  bench: 'decode',
  unit: 'µs per message, one thread',
  ...Object.fromEntries(rows.map((row) => [row.name, measure(row)])),
}
process.stdout.write(`${JSON.stringify(result)}\n`)
