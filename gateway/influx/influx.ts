/**
 * The way to the database as one thing: what is remembered, the sink, and the pump between them.
 *
 * - Besides the ledger it carries what the gateway tells of itself, which is kept here until it is written.
 * - Nothing here waits for the database to be there: a gateway starts without it.
 */
import type { Clock } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'
import { createInfluxSink } from './influx-sink.ts'
import type { InfluxOptions } from './options.ts'
import type { InfluxMetrics, SinkAlarm, SourceRecord } from './ports.ts'
import { createInfluxPump, type PumpState } from './pump.ts'
import { blockOf, type RecordBlock } from './record-block.ts'
import { type DeadLetter, openSinkStore } from './sink-store.ts'

export interface OpenInfluxOptions {
  readonly options: InfluxOptions
  /** SQLite file of cursors, accounts and dead letters. */
  readonly path: string
  /** Reads the ledger: the block that holds `from`, or the next one. */
  readonly read: (from: number) => RecordBlock | undefined
  /** End of what is durable, exclusive. */
  readonly end: () => number
  readonly clock: Clock
  readonly random: () => number
  readonly log: Log
  readonly metrics: InfluxMetrics
  readonly onAlarm: (alarm: SinkAlarm) => void
  /** How far the ledger is written; `rejected` of the latest records have dead letters. */
  readonly onCursor: (cursor: number, rejected: number) => void
}

export interface Influx {
  /** To be called once it is known where the ledger ends. */
  start(): Promise<void>
  notify(): void
  /** Keeps what the gateway tells until it is written; durable when it returns, false when there is no room. */
  append(messages: readonly Omit<SourceRecord, 'offset'>[]): boolean
  cursor(): number
  state(): PumpState
  deadLetters(limit: number, beforeId?: number): readonly DeadLetter[]
  /** Writes no more; what has been written can still be asked. */
  stop(deadlineMs: number): Promise<void>
  close(): void
}

const ledgerName = 'ledger'
const toldName = 'told'

/** @throws IG_ERR_SINK_CONFIG_INVALID, IG_ERR_SINK_STORE_INVALID */
export function openInflux(ports: OpenInfluxOptions): Influx {
  const { options, clock, log } = ports
  const sink = createInfluxSink(options, { clock })
  const store = openSinkStore(ports.path)
  const ledger = { name: ledgerName, end: ports.end, read: ports.read }
  const told = {
    name: toldName,
    end: () => store.toldEnd(),
    read: (from: number) => blockOf(store.readTold(from)),
  }
  const pump = createInfluxPump({
    sink,
    sources: [ledger, told],
    store,
    clock,
    random: ports.random,
    log,
    metrics: ports.metrics,
    onAlarm: ports.onAlarm,
    onCursor(source, cursor, rejected) {
      if (source === toldName) forgetTold(cursor)
      else ports.onCursor(cursor, rejected)
    },
    ...(options.batchPointsMax === undefined ? {} : { batchPointsMax: options.batchPointsMax }),
    ...(options.batchDelayMs === undefined ? {} : { batchDelayMs: options.batchDelayMs }),
  })

  /** A disk that takes nothing now keeps it a while longer: the next time all before it goes too. */
  function forgetTold(before: number): void {
    try {
      store.forgetTold(before)
    } catch (err) {
      log.error({ err }, 'what was told and written could not be removed')
    }
  }

  return {
    start: () => pump.start(),
    notify: () => pump.notify(),
    append(messages) {
      const isKept = store.tell(messages)
      if (isKept) pump.notify()
      return isKept
    },
    cursor: () => store.load(ledgerName)?.cursor ?? 0,
    state: () => pump.state(),
    deadLetters: (limit, beforeId) => store.deadLetters(limit, beforeId),
    stop: (deadlineMs) => pump.stop(deadlineMs),
    close: () => store.close(),
  }
}
