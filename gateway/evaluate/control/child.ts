/** A program of ours as a child process that speaks in JSON lines on stdout and ends with a meaning. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { withoutOptions } from '../../../schemas/command-line.ts'
import { RunFailed } from './errors.ts'

export type Line = Readonly<Record<string, unknown>>

export interface Child {
  /** First line that fits, also one that came before. @throws IG_ERR_EVALUATE_RUN_FAILED when it ends without one */
  line(fits: (line: Line) => boolean): Promise<Line>
  /** Resolves when it has ended with exit code 0. @throws IG_ERR_EVALUATE_RUN_FAILED */
  ended(): Promise<void>
  stop(): void
  /** At once; harmless when it has ended. */
  kill(): void
}

const wordsCharsMax = 4_000

export function startChild(options: { args: readonly string[]; signal: AbortSignal }): Child {
  const child = spawn(process.execPath, [...options.args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: withoutOptions(), // A gateway under evaluation never writes to the database of the one in service.
  })
  const lines: Line[] = []
  const waiting = new Set<{ fits: (line: Line) => boolean; take: (line: Line) => void }>()
  let words = ''
  createInterface({ input: child.stdout }).on('line', (text) => {
    const line = parseLine(text)
    if (line === undefined) return
    lines.push(line)
    for (const each of waiting) if (each.fits(line)) each.take(line)
  })
  child.stderr.on('data', (chunk) => {
    words = (words + String(chunk)).slice(-wordsCharsMax)
  })
  const stop = () => {
    child.kill('SIGTERM')
  }
  options.signal.addEventListener('abort', stop, { once: true })
  const end = new Promise<string | undefined>((resolve) => {
    child.once('error', (error) => resolve(error.message))
    child.once('close', (code, signal) => {
      options.signal.removeEventListener('abort', stop)
      resolve(code === 0 ? undefined : `${signal ?? `exit code ${code}`}: ${words.trim()}`)
    })
  })
  const name = options.args[0] ?? ''
  return {
    async line(fits) {
      const seen = lines.find(fits)
      if (seen !== undefined) return seen
      const coming = new Promise<Line>((take) => waiting.add({ fits, take }))
      const first = await Promise.race([coming, end])
      if (typeof first === 'object') return first
      throw RunFailed(name, first ?? 'it ended early')
    },
    async ended() {
      const failure = await end
      if (failure !== undefined) throw RunFailed(name, failure)
    },
    stop,
    kill() {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    },
  }
}

function parseLine(text: string): Line | undefined {
  if (!text.startsWith('{')) return undefined
  try {
    return JSON.parse(text) as Line
  } catch {
    return undefined
  }
}
