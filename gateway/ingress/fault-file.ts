/**
 * Which detector faults have been told and not been taken back, on disk: so that after a restart their end is told, and
 * their beginning not a second time.
 *
 * - Written beside and renamed after each change; changes are rare, and several at once are one write.
 * - Not precious: a file that cannot be read or written is told in the log, and the faults are found anew.
 */
import { readFileSync } from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import type { Log } from '../kit/log.ts'

export interface ActiveFault {
  readonly node: string
  readonly component: string
  readonly kind: string
  readonly sinceMs: number
}

export interface FaultFile {
  active(): readonly ActiveFault[]
  note(fault: ActiveFault & { readonly isActive: boolean }): void
  /** Resolves when all that was noted is written. */
  close(): Promise<void>
}

/** More than a house that works has; what is beyond is told and not remembered. */
const faultsMax = 20_000

export function openFaultFile(path: string, log: Log): FaultFile {
  const faults = new Map(readFaults(path, log).map((fault) => [keyOf(fault), fault]))
  let writing: Promise<void> | undefined
  let isDirty = false

  async function write(): Promise<void> {
    while (isDirty) {
      isDirty = false
      try {
        await writeFile(`${path}.new`, `${JSON.stringify([...faults.values()])}\n`, { mode: 0o640 })
        await rename(`${path}.new`, path)
      } catch (err) {
        log.warn({ err, path }, 'active detector faults were not written')
      }
    }
  }

  return {
    active: () => [...faults.values()],
    note({ node, component, kind, sinceMs, isActive }) {
      const key = keyOf({ node, component, kind })
      if (!isActive) faults.delete(key)
      else if (faults.size < faultsMax) faults.set(key, { node, component, kind, sinceMs })
      isDirty = true
      writing ??= write().finally(() => {
        writing = undefined
      })
    },
    close: async () => writing,
  }
}

function readFaults(path: string, log: Log): readonly ActiveFault[] {
  try {
    const found = JSON.parse(readFileSync(path, 'utf8')) as unknown
    if (Array.isArray(found)) return found.filter(isFault)
    log.warn({ path }, 'active detector faults cannot be read; they are found anew')
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'ENOENT')
      log.warn({ err, path }, 'active detector faults cannot be read; they are found anew')
  }
  return []
}

function isFault(value: unknown): value is ActiveFault {
  const { node, component, kind, sinceMs } = (value ?? {}) as Record<string, unknown>
  return [node, component, kind].every((one) => typeof one === 'string') && Number.isFinite(sinceMs)
}

function keyOf({ node, component, kind }: Omit<ActiveFault, 'sinceMs'>): string {
  return `${node} ${component} ${kind}`
}
