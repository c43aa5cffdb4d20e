/**
 * A stand for faults: a gateway as a process, a fleet that offers it readings, a real database, and the reckoning at
 * the end: every acknowledged reading is one point, and the books have no residual.
 *
 * - The gateway is killed, stopped and started again on the same data directory; the fleet follows it.
 * - `reckon` is the same for every fault; what it finds becomes a row of the table that table-reporter.ts prints.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, type TestContext } from 'vitest'
import { reportAccounts } from '../../gateway/ledger/tools/accounts.ts'
import { verify } from '../../gateway/ledger/tools/verify.ts'
import { eventually } from './eventually.ts'
import { type FaultyProxy, startFaultyProxy } from './faulty-proxy.ts'
import {
  type Fleet,
  type FleetOptions,
  metersOf,
  openLink,
  type Reading,
  startFleet,
} from './fleet.ts'
import { endProcess, type GatewayProcess, spawnGateway, startGateway } from './gateway-process.ts'
import { type Certificates, makeCertificates, root } from './house.ts'
import { readMetrics } from './read-metrics.ts'
import { type Orders, ordersVariable } from './saboteur.ts'
import type { VictoriaMetrics } from './victoria-metrics.ts'

export interface FaultRow {
  readonly fault: string
  readonly acknowledged: number
  /** Acknowledged, and neither a point nor a dead letter. */
  readonly lost: number
  readonly duplicatePoints: number
  readonly residual: number
  /** From the end of the fault to the last reading in the database. */
  readonly recoveryS?: number
  readonly note?: string
}

declare module 'vitest' {
  interface TaskMeta {
    faults?: FaultRow[]
  }
}

export interface StandOptions {
  readonly zone: string
  readonly database: VictoriaMetrics
  /** Where the gateway finds the database, when not directly. */
  readonly influxUrl?: string
  readonly dataDir?: string
  readonly args?: readonly string[]
  readonly fleet?: Partial<FleetOptions>
  /** The gateway can be given orders (saboteur.ts). */
  readonly canSabotage?: boolean
}

export interface Stand {
  readonly fleet: Fleet
  readonly certificates: Certificates
  /** For whatever the test needs beside it; gone when it is over. */
  readonly folder: string
  readonly dataDir: string
  readonly gateway: () => GatewayProcess
  /** Starts it, or starts it again. */
  start(args?: readonly string[]): Promise<GatewayProcess>
  kill(): Promise<void>
  /** Starts it, and kills it after a while, open or not. */
  killWhileStarting(afterMs: number): Promise<void>
  /** SIGTERM; milliseconds it took. Fails when the exit code is not 0. */
  stop(): Promise<number>
  /** Sets the gateway's wall clock off by so much. */
  setClock(clockOffsetMs: number): void
  /** Ends a thread of the gateway, named by the end of its file's path; resolves when it is gone. */
  endThread(file: string): Promise<void>
  metrics(): Promise<Metrics>
  /** Control centers that lost their connection. */
  readonly closed: readonly string[]
  /** A control center that reads as it should. */
  subscribe(
    name: string,
    filter: string,
    listener: (topic: string, message: unknown) => void,
  ): Promise<void>
  /** Alarms of the gateway from now on, in words: `ledger-full raised`, `ledger-full over`. */
  alarms(): Promise<() => readonly string[]>
  /** Waits until so many more readings are acknowledged. */
  acknowledges(more: number, deadlineMs?: number): Promise<void>
  /**
   * The gate does not notice what is wrong elsewhere: PUBACKs as ever. Looked at again when they were not, as long as what
   * is wrong stays so: a gate that minds it never has a good moment, a machine that was busy has one soon.
   * @returns how quick they were, in words
   */
  gateGoesOn(forMs: number): Promise<string>
  /**
   * Ends the load, waits for the database to have everything, compares, and closes the books.
   * `rejected` of the readings are dead letters.
   */
  reckon(row: { fault: string; note?: string; sinceMs?: number; rejected?: number }): Promise<void>
}

interface Alarms {
  readonly entries: readonly { readonly active: boolean; readonly values: { kind: string } }[]
}

export interface Metrics {
  /** Sum of all that begins with the name and has all of the labels. */
  sum(name: string, ...labels: readonly string[]): number
}

// All of them far above what it takes, so that a busy machine is no failure.
const patienceMs = 30_000
const drainMsMax = 60_000
const gateMsMax = 2_000 // And far below any fault's length.
/** After a look at a gate that was disturbed, another one, for so long. */
const looksMsMax = 15_000
const lookMsMax = 3_000

export async function openStand(context: TestContext, options: StandOptions): Promise<Stand> {
  const folder = mkdtempSync(join(tmpdir(), 'intergreen-fault-'))
  const dataDir = options.dataDir ?? join(folder, 'data')
  const certificates = await makeCertificates(join(folder, 'pki'))
  const ordersFile = join(folder, 'orders.json')
  const url = options.influxUrl ?? options.database.url
  const fleet = await startFleet({
    certificates,
    zone: options.zone,
    devices: 8,
    perSecond: 40,
    ...options.fleet,
  })
  const saboteur = join(root, 'test/support/saboteur.ts')
  const environment: Record<string, string> = options.canSabotage
    ? { [ordersVariable]: ordersFile, NODE_OPTIONS: `--import=${saboteur}` }
    : {}
  let gateway: GatewayProcess | undefined
  let orderNumber = 0
  const closed: string[] = []
  context.onTestFinished(async () => {
    fleet.end()
    if (gateway) await endProcess(gateway)
    rmSync(folder, { recursive: true, force: true })
  })

  async function start(args: readonly string[] = options.args ?? []): Promise<GatewayProcess> {
    const all = [`--influx-url=${url}`, '--log-level=warn', ...args]
    gateway = await startGateway({ dataDir, pkiDir: certificates.dir, args: all, environment })
    fleet.toward(gateway.port)
    return gateway
  }

  function running(): GatewayProcess {
    if (gateway === undefined) throw new Error('the gateway was not started')
    return gateway
  }

  const stand: Stand = {
    fleet,
    certificates,
    closed,
    folder,
    dataDir,
    gateway: running,
    start,
    async kill() {
      running().child.kill('SIGKILL')
      await running().ended
    },
    async killWhileStarting(afterMs) {
      const all = [`--influx-url=${url}`, '--log-level=warn', ...(options.args ?? [])]
      const starting = spawnGateway({ dataDir, pkiDir: certificates.dir, args: all, environment })
      await wait(afterMs)
      starting.child.kill('SIGKILL')
      await starting.ended
    },
    async stop() {
      const startMs = performance.now()
      running().child.kill('SIGTERM')
      const code = await running().ended
      expect(code, running().errors()).toBe(0)
      return performance.now() - startMs
    },
    setClock(clockOffsetMs) {
      writeFileSync(ordersFile, JSON.stringify({ clockOffsetMs } satisfies Orders))
    },
    async endThread(file) {
      orderNumber += 1
      const orders: Orders = { terminate: { file, order: orderNumber } }
      writeFileSync(ordersFile, JSON.stringify(orders))
      await eventually(() => {
        expect(readFileSync(`${ordersFile}.done`, 'utf8').split('\n')).toContain(`${orderNumber}`)
      }, patienceMs)
    },
    metrics: async () => parseMetrics(await readMetrics(running().web)),
    async alarms() {
      const seen: string[] = []
      await stand.subscribe('center/alarms', 'gateway/+/alarm/#', (_topic, message) => {
        for (const { active, values } of (message as Alarms).entries)
          seen.push(`${values.kind} ${active ? 'raised' : 'over'}`)
      })
      return () => seen
    },
    async subscribe(name, filter, listener) {
      const center = await openLink(certificates, running().port, { role: 'center', name })
      context.onTestFinished(() => void center.end(true))
      center.once('close', () => closed.push(name))
      center.on('message', (topic, payload) => listener(topic, JSON.parse(String(payload))))
      await center.subscribeAsync(filter, { qos: 1 })
    },
    async acknowledges(more, deadlineMs = patienceMs) {
      const goal = fleet.acknowledged.size + more
      await eventually(() => {
        if (fleet.acknowledged.size < goal)
          throw new Error(`${goal - fleet.acknowledged.size} PUBACKs are missing`)
      }, deadlineMs)
    },
    async gateGoesOn(forMs) {
      let lookMs = forMs
      return eventually(async () => {
        const before = fleet.acknowledged.size
        const fromMs = performance.now()
        await wait(lookMs)
        const least = fleet.perSecond * (lookMs / 2_000)
        lookMs = Math.min(lookMs, lookMsMax)
        expect(fleet.acknowledged.size - before).toBeGreaterThan(least)
        const p99Ms = fleet.quantileMs(0.99, fromMs)
        expect(p99Ms).toBeLessThan(gateMsMax)
        return `PUBACK p99 ${p99Ms.toFixed(0)} ms meanwhile`
      }, forMs + looksMsMax)
    },
    async reckon({ fault, note, sinceMs = performance.now(), rejected = 0 }) {
      await fleet.settle()
      await eventually(async () => {
        await wait(100)
        const { sum } = await stand.metrics()
        const pending = sum('intergreen_dispatch_records', 'consumer="influx"', 'outcome="pending"')
        expect(pending, 'records that are not in the database').toBe(0)
      }, drainMsMax)
      const recoveryS = (performance.now() - sinceMs) / 1_000
      const { sum } = await stand.metrics()
      expect(sum('intergreen_ingress_residual')).toBe(0)
      await stand.stop()
      const { missing, duplicatePoints } = await comparePoints(options.database, fleet)
      const letters = missing.length > 0 ? deadLetters(dataDir) : []
      const lost = missing.filter((reading) => !letters.some((line) => isOf(line, reading))).length
      const residual = residualOf(dataDir, rejected)
      const row = { fault, acknowledged: fleet.acknowledged.size, lost, duplicatePoints, residual }
      context.task.meta.faults ??= []
      context.task.meta.faults.push({ ...row, recoveryS, ...(note ? { note } : {}) })
      expect({ lost, duplicatePoints, residual }).toEqual({
        lost: 0,
        duplicatePoints: 0,
        residual: 0,
      })
      expect(missing).toHaveLength(rejected)
    },
  }
  return stand
}

function parseMetrics(text: string): Metrics {
  const lines = text.split('\n')
  return {
    sum(name, ...labels) {
      return lines
        .filter((line) => line.startsWith(`${name} `) || line.startsWith(`${name}{`))
        .filter((line) => labels.every((label) => line.includes(label)))
        .reduce((total, line) => total + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
    },
  }
}

/** A proxy in front of it, for as long as the test takes. */
export async function openProxy(
  context: TestContext,
  { port }: VictoriaMetrics,
): Promise<FaultyProxy> {
  const proxy = await startFaultyProxy(port)
  context.onTestFinished(() => proxy.close())
  return proxy
}

/** What the database has of the fleet against what the fleet was promised. */
async function comparePoints(database: VictoriaMetrics, fleet: Fleet) {
  const series = await database.export(`traffic_queue_queue_meters{zone="${fleet.zone}"}`)
  const times = new Map<string, number>()
  for (const { metric, timestamps, values } of series) {
    for (const [at, atMs] of timestamps.entries()) {
      const key = `${metric.node} ${atMs} ${values[at]}`
      times.set(key, (times.get(key) ?? 0) + 1)
    }
  }
  const keyOf = ({ node, atMs, seq }: Reading) => `${node} ${atMs} ${metersOf(seq)}`
  const missing = [...fleet.acknowledged].filter((reading) => !times.has(keyOf(reading)))
  for (const reading of fleet.readings) {
    const key = keyOf(reading)
    times.set(key, (times.get(key) ?? 1) - 1)
  }
  // What is left was written more often than once, or never sent.
  const duplicatePoints = [...times.values()].reduce((sum, count) => sum + Math.max(0, count), 0)
  return { missing, duplicatePoints }
}

function deadLetters(dataDir: string): readonly string[] {
  const db = new DatabaseSync(join(dataDir, 'sink.db'), { readOnly: true })
  const rows = db.prepare('SELECT line FROM dead_letter').all() as unknown as { line: string }[]
  db.close()
  return rows.map(({ line }) => line)
}

const isOf = (line: string, { node, atMs }: Reading) =>
  line.includes(`node=${node},`) && line.endsWith(` ${atMs}`)

/** The books as `npm run ledger -- accounts` and `verify` show them. @returns all residuals together */
function residualOf(dataDir: string, rejected: number): number {
  const { findings, residual, stored, readers } = reportAccounts(dataDir)
  expect(findings).toEqual([])
  expect(verify(dataDir).findings).toEqual([])
  const influx = readers.find(({ reader }) => reader === 'influx')!
  expect(influx).toMatchObject({ rejected, pending: 0 })
  const { written, skipped, pending } = influx
  return Math.abs(residual) + Math.abs(stored - written - influx.rejected - skipped - pending)
}
