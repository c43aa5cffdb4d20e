/**
 * A real database for tests: Debian's VictoriaMetrics on a free port with a directory of its own.
 *
 * - `-dedup.minScrapeInterval=1ms` as docs/influx.md asks for: a point written twice is one point.
 * - Where the program is missing, tests that want it are skipped by name.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { eventually } from './eventually.ts'

const program = 'victoria-metrics'

/** Reason to skip, or false. */
export const isVictoriaMetricsMissing = spawnSync(program, ['-version']).error !== undefined

export interface Sample {
  readonly metric: Readonly<Record<string, string>>
  readonly values: readonly number[]
  readonly timestamps: readonly number[]
}

export interface VictoriaMetrics {
  readonly url: string
  readonly port: number
  /** All series of the match, as stored. */
  export(match: string): Promise<readonly Sample[]>
  /** Ends the process; `restart` begins it anew on the same port and files. */
  kill(): Promise<void>
  restart(): Promise<void>
  /** Ends it and removes its files. */
  stop(): Promise<void>
}

export async function startVictoriaMetrics(): Promise<VictoriaMetrics> {
  const dir = mkdtempSync(join(tmpdir(), 'intergreen-vm-'))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  let child = await launch(dir, port)
  return {
    url,
    port,
    async export(match) {
      await fetch(`${url}/internal/force_flush`)
      // Without an end it stops at the present, and simulated streets live in the future too.
      const query = new URLSearchParams({ 'match[]': match, start: '0', end: '4102444800' })
      const answer = await fetch(`${url}/api/v1/export?${query}`)
      const text = await answer.text()
      if (!answer.ok) throw new Error(text)
      return text
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line))
    },
    kill: () => end(child),
    async restart() {
      child = await launch(dir, port)
    },
    async stop() {
      await end(child)
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

async function launch(dir: string, port: number): Promise<ChildProcess> {
  const child = spawn(
    program,
    [
      `-storageDataPath=${dir}`,
      `-httpListenAddr=127.0.0.1:${port}`,
      '-retentionPeriod=100y',
      '-dedup.minScrapeInterval=1ms',
      '-memory.allowedBytes=64MB',
      '-search.disableCache',
    ],
    { stdio: 'ignore' },
  )
  await eventually(async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/health`)
    if (!answer.ok) throw new Error(`health ${answer.status}`)
  }, 20_000)
  return child
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const late = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await gone
  clearTimeout(late)
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}
