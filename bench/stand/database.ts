/** A time series database for a run, on the core of what is measured, and how many values it has taken. */
import { mkdtempSync } from 'node:fs'
import { join } from 'node:path'
import { serverCore } from './load-generator.ts'
import { type BenchProcess, freePort, pause, startProcess } from './processes.ts'

export interface BenchDatabase {
  readonly url: string
  readonly process: BenchProcess
  /** Values written so far. */
  rows(): Promise<number>
}

export async function startDatabase(dir: string): Promise<BenchDatabase> {
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const process = await startProcess({
    name: 'victoria-metrics',
    command: 'victoria-metrics',
    args: [
      `-storageDataPath=${mkdtempSync(join(dir, 'vm-'))}`,
      `-httpListenAddr=127.0.0.1:${port}`,
      '-retentionPeriod=100y',
      '-memory.allowedBytes=256MB',
    ],
    core: serverCore,
  })
  for (let tries = 0; tries < 200; tries++) {
    const isUp = await fetch(`${url}/health`).then(
      (answer) => answer.ok,
      () => false,
    )
    if (isUp) break
    await pause(50)
  }
  return {
    url,
    process,
    async rows() {
      const text = await (await fetch(`${url}/metrics`)).text()
      return Number(/^vm_rows_inserted_total\{type="influx"\} (\d+)/m.exec(text)?.[1] ?? 0)
    },
  }
}

/** Gives up on what does not come: then it is lost, and the figures say so. */
const lostAfterMs = 8_000

/** Waits until the database has `wanted` values and takes no more for a moment: what was sent has arrived. */
export async function settled(
  database: BenchDatabase,
  quietMs: number,
  wanted: number,
): Promise<number> {
  let rows = await database.rows()
  for (let quietSinceMs = performance.now(); ; ) {
    const quietForMs = performance.now() - quietSinceMs
    if (quietForMs >= (rows >= wanted ? quietMs : lostAfterMs)) return rows
    await pause(250)
    const now = await database.rows()
    if (now !== rows) quietSinceMs = performance.now()
    rows = now
  }
}
