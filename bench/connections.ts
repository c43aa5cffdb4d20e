/**
 * Question: what does a connected device cost that says nothing, how fast are a thousand back after a cut, and what do those
 * feel of it who were never gone?
 *
 * Our gateway and bare Aedes in turn on one core: memory per idle mutual TLS connection, CPU and time per connect with
 * and without session resumption.
 *
 * - Memory is asked of a process that has seen no storm: one leaves free room, more in one contender than in the other, and
 *   connections that fill it would seem to cost nothing.
 * - The storms: 64 at a time, all at once, and all at once beside a hundred who go on reporting.
 * - The storm of reconnects is bounded by the door's own limit of handshakes in a turn, which is part of the answer.
 * - The storm that established devices feel comes all at once, from a generator of its own that is nicer than theirs, so
 *   that what they see is the server's delay.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeCertificates } from './stand/certificates.ts'
import { type Contender, startBareAedes, startGateway } from './stand/contenders.ts'
import { buildLoadGenerator } from './stand/load-generator.ts'
import { machine, median, round } from './stand/machine.ts'
import { benchOptions, count } from './stand/options.ts'

const options = benchOptions<{ connections: number; storm: number; hold: number }>(
  import.meta.filename,
  {
    connections: count(2_000, 'idle connections held'),
    storm: count(1_000, 'connects: 64 at a time, and all at once for the established to feel'),
    hold: count(5, 'seconds they are held'),
  },
)
const warmConnects = 300
const inTurn = ['-c', '64', '--conc', '64']
const everybody = String(options.storm)
const atOnce = ['-c', everybody, '--conc', everybody, '--churn', everybody, '--resume']
const atOnceRounds = 5
const dir = mkdtempSync(join(tmpdir(), 'bench-connections-'))
const generator = buildLoadGenerator(dir)
if (typeof generator === 'string') {
  process.stdout.write(`${JSON.stringify({ bench: 'connections', skipped: generator })}\n`)
  process.exit(0)
}
const { run } = generator
const certificates = await makeCertificates(dir)
const results: Record<string, object> = {}
for (const start of [
  () => startGateway(dir, certificates, { hasDatabase: false }),
  () => startBareAedes(certificates),
]) {
  const idle = await inProcess(start, hold)
  const storms = await inProcess(start, storm)
  results[idle.name] = { ...idle.found, ...storms.found }
}
rmSync(dir, { recursive: true, force: true })

/** A process of its own for each question, warm: what the first connects make once and for all does not count as theirs. */
async function inProcess<T>(
  start: () => Promise<Contender>,
  ask: (base: readonly string[], pid: string) => Promise<T>,
): Promise<{ readonly name: string; readonly found: T }> {
  const contender = await start()
  const pid = String(contender.processes[0]?.pid)
  const base = ['-h', '127.0.0.1', '-p', String(contender.port), '-X', '-A', certificates.clientDir]
  await run([...base, ...inTurn, '--churn', String(warmConnects)])
  const found = await ask(base, pid)
  await contender.stop()
  return { name: contender.name, found }
}

async function hold(base: readonly string[], pid: string) {
  const devices = ['-c', String(options.connections), '--hold', String(options.hold)]
  const held = await run([...base, ...devices, '--src', '-P', pid])
  return {
    kbPerConnection: held.kb_per_conn_end as number,
    connected: held.conns,
    idleCpuPercent: held.idle_cpu_pct,
    connectCpuMs: held.connect_cpu_ms_per_conn,
  }
}

async function storm(base: readonly string[], pid: string) {
  const churn = ['-P', pid, '--churn', String(options.storm)]
  const full = await run([...base, ...inTurn, ...churn])
  const resumed = await run([...base, ...inTurn, ...churn, '--resume'])
  const atOnceS: number[] = []
  for (let round = 0; round < atOnceRounds; round++)
    atOnceS.push((await run([...base, ...atOnce])).s)
  return {
    storm: { s: full.s, cpuUsEach: full.srv_cpu_us_per_conn, failed: full.fail },
    stormResumed: {
      s: resumed.s,
      cpuUsEach: resumed.srv_cpu_us_per_conn,
      resumed: resumed.resumed,
      failed: resumed.fail,
    },
    atOnce: { s: round(median(atOnceS)), runs: atOnceS },
    established: await feel(base),
  }
}

/** A hundred established devices that report, without a storm and with one: the storm's devices have ids of their own. */
async function feel(base: readonly string[]) {
  const load = ['-c', '100', '-q', '1', '-b', '1', '-w', '10', '--perrec', '--warm', '0']
  const report = [...base, ...load, '-r', '1000', '-n', '5000']
  const calm = await run(report)
  let storm: ReturnType<typeof run> | undefined
  const stormy = await run(report, () => {
    storm ??= run([...base, ...atOnce, '--devoff', '50000'], undefined, 10)
  })
  const back = await storm
  return {
    calmP50Ms: calm.ack_p50_us / 1_000,
    calmP99Ms: calm.ack_p99_us / 1_000,
    stormP50Ms: stormy.ack_p50_us / 1_000,
    stormP99Ms: stormy.ack_p99_us / 1_000,
    p99Ratio: round(stormy.ack_p99_us / calm.ack_p99_us),
    allBackS: back?.s,
    failed: back?.fail,
    resumed: back?.resumed,
  }
}

const [own, aedes] = Object.values(results) as {
  kbPerConnection: number
  established: { p99Ratio: number; allBackS: number }
  stormResumed: { s: number }
  atOnce: { s: number }
}[]
process.stdout.write(
  `${JSON.stringify({
    bench: 'connections',
    machine: machine(),
    results,
    ratios: {
      memory: round(own!.kbPerConnection / aedes!.kbPerConnection),
      stormResumedTime: round(own!.stormResumed.s / aedes!.stormResumed.s),
      allAtOnceTime: round(own!.atOnce.s / aedes!.atOnce.s),
      allAtOnceTimeBesideOthers: round(own!.established.allBackS / aedes!.established.allBackS),
      establishedP99: own!.established.p99Ratio,
    },
  })}\n`,
)
