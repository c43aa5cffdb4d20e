/**
 * Question: what does a message cost when TLS and MQTT stand in processes of their own, and what does the one gate then bear?
 *
 * A gateway with its door in its own process, and gateways with doors beside it (decisions/0030), in turn in one run, without a
 * database; QoS 1 over mutual TLS 1.3. The kernel places the server's processes as it likes; the load generator has the last core.
 *
 * - `us` is CPU per acknowledged message by who had it: the gateway's main thread, its other threads, the doors.
 * - `gateMax` is arithmetic: what one core could take if it ran nothing but the gateway's main thread. With the door in it, that
 *   is the whole house's limit; with doors, the limit of the part that cannot be divided.
 * - `messagesPerSecond` is what this machine did with load generator, doors and gateway sharing its cores: with two cores it says
 *   what the processes cost each other, not what a larger machine does.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BenchCertificates, makeCertificates } from './stand/certificates.ts'
import { buildLoadGenerator, type LoadName, loads } from './stand/load-generator.ts'
import { machine, median, round } from './stand/machine.ts'
import { benchOptions, count, list } from './stand/options.ts'
import { type BenchProcess, cpuUsByThread, cpuUsOf, startProcess } from './stand/processes.ts'

interface Options {
  readonly processes: readonly number[]
  readonly loads: readonly LoadName[]
  readonly rounds: number
  readonly scalePercent: number
}

const options = benchOptions<Options>(import.meta.filename, {
  processes: list([1, 2], 'mqtt.processes of each contender'),
  loads: list(['burst', 'single', 'paced'], 'which loads'),
  rounds: count(3, 'runs of each contender, in turn'),
  scalePercent: count(100, 'of the usual number of messages'),
})
const warmShare = 0.5

const dir = mkdtempSync(join(tmpdir(), 'bench-doors-'))
const built = buildLoadGenerator(dir)
if (typeof built === 'string') {
  process.stdout.write(`${JSON.stringify({ bench: 'doors', skipped: built })}\n`)
  process.exit(0)
}
const generator = built
const certificates = await makeCertificates(dir)

interface House {
  readonly processes: number
  readonly gateway: BenchProcess
  readonly doors: readonly number[]
}

interface Run {
  readonly us: number
  readonly gatewayMain: number
  readonly gatewayOther: number
  readonly doors: number
  readonly busiestDoor: number
  readonly messagesPerSecond: number
  readonly ackP50Ms: number
  readonly ackP99Ms: number
  readonly lost: number
}

const houses: House[] = []
for (const processes of options.processes) houses.push(await open(processes, certificates))
const results: Record<string, object> = {}
try {
  for (const house of houses) await measure(house, 'burst', warmShare)
  for (const load of options.loads) {
    const runs = new Map<House, Run[]>(houses.map((house) => [house, []]))
    for (let turn = 0; turn < options.rounds; turn++)
      for (const house of houses) runs.get(house)!.push(await measure(house, load, 1))
    results[load] = Object.fromEntries(
      houses.map((house) => [`processes${house.processes}`, summarize(runs.get(house)!)]),
    )
  }
} finally {
  for (const { gateway } of houses) await gateway.stop()
  rmSync(dir, { recursive: true, force: true })
}
process.stdout.write(
  `${JSON.stringify({ bench: 'doors', machine: machine(), rounds: options.rounds, results })}\n`,
)

async function open(processes: number, { pkiDir }: BenchCertificates): Promise<House> {
  const gateway = await startProcess({
    name: `gateway with ${processes}`,
    command: process.execPath,
    args: [
      join(import.meta.dirname, '../gateway/main.ts'),
      ...['--data-dir', mkdtempSync(join(dir, 'gateway-')), '--pki-dir', pkiDir],
      ...['--mqtt-port', '0', '--web-port', '0', '--log-level', 'error'],
      ...['--mqtt-processes', String(processes)],
    ],
    hasReadyLine: true,
  })
  const { pid } = gateway
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return { processes, gateway, doors: children.split(' ').filter(Boolean).map(Number) }
}

async function measure({ gateway, doors }: House, load: LoadName, share: number): Promise<Run> {
  const messages = Math.round((loads[load].messages * share * options.scalePercent) / 100)
  const look = () => ({
    main: cpuUsByThread(gateway.pid).main ?? 0,
    gateway: cpuUsOf(gateway.pid),
    doors: doors.map(cpuUsOf),
  })
  let before = look()
  const report = await generator.run(
    [
      ...['-h', '127.0.0.1', '-p', String(gateway.ready.mqtts), '-X', '-A', certificates.clientDir],
      ...['-q', '1', '--warm', '0', '-m', '30', '-n', String(messages), ...loads[load].args],
    ],
    () => {
      before = look()
    },
  )
  const after = look()
  const each = (us: number) => us / report.acked
  const ofDoors = after.doors.map((us, at) => each(us - (before.doors[at] ?? 0)))
  const gatewayMain = each(after.main - before.main)
  const ofGateway = each(after.gateway - before.gateway)
  const sum = ofDoors.reduce((total, us) => total + us, 0)
  return {
    us: ofGateway + sum,
    gatewayMain,
    gatewayOther: ofGateway - gatewayMain,
    doors: sum,
    busiestDoor: Math.max(0, ...ofDoors),
    messagesPerSecond: report.msg_s,
    ackP50Ms: report.ack_p50_us / 1_000,
    ackP99Ms: report.ack_p99_us / 1_000,
    lost: report.sent - report.acked,
  }
}

function summarize(runs: readonly Run[]): object {
  const of = (name: keyof Run) => median(runs.map((run) => run[name]))
  const spread = runs.map(({ us }) => round(us, 1))
  return {
    us: {
      all: round(of('us'), 1),
      gatewayMain: round(of('gatewayMain'), 1),
      gatewayOther: round(of('gatewayOther'), 1),
      doors: round(of('doors'), 1),
      busiestDoor: round(of('busiestDoor'), 1),
    },
    gateMax: Math.round(1_000_000 / of('gatewayMain')),
    messagesPerSecond: Math.round(of('messagesPerSecond')),
    ackP50Ms: round(of('ackP50Ms')),
    ackP99Ms: round(of('ackP99Ms')),
    lost: runs.reduce((lost, run) => lost + run.lost, 0),
    runs: spread,
  }
}
