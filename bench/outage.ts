/**
 * One question: does memory stay flat while the database is away, and how fast is the rest written when it is back?
 *
 * A real ledger takes so many records a second, the archive
 * follows; the database is stopped and started again. Prints one JSON line with memory and what is stored.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { startArchive } from '../gateway/archive/archive.ts'
import { silentLog } from '../gateway/kit/log.ts'
import { openLedger } from '../gateway/ledger/ledger.ts'
import { benchOptions, count } from './stand/options.ts'
import { freePort } from './stand/processes.ts'

const { rate, warmS, outageS } = benchOptions<{ rate: number; warmS: number; outageS: number }>(
  import.meta.filename,
  {
    rate: count(3_000, 'records a second'),
    warmS: count(20, 'seconds of ordinary running'),
    outageS: count(60, 'seconds without the database'),
  },
)
const nodes = 100
const tickMs = 20
const nothing = { add() {}, set() {}, observe() {} }

const dir = mkdtempSync(join(tmpdir(), 'intergreen-outage-'))
const port = await freePort()
const url = `http://127.0.0.1:${port}`

async function startDatabase() {
  const flags = [`-storageDataPath=${join(dir, 'vm')}`, `-httpListenAddr=127.0.0.1:${port}`]
  const child = spawn('victoria-metrics', [...flags, '-dedup.minScrapeInterval=1ms'], {
    stdio: 'ignore',
  })
  const isUp = () =>
    fetch(`${url}/health`).then(
      () => true,
      () => false,
    )
  while (!(await isUp())) await wait(50)
  return async () => {
    child.kill()
    await new Promise((resolve) => child.once('exit', resolve))
  }
}

const ledger = await openLedger({ dir, log: silentLog })
const passed = { history: 0, influx: 0 }
const archive = await startArchive({
  ledgerDir: dir,
  dir,
  influx: { url, org: 'o', bucket: 'b' },
  log: silentLog,
  metrics: {
    points: nothing,
    writeSeconds: nothing,
    retries: nothing,
    lagRecords: nothing,
    lagSeconds: nothing,
  },
  onCursor(reader, cursor, rejected) {
    passed[reader] = cursor
    ledger.advanceCursor(reader, cursor, rejected)
  },
})
ledger.loadCursor('history')
ledger.loadCursor('influx')
ledger.onDurable((end) => archive.durable(end))
archive.durable(ledger.durableOffset)

let stopDatabase = await startDatabase()
let appended = 0
const startMs = Date.now() - 3_600_000
const startedAtMs = performance.now()
const feeding = setInterval(() => {
  const due = Math.floor(((performance.now() - startedAtMs) * rate) / 1000)
  for (; appended < due; appended++) {
    const at = appended
    const ts = new Date(startMs + Math.floor(at / nodes)).toISOString()
    const lane = { queueVehicles: at % 9, queueMeters: (at % 9) * 6.5, approachingVehicles: at % 4 }
    const entries = [{ ts, seq: at, values: { lanes: { 'ln/1': lane } } }]
    const payload = Buffer.from(JSON.stringify({ entries }))
    const topic = `load/dev-${at % nodes}/status/traffic.queue/live`
    ledger.append({ topic, payload, receivedAtMs: Date.now() }, () => {})
  }
}, tickMs)

const MiB = 1024 ** 2
const rssMiB = () => Math.round(process.memoryUsage.rss() / MiB)
async function watch(seconds: number) {
  const seen: number[] = []
  for (let at = 0; at < seconds; at++) {
    await wait(1_000)
    seen.push(rssMiB())
  }
  return { most: Math.max(...seen), everyTenth: seen.filter((_, at) => at % 10 === 0) }
}

const warm = await watch(warmS)
await stopDatabase()
const outage = await watch(outageS)
const behind = ledger.durableOffset - passed.influx
stopDatabase = await startDatabase()
const backAtMs = performance.now()
while (ledger.durableOffset - passed.influx > rate) await wait(50)
const caughtUpS = (performance.now() - backAtMs) / 1000
const after = rssMiB()
clearInterval(feeding)
await new Promise<void>((resolve) => ledger.afterPending(() => resolve()))
while (passed.influx < ledger.durableOffset || passed.history < ledger.durableOffset) await wait(50)
const state = await archive.query('state')
await wait(2_000) // The database shows what it took after a second.
const query = new URLSearchParams({ 'match[]': 'traffic_queue_queue_vehicles', start: '0' })
await fetch(`${url}/internal/force_flush`)
const exported = await (await fetch(`${url}/api/v1/export?${query}`)).text()
const points = exported
  .split('\n')
  .filter(Boolean)
  .reduce((sum, line) => sum + JSON.parse(line).values.length, 0)

process.stdout.write(
  `${JSON.stringify({
    bench: 'outage',
    machine: { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version },
    rate,
    warmS,
    outageS,
    rssMiB: { warm, outage, after },
    behindRecords: behind,
    caughtUpS: Math.round(caughtUpS * 10) / 10,
    acknowledged: appended,
    points,
    accounts: { history: state.history.accounts, influx: state.influx?.accounts.ledger },
  })}\n`,
)
await archive.stop(5_000)
await ledger.close()
await stopDatabase()
rmSync(dir, { recursive: true, force: true })
