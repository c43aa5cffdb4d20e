/**
 * The load generator: a C program that is no part of the repository, compiled into a folder of this run. It costs little,
 * so the other core is free for what is measured. INTERGREEN_MQLOAD names its source where it does not lie beside the
 * repository. Where it or a compiler is missing, a bench skips by name.
 */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'

const beside = join(import.meta.dirname, '../../../shared/bench/mqload.c')
const source = resolve(process.env.INTERGREEN_MQLOAD || beside)

export interface LoadReport {
  readonly acked: number
  readonly sent: number
  readonly s: number
  readonly msg_s: number
  readonly dead: number
  readonly ack_p50_us: number
  readonly ack_p99_us: number
  readonly rss_mb: number
  readonly [name: string]: unknown
}

export interface LoadGenerator {
  /** `connected` is called when all connections stand and nothing has been sent yet. */
  run(args: readonly string[], connected?: () => void, niceness?: number): Promise<LoadReport>
  /** Begins to connect, and holds idle what is connected until it is told to stop. */
  hold(args: readonly string[]): { stop(): Promise<void> }
}

export const generatorCore = 1
export const serverCore = 0

/** The generator, or why there is none. */
export function buildLoadGenerator(dir: string): LoadGenerator | string {
  if (!existsSync(source)) {
    return `the load generator ${source} is not there; INTERGREEN_MQLOAD=FILE names its source (mqload.c)`
  }
  const program = join(dir, 'mqload')
  const built = spawnSync('gcc', ['-O2', '-o', program, source, '-lssl', '-lcrypto', '-lm'])
  if (built.status !== 0) return `mqload cannot be compiled: ${built.stderr ?? built.error}`
  return {
    run: (args, connected) => run(program, args, connected),
    hold: (args) => hold(program, args),
  }
}

async function run(
  program: string,
  args: readonly string[],
  connected: () => void = () => {},
  niceness = 0,
): Promise<LoadReport> {
  const place = ['-n', String(niceness), 'taskset', '-c', String(generatorCore)]
  const child = spawn('nice', [...place, program, '--ready', ...args])
  let out = ''
  let said = ''
  child.stdout.on('data', (text) => {
    out += text
  })
  child.stderr.on('data', (text) => {
    said += text
    if (String(text).includes('CONNECTED')) connected()
  })
  const [code] = await once(child, 'close')
  if (code !== 0 || out === '') throw new Error(`mqload ended with ${code}: ${said}`)
  return JSON.parse(out)
}

/** Longer than any bench holds; it is told when to stop. */
const holdSMax = 3_600

function hold(program: string, args: readonly string[]) {
  const words = ['-c', String(generatorCore), program, '--hold', String(holdSMax), ...args]
  const child = spawn('taskset', words, { stdio: 'ignore' })
  // A bench that ends by an error does not leave it holding nothing for an hour.
  process.once('exit', () => child.kill('SIGTERM'))
  return {
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.kill('SIGTERM')
      await gone
    },
  }
}

/**
 * The loads of the comparison, by name: what one connection does, and how many there are. As long as the README beside the
 * generator has them: shorter runs count what a young process and a young connection cost, which is compiled and made once.
 */
export const loads = {
  burst: { messages: 400_000, args: ['-c', '100', '-b', '20', '-w', '40'] },
  single: { messages: 100_000, args: ['-c', '100', '-b', '1', '-w', '1', '--perrec'] },
  paced: {
    messages: 90_000,
    args: ['-c', '1000', '-b', '1', '-w', '10', '--perrec', '-r', '3000'],
  },
} as const

export type LoadName = keyof typeof loads
