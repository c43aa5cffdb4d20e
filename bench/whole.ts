/**
 * Question: what does a message cost, all processes together, from the wire into the database; and what does the
 * gateway alone cost beside a bare broker on the same runtime?
 *
 * In turn in one run: our gateway with a database behind it, the obvious pipeline, bare Aedes. QoS 1 over mutual
 * TLS 1.3; the server side on one core, the load generator on the other. CPU by the kernel's count, until the last value
 * is in the database. Only the ratios of one run mean something (bench/README.md).
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeCertificates } from './stand/certificates.ts'
import { type Contender, startBareAedes, startGateway, startPipeline } from './stand/contenders.ts'
import { buildLoadGenerator, type LoadName, loads } from './stand/load-generator.ts'
import { machine, median, round } from './stand/machine.ts'
import { benchOptions, count, list } from './stand/options.ts'
import { cpuUsOf } from './stand/processes.ts'

interface Options {
  readonly rounds: number
  readonly loads: readonly LoadName[]
  readonly contenders: readonly string[]
  readonly scale: number
}

const options = benchOptions<Options>(import.meta.filename, {
  rounds: count(3, 'runs of each contender and load, in turn'),
  loads: list(Object.keys(loads), 'which loads'),
  contenders: list(['gateway', 'pipeline', 'aedes'], 'who takes part'),
  scale: { type: 'number', default: 1, description: 'part or multiple of each load' },
})
const { rounds, scale, loads: loadNames } = options

const dir = mkdtempSync(join(tmpdir(), 'bench-whole-'))
const built = buildLoadGenerator(dir)
if (typeof built === 'string') {
  process.stdout.write(`${JSON.stringify({ bench: 'whole', skipped: built })}\n`)
  process.exit(0)
}
const generator = built
const certificates = await makeCertificates(dir)
const startOf: Readonly<Record<string, () => Promise<Contender>>> = {
  gateway: () => startGateway(dir, certificates),
  pipeline: () => startPipeline(dir, certificates),
  aedes: () => startBareAedes(certificates),
}
const contenders: Contender[] = []
for (const name of options.contenders) contenders.push(await startOf[name]!())

interface Run {
  readonly usPerMessage: number
  readonly usByProcess: readonly number[]
  readonly messagesPerSecond: number
  readonly ackP50Ms: number
  readonly ackP99Ms: number
  readonly lost: number
  readonly rowsPerMessage: number | undefined
}

async function measure(contender: Contender, load: LoadName, share = 1): Promise<Run> {
  const messages = Math.round(loads[load].messages * scale * share)
  const rowsBefore = (await contender.done()) ?? 0
  let before: number[] = []
  const report = await generator.run(
    [
      ...['-h', '127.0.0.1', '-p', String(contender.port), '-X', '-A', certificates.clientDir],
      ...['-q', '1', '--warm', '0', '-m', '60', '-n', String(messages), ...loads[load].args],
    ],
    () => {
      before = contender.processes.map(({ pid }) => cpuUsOf(pid))
    },
  )
  const rows = await contender.done(rowsBefore + report.acked * contender.rowsPerMessage)
  const usByProcess = contender.processes.map(
    ({ pid }, at) => (cpuUsOf(pid) - (before[at] ?? 0)) / report.acked,
  )
  return {
    usPerMessage: usByProcess.reduce((sum, us) => sum + us, 0),
    usByProcess,
    messagesPerSecond: report.msg_s,
    ackP50Ms: report.ack_p50_us / 1_000,
    ackP99Ms: report.ack_p99_us / 1_000,
    lost: report.sent - report.acked,
    rowsPerMessage: rows === undefined ? undefined : (rows - rowsBefore) / report.acked,
  }
}

const results: Record<string, Record<string, object>> = {}
const ratios: Record<string, object> = {}
try {
  for (const contender of contenders) await measure(contender, 'burst', 0.5) // Warm: compiled, connected, files made.
  for (const load of loadNames) {
    const runs = new Map<string, Run[]>(contenders.map(({ name }) => [name, []]))
    for (let round = 0; round < rounds; round++)
      for (const contender of contenders)
        runs.get(contender.name)!.push(await measure(contender, load))
    results[load] = Object.fromEntries(
      contenders.map((contender) => [
        contender.name,
        summary(contender, runs.get(contender.name)!),
      ]),
    )
    const us = (name: string) => median((runs.get(name) ?? []).map((run) => run.usPerMessage))
    const own = median((runs.get('gateway') ?? []).map((run) => run.usByProcess[0] ?? 0))
    ratios[load] = {
      allToPipeline: round(us('gateway') / us('pipeline')),
      gatewayToAedes: round(own / us('aedes')),
    }
  }
} finally {
  for (const contender of contenders) await contender.stop()
  rmSync(dir, { recursive: true, force: true })
}

function summary({ processes }: Contender, runs: readonly Run[]) {
  const of = (read: (run: Run) => number) => round(median(runs.map(read)))
  return {
    usPerMessage: of((run) => run.usPerMessage),
    usPerMessageRuns: runs.map((run) => round(run.usPerMessage)),
    usByProcess: Object.fromEntries(
      processes.map(({ name }, at) => [name, of((run) => run.usByProcess[at] ?? 0)]),
    ),
    messagesPerSecond: of((run) => run.messagesPerSecond),
    ackP50Ms: of((run) => run.ackP50Ms),
    ackP99Ms: of((run) => run.ackP99Ms),
    lost: runs.reduce((sum, run) => sum + run.lost, 0),
    rowsPerMessage: of((run) => run.rowsPerMessage ?? 0),
  }
}

process.stdout.write(
  `${JSON.stringify({ bench: 'whole', machine: machine(), rounds, scale, results, ratios })}\n`,
)
