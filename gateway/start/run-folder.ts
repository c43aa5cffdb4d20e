/**
 * A folder for each run of `npm start`: simulated time begins anew with every run, so runs must not share a ledger.
 * The newest few are kept to be looked at; certificates are shared and stay.
 */
import { mkdirSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const runsKept = 3

export function createRunFolder(dataDir: string, now: Date): string {
  const runs = join(dataDir, 'runs')
  mkdirSync(runs, { recursive: true })
  for (const old of readdirSync(runs)
    .sort()
    .slice(0, -(runsKept - 1))) {
    rmSync(join(runs, old), { recursive: true, force: true })
  }
  const dir = join(runs, now.toISOString().replaceAll(':', '-'))
  mkdirSync(join(dir, 'junctions'), { recursive: true })
  return dir
}
