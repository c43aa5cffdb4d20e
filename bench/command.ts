/**
 * Question: how long from a reading published to the due command received by the device, while thousands of others report?
 *
 * A real gateway under a background load (open loop), crossings with controllers of the simulated street. A command is
 * **due** with the message on whose arrival it is decided. Two ways, each with a gateway of its own:
 *
 * - `request`: who asks for a stage (an operator, a bus) is decided on at once. From its publish to the command at the
 *   controller this is the whole way: door, group commit, live reader, decision, guard, outbox, outlet.
 * - `reading`: a sensor tells that somebody waits on the other side, and the strategy (`actuated`) decides on it as it comes.
 *   `sinceDecided` is from the decision on (the command's own `ts`, to a millisecond), `beforeDecided` the rest.
 *
 * One process publishes and receives, so one clock measures; its own delay is told (`ownDelayMs`) and not subtracted.
 * The gateway has one core, the load and this process share the other.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { build as buildHistogram, type Histogram } from 'hdr-histogram-js'
import mqtt from 'mqtt'
import { openAuthority } from '../broker/pki/authority.ts'
import { createCredentialStore } from '../devices-sim/device/credentials.ts'
import { createRandom } from '../devices-sim/random.ts'
import { createCommandId } from '../schemas/ids.ts'
import { decodePayload } from '../schemas/payload.ts'
import { formatTimestamp, parseTimestamp } from '../schemas/time.ts'
import { makeCertificates } from './stand/certificates.ts'
import { startGateway } from './stand/contenders.ts'
import {
  type Crossing,
  crossingZone,
  minGreenMs,
  openCrossing,
  writeJunctions,
} from './stand/crossings.ts'
import { buildLoadGenerator } from './stand/load-generator.ts'
import { machine, round } from './stand/machine.ts'
import { meansBetween, readMetrics } from './stand/metrics.ts'
import { benchOptions, count, flag, list } from './stand/options.ts'
import { pause } from './stand/processes.ts'

interface Options {
  readonly ways: readonly ('request' | 'reading')[]
  readonly rate: number
  readonly devices: number
  readonly crossings: number
  readonly seconds: number
  readonly database: boolean
}

const options = benchOptions<Options>(import.meta.filename, {
  ways: list(['request', 'reading'], 'which ways'),
  rate: count(3_000, 'messages a second beside it; 0: none', 0),
  devices: count(1_000, 'who sends them'),
  crossings: count(50, 'crossings under control'),
  seconds: count(90, 'measured, each way'),
  database: flag(true, 'with a database behind the gateway'),
})
/** Requests for each crossing come so far apart: 20 changes of stage a minute are allowed. */
const requestEveryMs = 3_500
const readingEveryMs = 1_000
const operator = 'center/operator-1'
const settleMs = 5_000

const dir = mkdtempSync(join(tmpdir(), 'bench-command-'))
const generator = buildLoadGenerator(dir)
if (typeof generator === 'string') {
  process.stdout.write(`${JSON.stringify({ bench: 'command', skipped: generator })}\n`)
  process.exit(0)
}
const certificates = await makeCertificates(dir)
const authority = await openAuthority(certificates.pkiDir)
await authority.issue({ role: 'simulator', name: crossingZone })
await authority.issue({ role: 'operator', name: operator })
const junctions = writeJunctions(dir, options.crossings)
const random = createRandom('command')
const nowMs = () => performance.timeOrigin + performance.now()

interface Due {
  readonly stage: number
  readonly publishedAtMs: number
}

interface Figures {
  due: number
  received: number
  /** Still due when the next one was, or at the end. */
  missed: number
  readonly total: Histogram
  readonly beforeDecided: Histogram
  readonly sinceDecided: Histogram
}

const results: Record<string, object> = {}
for (const way of options.ways) results[way] = await measure(way)
rmSync(dir, { recursive: true, force: true })
const { ways: _ways, ...settings } = options
process.stdout.write(
  `${JSON.stringify({ bench: 'command', machine: machine(), ...settings, results })}\n`,
)
process.exit(0)

async function measure(way: 'request' | 'reading'): Promise<object> {
  const strategy = way === 'request' ? 'local-plan' : 'actuated'
  const gateway = await startGateway(dir, certificates, {
    hasDatabase: options.database,
    args: ['--junctions', junctions, '--control-strategy', strategy],
  })
  const url = `mqtts://localhost:${gateway.port}`
  const crossings: Crossing[] = []
  for (let at = 0; at < options.crossings; at++)
    crossings.push(await openCrossing(at, url, certificates.pkiDir))
  const load = background(gateway.port)
  await load.isUp
  const figures = newFigures()
  const waiting = new Map<Crossing, Due>()
  for (const crossing of crossings) {
    crossing.onCommand((code, payload) => {
      const receivedAtMs = nowMs()
      const due = waiting.get(crossing)
      const decoded = decodePayload(payload)
      if (!due || code !== 'tlc.stage.set' || 'error' in decoded) return
      const { ts, values } = decoded.value as { ts: string; values: { stage: number } }
      if (values.stage !== due.stage) return
      waiting.delete(crossing)
      take(figures, due, parseTimestamp(ts) ?? 0, receivedAtMs)
    })
  }
  const isDue = (crossing: Crossing, stage: number) => {
    if (waiting.has(crossing)) figures.missed += 1
    waiting.set(crossing, { stage, publishedAtMs: nowMs() })
    figures.due += 1
  }
  const drive =
    way === 'request' ? await requests(url, crossings, isDue) : readings(crossings, isDue)
  await pause(settleMs)
  Object.assign(figures, newFigures())
  const ownDelay = monitorEventLoopDelay({ resolution: 2 })
  ownDelay.enable()
  const before = await readMetrics(gateway.web)
  await pause(options.seconds * 1_000)
  const after = await readMetrics(gateway.web)
  const gatewayMeanMs = meansBetween(before, after, [
    'intergreen_ingress_gate_seconds',
    'intergreen_ledger_fsync_seconds',
    'intergreen_control_decide_seconds',
    'intergreen_commands_durable_seconds',
  ])
  await drive.stop()
  await pause(settleMs / 2)
  figures.missed += waiting.size
  await load.ended
  await Promise.all(crossings.map((crossing) => crossing.end()))
  await gateway.stop()
  const { due, received, missed, total, beforeDecided, sinceDecided } = figures
  return {
    ...{ due, received, missed },
    total: quantiles(total),
    beforeDecided: quantiles(beforeDecided),
    sinceDecided: quantiles(sinceDecided),
    gatewayMeanMs,
    gatewayLoopDelayP99Ms: round(
      1_000 * (after.get('intergreen_event_loop_delay_seconds{quantile="0.99"}') ?? 0),
    ),
    ownDelayMs: {
      p50: round(ownDelay.percentile(50) / 1e6),
      p99: round(ownDelay.percentile(99) / 1e6),
    },
    backgroundPerS: await load.perSecond,
  }
}

function newFigures(): Figures {
  const us = () => buildHistogram({ highestTrackableValue: 60_000_000 })
  return { due: 0, received: 0, missed: 0, total: us(), beforeDecided: us(), sinceDecided: us() }
}

function take(figures: Figures, due: Due, decidedAtMs: number, receivedAtMs: number): void {
  const us = (fromMs: number, toMs: number) => Math.max(1, Math.round((toMs - fromMs) * 1_000))
  figures.received += 1
  figures.total.recordValue(us(due.publishedAtMs, receivedAtMs))
  figures.beforeDecided.recordValue(us(due.publishedAtMs, decidedAtMs))
  figures.sinceDecided.recordValue(us(decidedAtMs, receivedAtMs))
}

function quantiles(histogram: Histogram) {
  const ms = (percentile: number) => round(histogram.getValueAtPercentile(percentile) / 1_000)
  return { p50Ms: ms(50), p90Ms: ms(90), p99Ms: ms(99), maxMs: round(histogram.maxValue / 1_000) }
}

type IsDue = (crossing: Crossing, stage: number) => void

/** An operator asks each crossing in turn for the stage it does not show. */
async function requests(url: string, crossings: readonly Crossing[], isDue: IsDue) {
  const client = await mqtt.connectAsync(url, {
    ...createCredentialStore(certificates.pkiDir).of(operator),
    clientId: operator,
    protocolVersion: 4,
  })
  const stages = new Map<Crossing, number>()
  let at = 0
  const timer = setInterval(() => {
    const crossing = crossings[at++ % crossings.length] as Crossing
    const stage = 3 - (stages.get(crossing) ?? 1)
    stages.set(crossing, stage)
    const atMs = Math.floor(nowMs())
    const payload = {
      id: createCommandId(atMs, random),
      ts: formatTimestamp(atMs),
      expiresAt: formatTimestamp(atMs + 10_000),
      target: crossing.node,
      holdForMs: 2 * requestEveryMs,
      values: { stage },
    }
    isDue(crossing, stage)
    client.publish(`${operator}/request/tlc.stage.set`, JSON.stringify(payload), { qos: 1 })
  }, requestEveryMs / crossings.length)
  return {
    async stop() {
      clearInterval(timer)
      await client.endAsync(true)
    },
  }
}

/** Each crossing's detector reports; when the green has lasted, somebody waits on the other side and nobody on this. */
function readings(crossings: readonly Crossing[], isDue: IsDue) {
  const wanted = new Map<Crossing, number>()
  const report = (crossing: Crossing) => {
    const { number, sinceMs } = crossing.stage()
    const isOld = number !== null && sinceMs > minGreenMs + readingEveryMs
    if (isOld && wanted.get(crossing) !== 3 - number) {
      wanted.set(crossing, 3 - number)
      isDue(crossing, 3 - number)
    }
    const stage = wanted.get(crossing) ?? number
    crossing.publishQueues({ 1: stage === 1 ? 5 : 0, 2: stage === 2 ? 5 : 0 })
  }
  const timers = crossings.map((crossing) => {
    let timer: NodeJS.Timeout
    const next = () => {
      // Not in step with the gateway's beat, whatever that is.
      timer = setTimeout(next, readingEveryMs * (0.5 + random()))
      report(crossing)
    }
    next()
    return () => clearTimeout(timer)
  })
  return {
    async stop() {
      for (const cancel of timers) cancel()
    },
  }
}

/** Everybody else: begins before what is measured and ends after it. */
function background(port: number) {
  const up = Promise.withResolvers<void>()
  const rate = Promise.withResolvers<number>()
  const seconds = options.seconds + (2 * settleMs) / 1_000
  const run = async () => {
    if (options.rate === 0) {
      up.resolve()
      rate.resolve(0)
      return
    }
    const report = await (generator as Exclude<typeof generator, string>).run(
      [
        ...['-h', '127.0.0.1', '-p', String(port), '-X', '-A', certificates.clientDir],
        ...['-q', '1', '-c', String(options.devices), '-b', '1', '-w', '10', '--perrec'],
        ...['--warm', '0', '-r', String(options.rate), '-n', String(options.rate * seconds)],
        ...['-m', String(seconds + 5)],
      ],
      up.resolve,
    )
    rate.resolve(report.msg_s)
  }
  return { isUp: up.promise, perSecond: rate.promise, ended: run() }
}
