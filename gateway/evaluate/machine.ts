/** Where a figure comes from: machine, runtime and commit. A figure without them is none. */
import { execFileSync } from 'node:child_process'
import { cpus, loadavg } from 'node:os'

export interface Machine {
  readonly cpu: string
  readonly cores: number
  readonly node: string
  readonly commit: string
  /** Uncommitted changes in what is measured. */
  readonly isDirty: boolean
  readonly loadAverage: number
  readonly at: string
}

/** Others' folders do not matter. */
const measured = ['broker', 'devices-sim', 'gateway', 'schemas'].map((name) => `../../${name}`)

export function machine(): Machine {
  const git = (...words: string[]) => {
    try {
      return execFileSync('git', words, { cwd: import.meta.dirname, stdio: 'pipe' }).toString()
    } catch {
      return ''
    }
  }
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    node: process.version,
    commit: git('rev-parse', '--short', 'HEAD').trim() || 'unknown',
    isDirty: git('status', '--porcelain', '--', ...measured).trim() !== '',
    loadAverage: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    at: new Date().toISOString(),
  }
}
