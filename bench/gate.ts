/**
 * Question: what does a message cost from the door to the disk, without network and broker?
 *
 * Feeds traffic.queue statuses of 100 devices through ingress and ledger (parse, schema, sequence, append, fsync), in turns
 * of `--burst` messages, each turn waiting for nothing but a free event loop. Prints CPU per message of the main thread and
 * of the whole process. Wall time depends on the disk; compare CPU, and only within one machine.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createIngress } from '../gateway/ingress/ingress.ts'
import type { Arrival, GateAnswer } from '../gateway/ingress/ports.ts'
import { createSystemClock } from '../gateway/kit/clock.ts'
import { silentLog } from '../gateway/kit/log.ts'
import { openLedger } from '../gateway/ledger/ledger.ts'
import { createPump } from '../gateway/ledger/pump.ts'

const { values: options } = parseArgs({
  options: {
    messages: { type: 'string', default: '200000' },
    burst: { type: 'string', default: '100' },
    devices: { type: 'string', default: '100' },
    pump: { type: 'boolean', default: true },
    dir: { type: 'string' },
  },
  allowNegative: true,
})
const messages = Number(options.messages)
const burst = Number(options.burst)
const devices = Number(options.devices)
const warmUp = Math.min(messages / 4, 20_000)

const dir = mkdtempSync(join(options.dir ?? tmpdir(), 'bench-gate-'))
const ledger = await openLedger({ dir, log: silentLog })
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
const answer = (given: GateAnswer) => {
  answered += 1
  if (given.kind === 'close') refused += 1
}

async function feed(from: number, count: number): Promise<void> {
  for (let at = from; at < from + count; at += 20_000) {
    const batch = arrivals(at, Math.min(20_000, from + count - at))
    resume()
    for (let i = 0; i < batch.length; i += burst) {
      for (const one of batch.slice(i, i + burst)) ingress.admit(one, answer)
      await new Promise((resolve) => setImmediate(resolve))
    }
    while (answered < at + batch.length) await new Promise((resolve) => setImmediate(resolve))
    if (options.pump) await pump.drained()
    pause()
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
await feed(warmUp, messages)
const accounts = ledger.accounts()
const rows = {
  messages,
  burst,
  devices,
  mainUsPerMessage: round(main / messages),
  processUsPerMessage: round(all / messages),
  messagesPerSecond: Math.round(messages / (wallMs / 1_000)),
  refused,
  consumed,
  residual: accounts.residual,
  cpu: cpus()[0]?.model,
  node: process.version,
  commit: execFileSync('git', ['rev-parse', '--short', 'HEAD']).toString().trim(),
}
process.stdout.write(`${JSON.stringify(rows)}\n`)
await pump.stop(1_000)
await ingress.stop(1_000)
await ledger.close()
rmSync(dir, { recursive: true, force: true })

function round(value: number): number {
  return Math.round(value * 100) / 100
}
