/**
 * Question: what does a message cost from the door to the disk, without network and broker?
 *
 * Feeds traffic.queue statuses of 100 devices through ingress and ledger (parse, schema, sequence, append, fsync), in turns
 * of `--burst` messages, each turn waiting for nothing but a free event loop; or, with `--rate`, at so many messages a second
 * whatever the answers do. Prints CPU per message of the main thread and of the whole process, and how long answers take.
 * Wall time depends on the disk; compare CPU, and only within one machine and with nothing else running.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { build as buildHistogram } from 'hdr-histogram-js'
import { createIngress } from '../gateway/ingress/ingress.ts'
import type { Arrival, GateAnswer } from '../gateway/ingress/ports.ts'
import { createSystemClock } from '../gateway/kit/clock.ts'
import { silentLog } from '../gateway/kit/log.ts'
import { openLedger } from '../gateway/ledger/ledger.ts'
import { defaultLedgerLimits } from '../gateway/ledger/limits.ts'
import { createPump } from '../gateway/ledger/pump.ts'
import { benchOptions, count, flag } from './stand/options.ts'

interface Options {
  readonly messages: number
  readonly burst: number
  readonly devices: number
  readonly rate: number
  readonly gatherMs: number
  readonly pump: boolean
  readonly dir: string
}

const options = benchOptions<Options>(import.meta.filename, {
  messages: count(200_000, 'how many'),
  burst: count(100, 'messages a turn of the event loop'),
  devices: count(100, 'who sends them'),
  rate: count(0, 'messages a second instead, whatever the answers do; 0: in turns', 0),
  gatherMs: {
    type: 'number',
    minimum: 0,
    default: defaultLedgerLimits.gatherMs,
    description: 'how long the first of a group commit waits for others',
  },
  pump: flag(true, 'with a live reader behind it'),
  dir: { type: 'string', default: tmpdir(), description: 'folder on the disk to be measured' },
})
const { messages, burst, devices, rate } = options
const warmUp = Math.min(messages / 4, 20_000)

const dir = mkdtempSync(join(options.dir, 'bench-gate-'))
const limits = { gatherMs: options.gatherMs, gatherQuietMs: options.gatherMs }
const ledger = await openLedger({ dir, log: silentLog, limits })
const clock = createSystemClock()
const ingress = createIngress({ ledger, clock, log: silentLog, notify() {} })
const signal = new AbortController().signal
await ingress.start(signal)
let consumed = 0
const pump = createPump({
  ledger,
  name: 'bench',
  clock,
  log: silentLog,
  consume(records) {
    for (const record of records) if (record.message.value !== undefined) consumed += 1
  },
})
if (options.pump) await pump.start(signal)

const identities = Array.from({ length: devices }, (_, i) => ({
  role: 'device',
  name: `load/dev-${String(i).padStart(5, '0')}`,
}))
const startedAtMs = clock.nowMs() - messages // A ts per message, all in the past and none the same.

/** Made beforehand: making the payloads is not the question. */
function arrivals(from: number, count: number): Arrival[] {
  return Array.from({ length: count }, (_, i) => {
    const n = from + i
    const identity = identities[n % devices] as (typeof identities)[number]
    const seq = Math.floor(n / devices)
    const lane = { queueVehicles: 3 + (n % 5), queueMeters: 21.5, approachingVehicles: n % 7 }
    const values = { lanes: { 'ln/1': lane, 'ln/2': lane } }
    const ts = new Date(startedAtMs + n).toISOString()
    return {
      identity,
      clientId: identity.name,
      topic: `${identity.name}/status/traffic.queue/live`,
      payload: Buffer.from(JSON.stringify({ entries: [{ ts, seq, values }] })),
      qos: 1,
      retain: false,
      dup: false,
    }
  })
}

let answered = 0
let refused = 0
const answerUs = buildHistogram({ highestTrackableValue: 60_000_000 })

function admit(one: Arrival): void {
  const startMs = performance.now()
  ingress.admit(one, (given: GateAnswer) => {
    answered += 1
    if (given.kind === 'close') refused += 1
    answerUs.recordValue((performance.now() - startMs) * 1_000)
  })
}

const turn = () => new Promise((resolve) => setImmediate(resolve))
const millisecond = () => new Promise((resolve) => setTimeout(resolve, 1))

async function feed(from: number, count: number): Promise<void> {
  for (let at = from; at < from + count; at += 20_000) {
    const batch = arrivals(at, Math.min(20_000, from + count - at))
    resume()
    if (rate > 0) await pace(batch)
    else {
      for (let i = 0; i < batch.length; i += burst) {
        for (const one of batch.slice(i, i + burst)) admit(one)
        await turn()
      }
    }
    while (answered < at + batch.length) await millisecond()
    if (options.pump) await pump.drained()
    pause()
  }
}

async function pace(batch: readonly Arrival[]): Promise<void> {
  const startMs = performance.now()
  for (let sent = 0; sent < batch.length; ) {
    const due = Math.min(batch.length, Math.floor(((performance.now() - startMs) * rate) / 1_000))
    while (sent < due) admit(batch[sent++] as Arrival)
    await millisecond()
  }
}

let main = 0
let all = 0
let wallMs = 0
let started = { main: 0, all: 0, wallMs: 0 }
const cpuUs = ({ user, system }: { user: number; system: number }) => user + system

function resume(): void {
  started = {
    main: cpuUs(process.threadCpuUsage()),
    all: cpuUs(process.cpuUsage()),
    wallMs: performance.now(),
  }
}

function pause(): void {
  main += cpuUs(process.threadCpuUsage()) - started.main
  all += cpuUs(process.cpuUsage()) - started.all
  wallMs += performance.now() - started.wallMs
}

await feed(0, warmUp)
main = all = wallMs = 0
answerUs.reset()
await feed(warmUp, messages)
const accounts = ledger.accounts()
const rows = {
  messages,
  ...(rate > 0 ? { rate } : { burst }),
  gatherMs: limits.gatherMs,
  devices,
  mainUsPerMessage: round(main / messages),
  processUsPerMessage: round(all / messages),
  messagesPerSecond: Math.round(messages / (wallMs / 1_000)),
  answerMsP50: round(answerUs.getValueAtPercentile(50) / 1_000),
  answerMsP99: round(answerUs.getValueAtPercentile(99) / 1_000),
  refused,
  consumed,
  residual: accounts.residual,
  cpu: cpus()[0]?.model,
  node: process.version,
  commit: execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: import.meta.dirname })
    .toString()
    .trim(),
}
process.stdout.write(`${JSON.stringify(rows)}\n`)
await pump.stop(1_000)
await ingress.stop(1_000)
await ledger.close()
rmSync(dir, { recursive: true, force: true })

function round(value: number): number {
  return Math.round(value * 100) / 100
}
