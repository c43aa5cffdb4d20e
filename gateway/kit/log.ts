/**
 * What a room may say. `msg` is a constant sentence, the facts are fields; never a secret, never a payload above debug.
 * gateway/observe/log.ts makes the real one (JSON lines on stderr).
 */
export interface Log {
  debug(fields: LogFields, msg: string): void
  info(fields: LogFields, msg: string): void
  warn(fields: LogFields, msg: string): void
  error(fields: LogFields, msg: string): void
  /** A log that carries the name of its room. */
  child(fields: { room: string }): Log
}

export interface LogFields {
  readonly code?: string
  readonly node?: string
  readonly offset?: number
  readonly commandId?: string
  readonly err?: unknown
  readonly [fact: string]: unknown
}

/** For tests and tools that have nothing to say. */
export const silentLog: Log = {
  debug() {},
  info() {},
  warn() {},
  error() {},
  child: () => silentLog,
}
