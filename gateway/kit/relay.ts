/**
 * A worker's log and instruments: they put what is said into messages, and the main thread plays them back.
 *
 * - Counts and gauges are put together until they are taken, so that a busy worker sends few messages.
 * - What an error carries crosses as plain data; fields that cannot cross are left out.
 */
import type { Log, LogFields } from './log.ts'
import type { Counter, Gauge, Histogram } from './metrics.ts'

type Labels = Readonly<Record<string, string>> | undefined
type Level = 'debug' | 'info' | 'warn' | 'error'

export interface RelayedLine {
  readonly level: Level
  readonly fields: LogFields
  readonly msg: string
}

export interface RelayedValue {
  readonly instrument: string
  readonly act: 'add' | 'set' | 'observe'
  readonly value: number
  readonly labels?: Labels
}

export function createRelayLog(send: (line: RelayedLine) => void): Log {
  const at = (level: Level) => (fields: LogFields, msg: string) => {
    send({ level, fields: plain(fields), msg })
  }
  const log: Log = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => log,
  }
  return log
}

export function playLine(log: Log, { level, fields, msg }: RelayedLine): void {
  log[level](fields, msg)
}

const observationsMax = 1_000 // Between two takings; a figure more says nothing new.

/** Instruments by name, and what was put into them since it was last taken. */
export function createRelayMetrics() {
  const sums = new Map<string, RelayedValue>()
  let observations: RelayedValue[] = []
  const keyOf = (instrument: string, labels: Labels) =>
    labels ? `${instrument} ${Object.values(labels).join(' ')}` : instrument
  const put = (instrument: string, act: 'add' | 'set', value: number, labels: Labels) => {
    const key = keyOf(instrument, labels)
    const before = act === 'add' ? (sums.get(key)?.value ?? 0) : 0
    sums.set(key, { instrument, act, value: before + value, labels })
  }
  return {
    counter: (name: string): Counter<string> => ({
      add: (amount = 1, labels) => put(name, 'add', amount, labels),
    }),
    gauge: (name: string): Gauge<string> => ({
      set: (value, labels) => put(name, 'set', value, labels),
    }),
    histogram: (name: string): Histogram<string> => ({
      observe(value, labels) {
        if (observations.length < observationsMax)
          observations.push({ instrument: name, act: 'observe', value, labels })
      },
    }),
    take(): readonly RelayedValue[] {
      const taken = [...sums.values(), ...observations]
      sums.clear()
      observations = []
      return taken
    },
  }
}

/** Instruments of a room, each with the one act it has. */
export type Instruments = Readonly<
  Record<string, Counter<string> | Gauge<string> | Histogram<string>>
>

export function playValues(instruments: Instruments, values: readonly RelayedValue[]): void {
  for (const { instrument, act, value, labels } of values) {
    const found = instruments[instrument] as
      | Readonly<Record<string, ((value: number, labels: Labels) => void) | undefined>>
      | undefined
    found?.[act]?.(value, labels)
  }
}

function plain(fields: LogFields): LogFields {
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([, value]) => typeof value !== 'function' && typeof value !== 'symbol')
      .map(([name, value]) => [name, value instanceof Error ? plainError(value) : value]),
  )
}

function plainError(error: Error) {
  const { name, message, stack } = error
  return { name, message, stack, code: (error as { code?: unknown }).code }
}
