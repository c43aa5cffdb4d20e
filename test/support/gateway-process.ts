/**
 * A gateway as a process, for tests that run side by side: nothing here is tied to the test that happens to be current.
 * Whoever starts one ends it.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { root } from './house.ts'

export interface GatewayProcess {
  readonly child: ChildProcess
  readonly port: number
  readonly web: number
  /** What it wrote to stderr. */
  errors(): string
  /** Exit code, or the signal's name. */
  readonly ended: Promise<number | string>
}

export interface GatewayProcessOptions {
  readonly dataDir: string
  readonly pkiDir: string
  readonly args?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
}

/** A gateway that is started over and over need not be compiled each time: half the time of a start. */
const compileCache = join(tmpdir(), 'intergreen-compile-cache')

/** Resolves when it is open. */
export async function startGateway(options: GatewayProcessOptions): Promise<GatewayProcess> {
  const program = spawnGateway(options)
  const { mqtts, web } = (await program.ready) as { mqtts: number; web: number }
  return { ...program, port: mqtts, web }
}

export function spawnGateway(options: GatewayProcessOptions) {
  const { dataDir, pkiDir, args = [], environment = {} } = options
  const places = [`--data-dir=${dataDir}`, `--pki-dir=${pkiDir}`, '--mqtt-port=0', '--web-port=0']
  return startProgram('gateway/main.ts', [...places, ...args], environment)
}

/** Any of our programs; `ready` is its first JSON line. */
export function startProgram(
  file: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
) {
  const child = spawn(process.execPath, [join(root, file), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NODE_COMPILE_CACHE: compileCache, ...environment },
  })
  let errors = ''
  child.stderr.on('data', (chunk) => {
    errors += chunk
  })
  const ready = Promise.withResolvers<unknown>()
  ready.promise.catch(() => {})
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line.startsWith('{')) ready.resolve(JSON.parse(line))
  })
  const ended = once(child, 'close').then(([code, signal]) => {
    ready.reject(new Error(`${file} ended before it was ready: ${errors}`))
    return (code ?? signal) as number | string
  })
  return { child, ready: ready.promise, errors: () => errors, ended }
}

/** For what is still running when its test is over. */
export async function endProcess({ child, ended }: Pick<GatewayProcess, 'child' | 'ended'>) {
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
  await ended
}
