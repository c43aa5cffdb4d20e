/**
 * Question: where do the gateway's microseconds go under one of the loads of bench/whole.ts?
 *
 * Runs the gateway with Node's sampling profiler, one profile a thread, and adds up self time by function and by file,
 * in µs per message. The profiler itself costs a tenth to a fifth and sees JavaScript's side only; native work (TLS, SQLite,
 * the disk) shows under the function that called it, kernel time of other threads not at all. Use it to find, not to claim.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { makeCertificates } from './stand/certificates.ts'
import { startGateway } from './stand/contenders.ts'
import { buildLoadGenerator, type LoadName, loads } from './stand/load-generator.ts'
import { machine, round } from './stand/machine.ts'
import { benchOptions, count, flag } from './stand/options.ts'
import { cpuUsByThread } from './stand/processes.ts'

interface Profile {
  readonly nodes: readonly {
    readonly id: number
    readonly callFrame: { readonly functionName: string; readonly url: string; lineNumber: number }
  }[]
  readonly samples: readonly number[]
  readonly timeDeltas: readonly number[]
}

interface Options {
  readonly load: LoadName
  readonly messages: number
  readonly top: number
  readonly database: boolean
}

const options = benchOptions<Options>(import.meta.filename, {
  load: { type: 'string', enum: Object.keys(loads), default: 'burst', description: 'which load' },
  messages: count(0, 'how many; 0: as many as the load has', 0),
  top: count(30, 'functions and files listed'),
  database: flag(true, 'with a database behind it'),
})
const { load } = options
const messages = options.messages || loads[load].messages

const dir = mkdtempSync(join(tmpdir(), 'bench-profile-'))
const generator = buildLoadGenerator(dir)
if (typeof generator === 'string') {
  process.stdout.write(`${JSON.stringify({ bench: 'profile', skipped: generator })}\n`)
  process.exit(0)
}
const certificates = await makeCertificates(dir)
const profileDir = join(dir, 'profiles')
const gateway = await startGateway(dir, certificates, {
  nodeArgs: ['--cpu-prof', `--cpu-prof-dir=${profileDir}`, '--cpu-prof-interval=500'],
  hasDatabase: options.database,
})
const pid = gateway.processes[0]!.pid
const before = cpuUsByThread(pid)
const report = await generator.run([
  ...['-h', '127.0.0.1', '-p', String(gateway.port), '-X', '-A', certificates.clientDir],
  ...['-q', '1', '--warm', '0', '-n', String(messages), ...loads[load].args],
])
await gateway.done()
const after = cpuUsByThread(pid)
await gateway.stop()

const byThread = Object.entries(after)
  .map(([name, us]) => [name, round((us - (before[name] ?? 0)) / report.acked)] as const)
  .filter(([, us]) => us >= 0.05)
const profiles = readdirSync(profileDir).map((file) => summarize(join(profileDir, file)))
rmSync(dir, { recursive: true, force: true })
process.stdout.write(
  `${JSON.stringify({
    bench: 'profile',
    machine: machine(),
    load,
    messages: report.acked,
    messagesPerSecond: report.msg_s,
    usPerMessageByThread: Object.fromEntries(byThread),
    profiles: profiles.filter(({ usPerMessage }) => usPerMessage > 0.2),
  })}\n`,
)

function summarize(path: string) {
  const profile = JSON.parse(readFileSync(path, 'utf8')) as Profile
  const nodes = new Map(profile.nodes.map((node) => [node.id, node.callFrame]))
  const functions = new Map<string, number>()
  const files = new Map<string, number>()
  let total = 0
  for (const [at, id] of profile.samples.entries()) {
    const frame = nodes.get(id)
    if (!frame || ['(idle)', '(root)'].includes(frame.functionName)) continue
    const us = profile.timeDeltas[at] ?? 0
    const file = frame.url.replace(/^.*\/(node_modules|gateway|broker|schemas)\//, '$1/')
    const name = `${frame.functionName || '(anonymous)'} ${file}:${frame.lineNumber + 1}`
    functions.set(name, (functions.get(name) ?? 0) + us)
    files.set(file, (files.get(file) ?? 0) + us)
    total += us
  }
  const top = (found: Map<string, number>) =>
    Object.fromEntries(
      [...found]
        .sort((a, b) => b[1] - a[1])
        .slice(0, options.top)
        .map(([name, us]) => [name, round(us / report.acked)]),
    )
  return { usPerMessage: round(total / report.acked), functions: top(functions), files: top(files) }
}
