/**
 * One question: what does a reading cost on its way into the database, and where?
 *
 * Records of traffic.count (one detector) and traffic.queue (one lane) are taken apart, made into points, into lines
 * (by the client library's Point, and by ours), compressed, and written to a database if one is installed.
 * Fixed work, least and median of the repetitions; prints one JSON line.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { Point as LibraryPoint } from '@influxdata/influxdb-client'
import { createRecordBlocks } from '../gateway/archive/record-blocks.ts'
import { createBatch, fillBatch } from '../gateway/influx/batch.ts'
import { createInfluxSink } from '../gateway/influx/influx-sink.ts'
import { formatLine } from '../gateway/influx/line.ts'
import { LineBuffer } from '../gateway/influx/line-buffer.ts'
import { createPointMapper } from '../gateway/influx/points.ts'
import type { Lines, Point, SourceRecord } from '../gateway/influx/ports.ts'
import { createSystemClock } from '../gateway/kit/clock.ts'
import { createMemoryLedger } from './stand/memory-ledger.ts'
import { benchOptions } from './stand/options.ts'
import { freePort } from './stand/processes.ts'

benchOptions(import.meta.filename)

const recordCount = 100_000
const batchPoints = 5_000
const repetitions = 7
const nodes = 500
const baseMs = Date.parse('2026-11-22T07:00:00.000Z')

function records(): SourceRecord[] {
  return Array.from({ length: recordCount }, (_, at) => {
    const node = `north/det-${String(at % nodes).padStart(3, '0')}`
    const ts = new Date(baseMs + Math.floor(at / nodes) * 60_000).toISOString()
    const detector = { vehicles: at % 30, occupancy: (at % 400) / 10, speed: 30 + (at % 300) / 10 }
    const lane = { queueVehicles: at % 9, queueMeters: (at % 9) * 6.5, approachingVehicles: at % 4 }
    const isCount = at % 2 === 0
    const values = isCount
      ? { windowMs: 60_000, detectors: { 'dl/1': detector } }
      : { lanes: { 'ln/1': lane } }
    const code = isCount ? 'traffic.count/1min' : 'traffic.queue/live'
    const payload = Buffer.from(JSON.stringify({ entries: [{ ts, seq: at, values }] }))
    return { offset: at, receivedAtMs: baseMs, topic: `${node}/status/${code}`, payload }
  })
}

function measure(work: () => void, count = recordCount): { leastUs: number; medianUs: number } {
  const times = Array.from({ length: repetitions }, () => {
    const startedAtMs = performance.now()
    work()
    return ((performance.now() - startedAtMs) * 1000) / count
  }).sort((a, b) => a - b)
  return { leastUs: round(times[0]!), medianUs: round(times[repetitions >> 1]!) }
}

const round = (value: number) => Math.round(value * 100) / 100

function libraryLine(point: Point): string {
  const { measurement, tags } = point.series
  const made = new LibraryPoint(measurement.name)
  for (const [name, value] of tags) made.tag(name, value)
  for (const [at, { name, kind }] of measurement.fields.entries()) {
    const value = point.values[at]
    if (value === undefined) continue
    if (kind === 'int') made.intField(name, value)
    else if (kind === 'float') made.floatField(name, value)
    else if (kind === 'bool') made.booleanField(name, value)
    else made.stringField(name, value)
  }
  return made.timestamp(point.atMs).toLineProtocol({ convertTime: (value) => String(value) }) ?? ''
}

/** Wall time and our own CPU per record, batch after batch, into a real database. */
async function write(batches: readonly Lines[], gzipThresholdBytes: number) {
  const port = await freePort()
  const dir = mkdtempSync(join(tmpdir(), 'intergreen-bench-'))
  const flags = [`-storageDataPath=${dir}`, `-httpListenAddr=127.0.0.1:${port}`]
  const database = spawn('victoria-metrics', [...flags, '-retentionPeriod=100y'], {
    stdio: 'ignore',
  })
  const isMissing = await new Promise<boolean>((resolve) => {
    database.once('error', () => resolve(true))
    database.once('spawn', () => resolve(false))
  })
  if (isMissing) return 'victoria-metrics is not installed'
  try {
    const url = `http://127.0.0.1:${port}`
    const isUp = () =>
      fetch(`${url}/health`).then(
        () => true,
        () => false,
      )
    while (!(await isUp())) await new Promise((resolve) => setTimeout(resolve, 50))
    const options = { url, org: 'o', bucket: 'b', gzipThresholdBytes, batchPointsMax: batchPoints }
    const sink = createInfluxSink(options, { clock: createSystemClock() })
    await sink.open()
    await sink.write(batches[0]!)
    const cpu = process.cpuUsage()
    const startedAtMs = performance.now()
    for (const batch of batches) await sink.write(batch)
    const written = batches.reduce((sum, { count }) => sum + count, 0)
    const wallUs = ((performance.now() - startedAtMs) * 1000) / written
    const { user, system } = process.cpuUsage(cpu)
    await sink.close()
    return { wallUs: round(wallUs), ownCpuUs: round((user + system) / written) }
  } finally {
    database.kill()
    await new Promise((resolve) => database.once('exit', resolve))
    rmSync(dir, { recursive: true, force: true })
  }
}

const all = records()
const points: Point[] = []
const mapper = createPointMapper()
for (const record of all) mapper.map(record, points)
const lines = points.map((point) => formatLine(point)!)
const batches = Array.from({ length: recordCount / batchPoints }, (_, at) => {
  const batch = new LineBuffer()
  for (const line of lines.slice(at * batchPoints, (at + 1) * batchPoints)) batch.add(line)
  return batch
})
const queues = all.filter(({ topic }) => topic.includes('traffic.queue'))
/** From the frames of the ledger to lines, as the gateway does it: the messages cities send most. */
function queuesToLines() {
  const { read } = createRecordBlocks(createMemoryLedger(queues, 25))
  const source = { name: 'ledger', end: () => queues.length, read }
  const memory = new LineBuffer()
  let at = 0
  return () => {
    for (at = 0; at < queues.length; ) {
      const batch = createBatch([at], memory)
      fillBatch(batch, [source], mapper, batchPoints)
      at = batch.to[0]!
    }
  }
}
const bodies = Array.from({ length: recordCount / batchPoints }, (_, at) =>
  Buffer.from(lines.slice(at * batchPoints, (at + 1) * batchPoints).join('\n')),
)

const result = {
  bench: 'sink',
  machine: { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version },
  unit: 'µs per record of one point',
  toPoints: measure(() => {
    const out: Point[] = []
    const mapper = createPointMapper()
    for (const record of all) mapper.map(record, out)
  }),
  lineByLibrary: measure(() => {
    for (const point of points) libraryLine(point)
  }),
  lineByUs: measure(() => {
    for (const point of points) formatLine(point)
  }),
  queuesFromLedgerToLines: measure(queuesToLines(), queues.length),
  gzip: measure(() => {
    for (const body of bodies) gzipSync(body)
  }),
  bytesPerLine: Math.round(Buffer.byteLength(lines.join('\n')) / lines.length),
  bytesPerLineCompressed: Math.round(
    bodies.reduce((sum, body) => sum + gzipSync(body).length, 0) / lines.length,
  ),
  writeCompressed: await write(batches, 1_024),
  writePlain: await write(batches, Number.MAX_SAFE_INTEGER),
}
process.stdout.write(`${JSON.stringify(result)}\n`)
