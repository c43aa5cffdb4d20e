/** Where a figure comes from: machine, runtime and commit. A figure without them is none. */
import { execFileSync } from 'node:child_process'
import { cpus, loadavg } from 'node:os'

export function machine() {
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
    // Uncommitted changes in what is measured; others' folders do not matter.
    isDirty:
      git(
        'status',
        '--porcelain',
        '--',
        '../../broker',
        '../../gateway',
        '../../schemas',
      ).trim() !== '',
    loadAverage: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    at: new Date().toISOString(),
  }
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}

export const round = (value: number, digits = 2) => Math.round(value * 10 ** digits) / 10 ** digits
