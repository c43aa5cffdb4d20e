/**
 * The real log: JSON lines on stderr through pino.
 *
 * - A refused message is counted always and logged at most once a minute a code (`rateLimited`).
 * - Errors keep their code and cause; secrets and payloads never come here.
 */
import { pino } from 'pino'
import type { Log, LogFields } from '../kit/log.ts'

export type LogLevel = 'debug' | 'info' | 'warn' | 'error'

export function createLog(level: LogLevel, destination: number | string = 2): Log {
  const root = pino(
    {
      level,
      base: null,
      formatters: { level: (label) => ({ level: label }) },
      timestamp: () => `,"ts":"${new Date().toISOString()}"`,
    },
    pino.destination({ dest: destination, sync: true }),
  )
  return root as unknown as Log
}

const quietMs = 60_000 // One line a minute for the same code tells enough; the counters tell the rest.

/** A log that says the same warning code at most once a minute, with how often it was held back. */
export function rateLimited(log: Log, nowMs: () => number): Log {
  const spoken = new Map<string, { atMs: number; heldBack: number }>()
  const speak = (level: 'warn' | 'error', fields: LogFields, msg: string) => {
    const key = `${level}:${fields.code ?? msg}`
    const last = spoken.get(key)
    if (last && nowMs() - last.atMs < quietMs) {
      last.heldBack += 1
      return
    }
    spoken.set(key, { atMs: nowMs(), heldBack: 0 })
    log[level](last?.heldBack ? { ...fields, heldBack: last.heldBack } : fields, msg)
  }
  return {
    debug: (fields, msg) => log.debug(fields, msg),
    info: (fields, msg) => log.info(fields, msg),
    warn: (fields, msg) => speak('warn', fields, msg),
    error: (fields, msg) => speak('error', fields, msg),
    child: (fields) => rateLimited(log.child(fields), nowMs),
  }
}
