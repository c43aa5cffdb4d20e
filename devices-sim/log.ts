/** The simulator's log: JSON lines on stderr; `msg` is a constant sentence, the facts are fields. */
import { pino } from 'pino'

export interface SimLog {
  debug(fields: object, msg: string): void
  info(fields: object, msg: string): void
  warn(fields: object, msg: string): void
  error(fields: object, msg: string): void
}

export function createSimLog(level: 'debug' | 'info' | 'warn' | 'error'): SimLog {
  return pino(
    {
      level,
      base: { room: 'sim' },
      formatters: { level: (label) => ({ level: label }) },
      timestamp: () => `,"ts":"${new Date().toISOString()}"`,
    },
    pino.destination({ dest: 2, sync: true }),
  )
}
