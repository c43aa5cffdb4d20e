/**
 * Processes on the bench: started on the core they are given, watched by what the kernel says of them, ended by their id.
 *
 * CPU is the sum of /proc/PID/task/TID/schedstat, nanoseconds on a core, as the load generator counts it too. A thread
 * that has ended takes its share with it; nothing measured here ends threads under load.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'

export interface BenchProcess {
  readonly name: string
  readonly pid: number
  /** The first JSON line it printed, where one was waited for. */
  readonly ready: Readonly<Record<string, unknown>>
  stop(): Promise<void>
}

export interface StartOptions {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  /** Core it is pinned to; none leaves it to the kernel. */
  readonly core?: number
  /** Its first line on stdout is waited for and read as JSON. */
  readonly hasReadyLine?: boolean
  readonly env?: Readonly<Record<string, string>>
}

const stopMs = 10_000

export async function startProcess(options: StartOptions): Promise<BenchProcess> {
  const { name, command, args, core, env } = options
  const words = core === undefined ? [command, ...args] : ['-c', String(core), command, ...args]
  const child = spawn(core === undefined ? words.shift()! : 'taskset', words, {
    stdio: ['ignore', options.hasReadyLine ? 'pipe' : 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  })
  let said = ''
  child.stderr?.on('data', (text) => {
    said = `${said}${text}`.slice(-4_000)
  })
  const ready = options.hasReadyLine ? await firstLine(child, name, () => said) : {}
  return { name, pid: child.pid as number, ready, stop: () => stop(child) }
}

async function firstLine(child: ChildProcess, name: string, said: () => string) {
  const lines = createInterface({ input: child.stdout! })
  const line = await Promise.race([
    once(lines, 'line').then(([text]) => text as string),
    once(child, 'exit').then(() => undefined),
  ])
  if (line === undefined) throw new Error(`${name} ended before it was ready: ${said()}`)
  lines.close()
  child.stdout?.resume()
  return JSON.parse(line) as Record<string, unknown>
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const late = setTimeout(() => child.kill('SIGKILL'), stopMs)
  await gone
  clearTimeout(late)
}

/** CPU of all threads so far, in µs. */
export function cpuUsOf(pid: number): number {
  let ns = 0
  for (const thread of readdirSync(`/proc/${pid}/task`)) ns += threadNs(pid, thread)
  return ns / 1_000
}

/** CPU by thread name, in µs. */
export function cpuUsByThread(pid: number): Readonly<Record<string, number>> {
  const byName: Record<string, number> = {}
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const name = Number(thread) === pid ? 'main' : `${nameOf(pid, thread)} ${thread}`
    byName[name] = (byName[name] ?? 0) + threadNs(pid, thread) / 1_000
  }
  return byName
}

function nameOf(pid: number, thread: string): string {
  return readFileSync(`/proc/${pid}/task/${thread}/comm`, 'utf8').trim()
}

function threadNs(pid: number, thread: string): number {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0])
  } catch {
    return 0 // It has ended between the two looks.
  }
}

export function rssKbOf(pid: number): number {
  const found = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(found?.[1] ?? 0)
}

export async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

export const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
