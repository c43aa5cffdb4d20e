/**
 * A stand for faults: a gateway as a process, a fleet that offers it readings, a real database, and the reckoning at
 * the end: every acknowledged reading is one point, and the books have no residual.
 *
 * - The gateway is killed, stopped and started again on the same data directory; the fleet follows it.
 * - `reckon` is the same for every fault; what it finds becomes a row of the table that table-reporter.ts prints.
 */
import { writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as wait } from 'node:timers/promises'
import { expect, type TestContext } from 'vitest'
import { reportAccounts } from '../../gateway/ledger/tools/accounts.ts'
import { verify } from '../../gateway/ledger/tools/verify.ts'
import { eventually } from './eventually.ts'
import { type Fleet, type FleetOptions, metersOf, type Reading, startFleet } from './fleet.ts'
import {
  type Certificates,
  connect,
  makeCertificates,
  root,
  spawnGateway,
  temporaryFolder,
} from './house.ts'
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

type Gateway = Awaited<ReturnType<typeof spawnGateway>>

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
  readonly dataDir: string
  readonly gateway: () => Gateway
  /** Starts it, or starts it again. */
  start(args?: readonly string[]): Promise<Gateway>
  kill(): Promise<void>
  /** SIGTERM; milliseconds it took. Fails when the exit code is not 0. */
  stop(): Promise<number>
  order(orders: Orders): void
  metrics(): Promise<Metrics>
  /** Alarms of the gateway from now on, in words: `ledger-full raised`, `ledger-full over`. */
  alarms(): Promise<() => readonly string[]>
  /** Waits until so many more readings are acknowledged. */
  acknowledges(more: number, deadlineMs?: number): Promise<void>
  /** The gate does not notice what is wrong elsewhere: PUBACKs as ever. @returns how quick they were, in words */
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

const drainMsMax = 40_000
const gateMsMax = 2_000 // Far above what it takes, so that a busy machine is no failure; far below any fault's length.
/** A gateway that is started over and over need not be compiled each time: half the time of a start. */
const compileCache = join(tmpdir(), 'intergreen-compile-cache')

export async function openStand(context: TestContext, options: StandOptions): Promise<Stand> {
  const dataDir = options.dataDir ?? (await temporaryFolder())
  const folder = await temporaryFolder()
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
  const environment = {
    NODE_COMPILE_CACHE: compileCache,
    ...(options.canSabotage
      ? { [ordersVariable]: ordersFile, NODE_OPTIONS: `--import=${saboteur}` }
      : {}),
  }
  let gateway: Gateway | undefined
  let orderNumber = 0

  async function start(args: readonly string[] = options.args ?? []): Promise<Gateway> {
    const all = [`--influx-url=${url}`, '--log-level=warn', ...args]
    gateway = await withEnvironment(environment, () => spawnGateway(dataDir, certificates.dir, all))
    fleet.toward(gateway.port)
    return gateway
  }

  function running(): Gateway {
    if (gateway === undefined) throw new Error('the gateway was not started')
    return gateway
  }

  const stand: Stand = {
    fleet,
    certificates,
    dataDir,
    gateway: running,
    start,
    async kill() {
      running().child.kill('SIGKILL')
      await running().ended
    },
    async stop() {
      const startMs = performance.now()
      running().child.kill('SIGTERM')
      const code = await running().ended
      expect(code, running().errors()).toBe(0)
      return performance.now() - startMs
    },
    order(orders) {
      orderNumber += 1
      const { terminate, ...rest } = orders
      const numbered = terminate
        ? { ...rest, terminate: { ...terminate, order: orderNumber } }
        : rest
      writeFileSync(ordersFile, JSON.stringify(numbered))
    },
    metrics: async () => parseMetrics(await readMetrics(running().web)),
    async alarms() {
      const who = { role: 'center', name: 'center/desk-1' } as const
      const center = await connect(certificates, running().port, who)
      await center.subscribe('gateway/+/alarm/#')
      return () =>
        center.received.flatMap(({ message }) =>
          (message as Alarms).entries.map(
            ({ active, values }) => `${values.kind} ${active ? 'raised' : 'over'}`,
          ),
        )
    },
    async acknowledges(more, deadlineMs = 30_000) {
      const goal = fleet.acknowledged.size + more
      await eventually(() => {
        if (fleet.acknowledged.size < goal)
          throw new Error(`${goal - fleet.acknowledged.size} PUBACKs are missing`)
      }, deadlineMs)
    },
    async gateGoesOn(forMs) {
      const before = fleet.acknowledged.size
      const fromMs = performance.now()
      await wait(forMs)
      expect(fleet.acknowledged.size - before).toBeGreaterThan(fleet.perSecond * (forMs / 2_000))
      const p99Ms = fleet.quantileMs(0.99, fromMs)
      expect(p99Ms).toBeLessThan(gateMsMax)
      return `PUBACK p99 ${p99Ms.toFixed(0)} ms meanwhile`
    },
    async reckon({ fault, note, sinceMs = performance.now(), rejected = 0 }) {
      await fleet.settle()
      await eventually(async () => {
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

/** A process takes its environment when it is started; ours is as before when this returns. */
function withEnvironment<T>(more: Readonly<Record<string, string>>, spawn: () => T): T {
  const before = Object.keys(more).map((name) => [name, process.env[name]] as const)
  Object.assign(process.env, more)
  try {
    return spawn()
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
    }
  }
}

async function readMetrics(web: number): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${web}/metrics`)
  return answer.text()
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
