/**
 * One question: what does a reading cost in the embedded history?
 *
 * Records of traffic.queue (one lane, each second) and traffic.count (one detector, each minute) of 500 nodes are
 * taken apart and consumed in batches, each one transaction on the disk. Fixed work; prints one JSON line.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { createRecordBlocks, type LedgerBlock } from '../gateway/archive/record-blocks.ts'
import { openHistory } from '../gateway/history/history.ts'
import { silentLog } from '../gateway/kit/log.ts'
import type { LedgerEntry } from '../gateway/ledger/record.ts'
import { createMemoryLedger } from './stand/memory-ledger.ts'
import { benchOptions } from './stand/options.ts'

benchOptions(import.meta.filename)

const nodes = 500
const baseMs = Date.parse('2026-11-22T07:00:00.000Z')
const recordCount = 90_000
const recordsPerCommit = 25 // What gathers in a few milliseconds at 3,000/s.

type Build = (at: number) => { code: string; atMs: number; values: object }
const queue: Build = (at) => {
  const lane = { queueVehicles: at % 9, queueMeters: (at % 9) * 6.5, approachingVehicles: at % 4 }
  const atMs = baseMs + Math.floor(at / nodes) * 1_000
  return { code: 'traffic.queue/live', atMs, values: { lanes: { 'ln/1': lane } } }
}
const count: Build = (at) => {
  const detector = { vehicles: at % 30, occupancy: (at % 400) / 10, speed: 30 + (at % 300) / 10 }
  const atMs = baseMs + Math.floor(at / nodes) * 60_000
  const values = { windowMs: 60_000, detectors: { 'dl/1': detector } }
  return { code: 'traffic.count/1min', atMs, values }
}

function records(build: Build): LedgerEntry[] {
  return Array.from({ length: recordCount }, (_, at) => {
    const { code, atMs, values } = build(at)
    const entries = [{ ts: new Date(atMs).toISOString(), seq: at, values }]
    const payload = Buffer.from(JSON.stringify({ entries }))
    const topic = `north/det-${at % nodes}/status/${code}`
    return { receivedAtMs: atMs, topic, payload }
  })
}

const round = (value: number) => Math.round(value * 100) / 100

function measure(all: readonly LedgerEntry[], batch: number) {
  const { read } = createRecordBlocks(createMemoryLedger(all, recordsPerCommit))
  const dir = mkdtempSync(join(tmpdir(), 'intergreen-bench-'))
  const history = openHistory({ path: join(dir, 'history.db'), log: silentLog })
  const cpu = process.cpuUsage()
  const startedAtMs = performance.now()
  let longestMs = 0
  for (let at = 0; at < all.length; at += batch) {
    const batchAtMs = performance.now()
    const blocks: LedgerBlock[] = []
    for (let from = at; from < at + batch; from += recordsPerCommit) blocks.push(read(from)!)
    history.consume(blocks)
    longestMs = Math.max(longestMs, performance.now() - batchAtMs)
  }
  const wallUs = ((performance.now() - startedAtMs) * 1000) / all.length
  const { user, system } = process.cpuUsage(cpu)
  history.close()
  rmSync(dir, { recursive: true })
  return {
    wallUs: round(wallUs),
    cpuUs: round((user + system) / all.length),
    longestBatchMs: round(longestMs),
  }
}

const queues = records(queue)
const counts = records(count)
const result = {
  bench: 'history',
  machine: { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version },
  unit: 'µs per record of one lane or detector',
  queueBatches600: measure(queues, 600),
  queueBatches3000: measure(queues, 3_000), // 3,000 messages/s gathered for a second.
  queueBatches9000: measure(queues, 9_000), // For three.
  countBatches3000: measure(counts, 3_000),
}
process.stdout.write(`${JSON.stringify(result)}\n`)
