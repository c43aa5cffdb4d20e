/**
 * Question: does a message cost the same whoever else is connected, and what does the rate do to its price and its delay?
 *
 * The gateway with a database behind it, both on one core, at several numbers of connected devices and rates (open loop);
 * CPU of the gateway process per message until its last value is stored, memory, publish to PUBACK.
 *
 * - At most `senders` of the devices send, the others are connected and ping; every run connects its senders anew.
 * - Where the limit of open files leaves no room for a number of devices, as many as fit are taken, and the row says how many.
 * - A rate that is not reached is a row all the same: `achieved` says what was, and the delay is that of a full queue.
 * - `model` is `CPU = n·a + t·w + c·k` (messages, turns of the event loop, group commits, all counted by the gateway
 *   itself), fitted to the rows of fewer devices than `--check-from`, and held against the others.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openFilesMax } from '../devices-sim/load/open-files.ts'
import { makeCertificates } from './stand/certificates.ts'
import { type BenchGateway, startGateway } from './stand/contenders.ts'
import { costOf, fitPrices } from './stand/fit.ts'
import { buildLoadGenerator } from './stand/load-generator.ts'
import { machine, round } from './stand/machine.ts'
import { grownBy, type Metrics, readMetrics } from './stand/metrics.ts'
import { benchOptions, count, flag, list } from './stand/options.ts'
import { cpuUsOf, pause, rssKbOf } from './stand/processes.ts'

interface Options {
  readonly devices: readonly number[]
  readonly rates: readonly number[]
  readonly seconds: number
  readonly senders: number
  readonly checkFrom: number
  readonly database: boolean
}

const options = benchOptions<Options>(import.meta.filename, {
  devices: list([100, 1_000, 5_000, 20_000], 'connected devices'),
  rates: list([1_000, 3_000, 10_000, 20_000], 'messages a second'),
  seconds: count(8, 'of each run; a rate that is not reached gets twice as long'),
  senders: count(2_000, 'devices that send'),
  checkFrom: count(5_000, 'rows of so many devices check the model, the others make it'),
  database: flag(true, 'with a database behind the gateway'),
})
const dir = mkdtempSync(join(tmpdir(), 'bench-scaling-'))
const built = buildLoadGenerator(dir)
if (typeof built === 'string') {
  process.stdout.write(`${JSON.stringify({ bench: 'scaling', skipped: built })}\n`)
  process.exit(0)
}
const generator = built
const certificates = await makeCertificates(dir)

/** What the gateway has open besides connections, and the load generator as well. */
const filesBesides = 200
const filesMax = (openFilesMax() ?? Number.POSITIVE_INFINITY) - filesBesides
/** One process of the load generator connects these within its own patience. */
const heldPerProcess = 5_000
const connectMsMax = 400_000

interface Row {
  readonly devices: number
  readonly rate: number
  readonly achieved: number
  readonly messages: number
  readonly turns: number
  readonly commits: number
  readonly gatewayUs: number
  readonly gatewayUsPerMessage: number
  readonly ackP50Ms: number
  readonly ackP99Ms: number
  readonly rssMb: number
  readonly unanswered: number
}

const rows: Row[] = []
const memory: object[] = []
const failed: object[] = []
for (const wanted of options.devices) await measureDevices(Math.min(wanted, filesMax))
rmSync(dir, { recursive: true, force: true })
process.stdout.write(
  `${JSON.stringify({ bench: 'scaling', machine: machine(), rows, memory, failed, model: model() })}\n`,
)

async function measureDevices(devices: number): Promise<void> {
  const gateway = await startGateway(dir, certificates, { hasDatabase: options.database })
  const pid = gateway.processes[0]!.pid
  const senders = Math.min(devices, options.senders)
  const startedAtMs = performance.now()
  const holders: { stop(): Promise<void> }[] = []
  const emptyKb = rssKbOf(pid)
  try {
    for (let held = 0; held < devices - senders; held += heldPerProcess) {
      const many = Math.min(heldPerProcess, devices - senders - held)
      const names = ['--devoff', String(senders + held), '--keepalive', '600']
      holders.push(generator.hold([...addressOf(gateway), '-c', String(many), ...names, '--src']))
      await connected(gateway, held + many)
    }
    await warmUp(gateway, senders)
    for (const rate of options.rates) {
      const row = await measure(gateway, devices, senders, rate, (rssKb) => {
        if (rate !== options.rates[0]) return
        const connectS = round((performance.now() - startedAtMs) / 1_000, 1)
        memory.push({ devices, connectS, kbPerDevice: round((rssKb - emptyKb) / devices, 1) })
      })
      rows.push(row)
    }
  } catch (error) {
    failed.push({ devices, why: (error as Error).message })
  } finally {
    for (const holder of holders) await holder.stop()
    await gateway.stop()
  }
}

/** Compiled, files made, buffers at their size. */
async function warmUp(gateway: BenchGateway, senders: number): Promise<void> {
  await generator.run([
    ...[
      ...addressOf(gateway),
      '-q',
      '1',
      '-c',
      String(Math.min(senders, 100)),
      '-b',
      '1',
      '-w',
      '10',
    ],
    ...['--perrec', '--src', '--warm', '0', '-m', '6', '-n', '20000'],
  ])
  await gateway.done()
}

async function measure(
  gateway: BenchGateway,
  devices: number,
  senders: number,
  rate: number,
  whenConnected: (rssKb: number) => void,
): Promise<Row> {
  const pid = gateway.processes[0]!.pid
  let cpuBefore = 0
  let before: Promise<Metrics> | undefined
  const report = await generator.run(
    [
      ...[
        ...addressOf(gateway),
        '-q',
        '1',
        '-c',
        String(senders),
        '-b',
        '1',
        '-w',
        '10',
        '--perrec',
      ],
      ...['--src', '--warm', '0', '-m', String(2 * options.seconds), '-r', String(rate)],
      ...['-n', String(rate * options.seconds)],
    ],
    () => {
      whenConnected(rssKbOf(pid))
      before = readMetrics(gateway.web) // Half a second is left before the first message.
      cpuBefore = cpuUsOf(pid)
    },
  )
  await gateway.done()
  const gatewayUs = cpuUsOf(pid) - cpuBefore
  const after = await readMetrics(gateway.web)
  const earlier = (await before) ?? new Map()
  const counted = (name: string) => grownBy(earlier, after, name)
  return {
    ...{ devices, rate, achieved: report.msg_s, messages: report.acked },
    turns: counted('intergreen_event_loop_turns_total'),
    commits: counted('intergreen_ledger_fsync_seconds_count'),
    gatewayUs: Math.round(gatewayUs),
    gatewayUsPerMessage: round(gatewayUs / report.acked, 1),
    ackP50Ms: round(report.ack_p50_us / 1_000, 1),
    ackP99Ms: round(report.ack_p99_us / 1_000, 1),
    rssMb: Math.round(rssKbOf(pid) / 1_024),
    unanswered: report.sent - report.acked,
  }
}

function addressOf(gateway: BenchGateway): readonly string[] {
  return ['-h', '127.0.0.1', '-p', String(gateway.port), '-X', '-A', certificates.clientDir]
}

async function connected(gateway: BenchGateway, wanted: number): Promise<void> {
  const untilMs = performance.now() + connectMsMax
  for (;;) {
    const now = (await readMetrics(gateway.web)).get('intergreen_broker_connections') ?? 0
    if (now >= wanted) return
    if (performance.now() > untilMs) throw new Error(`${now} of ${wanted} devices are connected`)
    await pause(500)
  }
}

/** Prices from the rows of few devices, and how far off they are for the others. */
function model(): object | undefined {
  const counts = ({ messages, turns, commits }: Row) => [messages, turns, commits]
  const fitted = rows.filter(({ devices }) => devices < options.checkFrom)
  if (fitted.length < 4) return undefined
  const prices = fitPrices(
    fitted.map(counts),
    fitted.map(({ gatewayUs }) => gatewayUs),
  )
  const [messageUs = 0, turnUs = 0, commitUs = 0] = prices.map((price) => round(price, 1))
  const offBy = (row: Row) => round(100 * (costOf(prices, counts(row)) / row.gatewayUs - 1), 1)
  const check = rows.map((row) => ({
    devices: row.devices,
    rate: row.rate,
    isFitted: fitted.includes(row),
    offByPercent: offBy(row),
  }))
  return { messageUs, turnUs, commitUs, check }
}
