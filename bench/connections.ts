/**
 * Question: what does a connected device cost that says nothing, and how fast are a thousand back after a cut?
 *
 * Our gateway and bare Aedes in turn on one core: memory per idle mutual TLS connection, CPU and time per connect with
 * and without session resumption. The storm of reconnects is bounded by the door's own limit of handshakes a second, which
 * is part of the answer.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeCertificates } from './stand/certificates.ts'
import { startBareAedes, startGateway } from './stand/contenders.ts'
import { buildLoadGenerator } from './stand/load-generator.ts'
import { machine, round } from './stand/machine.ts'
import { benchOptions, count } from './stand/options.ts'

const options = benchOptions<{ connections: number; storm: number; hold: number }>(
  import.meta.filename,
  {
    connections: count(2_000, 'idle connections held'),
    storm: count(1_000, 'connects, 64 at a time'),
    hold: count(5, 'seconds they are held'),
  },
)
const dir = mkdtempSync(join(tmpdir(), 'bench-connections-'))
const generator = buildLoadGenerator(dir)
if (typeof generator === 'string') {
  process.stdout.write(`${JSON.stringify({ bench: 'connections', skipped: generator })}\n`)
  process.exit(0)
}
const certificates = await makeCertificates(dir)
const results: Record<string, object> = {}
for (const start of [
  () => startGateway(dir, certificates, { hasDatabase: false }),
  () => startBareAedes(certificates),
]) {
  const contender = await start()
  const pid = String(contender.processes[0]?.pid)
  const base = ['-h', '127.0.0.1', '-p', String(contender.port), '-X', '-A', certificates.clientDir]
  const storm = ['-c', '64', '--conc', '64', '--churn', String(options.storm), '-P', pid]
  const full = await generator.run([...base, ...storm])
  const resumed = await generator.run([...base, ...storm, '--resume'])
  const idle = [
    '-c',
    String(options.connections),
    '--hold',
    String(options.hold),
    '--src',
    '-P',
    pid,
  ]
  const held = await generator.run([...base, ...idle])
  results[contender.name] = {
    kbPerConnection: held.kb_per_conn_end,
    connected: held.conns,
    idleCpuPercent: held.idle_cpu_pct,
    connectCpuMs: held.connect_cpu_ms_per_conn,
    storm: { s: full.s, cpuUsEach: full.srv_cpu_us_per_conn, failed: full.fail },
    stormResumed: {
      s: resumed.s,
      cpuUsEach: resumed.srv_cpu_us_per_conn,
      resumed: resumed.resumed,
      failed: resumed.fail,
    },
  }
  await contender.stop()
}
rmSync(dir, { recursive: true, force: true })
const [own, aedes] = Object.values(results) as {
  kbPerConnection: number
  stormResumed: { s: number }
}[]
process.stdout.write(
  `${JSON.stringify({
    bench: 'connections',
    machine: machine(),
    results,
    ratios: {
      memory: round(own!.kbPerConnection / aedes!.kbPerConnection),
      stormResumedTime: round(own!.stormResumed.s / aedes!.stormResumed.s),
    },
  })}\n`,
)
