/**
 * Question: what does a database that is away do to PUBACK, to memory, and to what was acknowledged, at the door?
 *
 * A whole gateway takes RATE messages/s of QoS 1 over mutual TLS from 100 devices (one message per TLS record), in three
 * runs one after the other: with a database, while it is stopped, and after it is back. Server side on one core, load
 * generator on the other. In the end the books, the ledger and the database are compared: `acknowledged` messages must be
 * `stored`, and `pointsInLedger` (moments of a device; two messages of one millisecond are one) `pointsInDatabase`.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { reportAccounts } from '../gateway/ledger/tools/accounts.ts'
import { recordsIn } from '../gateway/ledger/tools/export.ts'
import { decodePayload } from '../schemas/payload.ts'
import { makeCertificates } from './stand/certificates.ts'
import { buildLoadGenerator, serverCore } from './stand/load-generator.ts'
import { median, round } from './stand/machine.ts'
import { benchOptions, count } from './stand/options.ts'
import { type BenchProcess, freePort, pause, rssKbOf, startProcess } from './stand/processes.ts'

const options = benchOptions<{ rate: number; beforeS: number; outageS: number; afterS: number }>(
  import.meta.filename,
  {
    rate: count(3_000, 'messages a second'),
    beforeS: count(40, 'seconds with the database'),
    outageS: count(60, 'seconds without'),
    afterS: count(30, 'seconds with it again'),
  },
)
const { rate } = options
const devices = 100
const drainMsMax = 300_000

const dir = mkdtempSync(join(tmpdir(), 'bench-outage-'))
const generator = buildLoadGenerator(dir)
if (typeof generator === 'string') {
  process.stdout.write(`${JSON.stringify({ bench: 'outage-door', skipped: generator })}\n`)
  process.exit(0)
}
const certificates = await makeCertificates(dir)
const databasePort = await freePort()
const databaseUrl = `http://127.0.0.1:${databasePort}`
const dataDir = join(dir, 'data')
let database = await startDatabase()
const gateway = await startProcess({
  name: 'gateway',
  command: process.execPath,
  args: [
    join(import.meta.dirname, '../gateway/main.ts'),
    ...[`--data-dir=${dataDir}`, `--pki-dir=${certificates.pkiDir}`, `--influx-url=${databaseUrl}`],
    ...['--mqtt-port=0', '--web-port=0', '--log-level=error'],
  ],
  core: serverCore,
  hasReadyLine: true,
})
let acknowledged = 0
const loadBefore = loadavg()[0] ?? 0

try {
  await run(10) // Warm: code compiled, buffers at their size.
  const before = await run(options.beforeS)
  await database.stop()
  const during = await run(options.outageS)
  database = await startDatabase()
  const backAtMs = performance.now()
  const after = await run(options.afterS)
  await drained()
  const drainedS = (performance.now() - backAtMs) / 1_000
  const pointsInDatabase = await countPoints()
  await gateway.stop()
  const { stored, residual, findings } = reportAccounts(dataDir)
  const pointsInLedger = await countMoments()
  const answer = {
    ...{ bench: 'outage-door', rate, devices, loadBefore: round(loadBefore) },
    ...{ before, during, after, drainedS: round(drainedS, 1) },
    p99Ratio: round(during.p99Ms / before.p99Ms),
    rssGrowthMiB: round(during.rssMiBMost - before.rssMiBMost, 1),
    ...{ acknowledged, stored, pointsInLedger, pointsInDatabase, residual, findings },
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`)
} finally {
  await gateway.stop()
  await database.stop()
  rmSync(dir, { recursive: true, force: true })
}

async function run(seconds: number) {
  const rss: number[] = []
  const watching = setInterval(() => rss.push(rssKbOf(gateway.pid) / 1_024), 1_000)
  const report = await (generator as Exclude<typeof generator, string>).run([
    ...['-h', '127.0.0.1', '-p', String(gateway.ready.mqtts), '-X', '-A', certificates.clientDir],
    ...['-c', String(devices), '-q', '1', '-b', '1', '-w', '10', '--perrec', '--warm', '0'],
    ...['-r', String(rate), '-n', String(rate * seconds), '-m', String(seconds + 30)],
  ])
  clearInterval(watching)
  acknowledged += report.acked
  return {
    ...{ acked: report.acked, perSecond: report.msg_s, dead: report.dead },
    p50Ms: round(report.ack_p50_us / 1_000),
    p99Ms: round(report.ack_p99_us / 1_000),
    rssMiBMedian: round(median(rss), 1),
    rssMiBMost: round(Math.max(...rss), 1),
  }
}

async function startDatabase(): Promise<BenchProcess> {
  const started = await startProcess({
    name: 'victoria-metrics',
    command: 'victoria-metrics',
    args: [
      ...[`-storageDataPath=${join(dir, 'vm')}`, `-httpListenAddr=127.0.0.1:${databasePort}`],
      ...['-retentionPeriod=100y', '-dedup.minScrapeInterval=1ms', '-memory.allowedBytes=256MB'],
      '-search.disableCache',
    ],
    core: serverCore,
  })
  const isUp = () =>
    fetch(`${databaseUrl}/health`).then(
      ({ ok }) => ok,
      () => false,
    )
  while (!(await isUp())) await pause(50)
  return started
}

/** Until the sink has nothing left to write. */
async function drained(): Promise<void> {
  const untilMs = performance.now() + drainMsMax
  const wanted = /^intergreen_dispatch_records\{consumer="influx",outcome="pending"\} (\d+)/m
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${gateway.ready.web}/metrics`)
    const pending = Number(wanted.exec(await answer.text())?.[1])
    if (pending === 0) return
    if (performance.now() > untilMs) throw new Error(`${pending} records are not written in time`)
    await pause(500)
  }
}

async function countPoints(): Promise<number> {
  await fetch(`${databaseUrl}/internal/force_flush`)
  const query = 'sum(count_over_time(traffic_queue_queue_meters{component="ln/1"}[1d]))'
  const time = String(Math.ceil(Date.now() / 1_000) + 60)
  const answer = await fetch(`${databaseUrl}/api/v1/query?${new URLSearchParams({ query, time })}`)
  const { data } = (await answer.json()) as { data: { result: { value: [number, string] }[] } }
  return Number(data.result[0]?.value[1] ?? 0)
}

async function countMoments(): Promise<number> {
  const moments = new Set<string>()
  const all = { fromMs: Number.NEGATIVE_INFINITY, toMs: Number.POSITIVE_INFINITY, topicPrefix: '' }
  for (const { topic, payload } of recordsIn(dataDir, all)) {
    const decoded = decodePayload(payload)
    if ('error' in decoded) continue
    for (const { ts } of (decoded.value as { entries: { ts: string }[] }).entries)
      moments.add(`${topic} ${ts}`)
  }
  return moments.size
}
