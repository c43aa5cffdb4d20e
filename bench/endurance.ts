/**
 * Question: does the gateway go on for ten minutes at 70 % of what it can, with p99 under 50 ms, nothing lost and memory flat?
 *
 * First the saturation rate, in the same run: as many messages as are answered, a window of ten for each of 100 devices.
 * Then, when all of that is stored, the sustained run, open loop, one message a TLS record. In the end the books are
 * compared: what was sent, what was acknowledged, what is in the ledger, and how many values the database took.
 *
 * - Memory is flat when its median in the last fifth is at most 5 % above that in the second: the first fills buffers.
 * - The gateway and the database share one core: the saturation rate is that of both. With a core for each it is higher.
 * - Its seconds and rates can be given: a try of a minute says little about memory.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { reportAccounts } from '../gateway/ledger/tools/accounts.ts'
import { makeCertificates } from './stand/certificates.ts'
import { startGateway } from './stand/contenders.ts'
import { buildLoadGenerator, type LoadReport } from './stand/load-generator.ts'
import { machine, median, round } from './stand/machine.ts'
import { meansBetween, readMetrics } from './stand/metrics.ts'
import { benchOptions, count, flag } from './stand/options.ts'
import { cpuUsOf, pause, rssKbOf } from './stand/processes.ts'

interface Options {
  readonly seconds: number
  readonly share: number
  readonly saturateS: number
  readonly rate: number
  readonly devices: number
  readonly database: boolean
}

const options = benchOptions<Options>(import.meta.filename, {
  seconds: count(600, 'how long it is sustained', 10),
  share: { type: 'number', minimum: 0.01, maximum: 1, default: 0.7, description: 'of saturation' },
  saturateS: count(20, 'how long the saturation rate is looked for', 5),
  rate: count(0, 'messages a second instead of a share of what is found', 0),
  devices: count(100, 'who sends'),
  database: flag(true, 'with a database behind the gateway'),
})
const p99MsMax = 50
const growthPercentMax = 5
const windowPerDevice = 10
const drainMsMax = 600_000

const dir = mkdtempSync(join(tmpdir(), 'bench-endurance-'))
const built = buildLoadGenerator(dir)
if (typeof built === 'string') {
  process.stdout.write(`${JSON.stringify({ bench: 'endurance', skipped: built })}\n`)
  process.exit(0)
}
const generator = built
const certificates = await makeCertificates(dir)
const gateway = await startGateway(dir, certificates, { hasDatabase: options.database })
const pid = gateway.processes[0]!.pid
const reports: LoadReport[] = []

try {
  await run(['-m', '10', '-n', '50000']) // Warm: compiled, files made, buffers at their size.
  // More than it can take; the time ends it.
  const saturated = await run(['-m', String(options.saturateS), '-n', '100000000'])
  await drained()
  const rate = options.rate || Math.round(saturated.msg_s * options.share)
  const before = await readMetrics(gateway.web)
  const cpuBefore = cpuUsOf(pid)
  const memory = watchMemory()
  const sustained = await run([
    ...['-r', String(rate), '-n', String(rate * options.seconds)],
    ...['-m', String(options.seconds + 60)],
  ])
  memory.stop()
  const cpuUs = cpuUsOf(pid) - cpuBefore
  const after = await readMetrics(gateway.web)
  await drained()
  const acknowledged = reports.reduce((sum, { acked }) => sum + acked, 0)
  const rowsInDatabase = await gateway.done(acknowledged * gateway.rowsPerMessage)
  await gateway.stop()
  const { stored, residual, findings } = reportAccounts(gateway.dataDir)
  const p99Ms = round(sustained.ack_p99_us / 1_000)
  const books = {
    sent: reports.reduce((sum, { sent }) => sum + sent, 0),
    ...{ acknowledged, stored, residual, findings },
    rowsInDatabase,
    rowsOfStored: options.database ? stored * gateway.rowsPerMessage : undefined,
  }
  const isEveryValueThere =
    books.rowsOfStored === undefined || (rowsInDatabase ?? 0) >= books.rowsOfStored
  const grown = memory.growth()
  const answer = {
    ...{ bench: 'endurance', machine: machine(), devices: options.devices },
    saturationPerS: saturated.msg_s,
    ...{ rate, seconds: options.seconds, achievedPerS: sustained.msg_s, dead: sustained.dead },
    gatewayUsPerMessage: round(cpuUs / sustained.acked, 1),
    ...{ p50Ms: round(sustained.ack_p50_us / 1_000), p99Ms },
    gatewayMeanMs: meansBetween(before, after, ['intergreen_ledger_fsync_seconds']),
    memory: grown,
    books,
    verdicts: {
      isReached: sustained.msg_s >= 0.99 * rate,
      isP99Met: p99Ms < p99MsMax,
      // What was sent as a run of the generator was cut off by its time may be stored without an answer.
      isNothingLost:
        stored >= acknowledged &&
        residual === 0 &&
        findings.length === 0 &&
        isEveryValueThere &&
        sustained.sent === sustained.acked,
      isMemoryFlat: grown.growthPercent <= growthPercentMax,
    },
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`)
} finally {
  await gateway.stop()
  rmSync(dir, { recursive: true, force: true })
}

async function run(more: readonly string[]): Promise<LoadReport> {
  const report = await generator.run([
    ...['-h', '127.0.0.1', '-p', String(gateway.port), '-X', '-A', certificates.clientDir],
    ...['-q', '1', '-c', String(options.devices), '-b', '1', '-w', String(windowPerDevice)],
    ...['--perrec', '--warm', '0', ...more],
  ])
  reports.push(report)
  return report
}

function watchMemory() {
  const rssMb: number[] = []
  const timer = setInterval(() => rssMb.push(rssKbOf(pid) / 1_024), 500)
  const fifth = (at: number) => {
    const length = Math.max(1, Math.floor(rssMb.length / 5))
    return median(rssMb.slice(at * length, (at + 1) * length))
  }
  return {
    stop: () => clearInterval(timer),
    growth: () => ({
      fifthsMb: [0, 1, 2, 3, 4].map((at) => round(fifth(at), 1)),
      mostMb: round(Math.max(...rssMb), 1),
      growthPercent: round(100 * (fifth(4) / fifth(1) - 1), 1),
    }),
  }
}

/** Until every reader has passed what the ledger holds. */
async function drained(): Promise<void> {
  const untilMs = performance.now() + drainMsMax
  for (;;) {
    const metrics = await readMetrics(gateway.web)
    const pending = [...metrics]
      .filter(([name]) => /^intergreen_dispatch_records\{.*outcome="pending"/.test(name))
      .reduce((sum, [, value]) => sum + value, 0)
    if (pending === 0) return
    if (performance.now() > untilMs) throw new Error(`${pending} records are not read in time`)
    await pause(500)
  }
}
