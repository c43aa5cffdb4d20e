/**
 * What the two ends of the archive say to each other, and what it can be asked.
 *
 *   main → thread   durable, told
 *   thread → main   cursor, confirmed, report (state and metrics), alarm, line
 */
import type { HistoryAccounts, HistoryAlarm } from '../history/ports.ts'
import type { HistoryQueries } from '../history/queries.ts'
import type { RetentionOptions } from '../history/retention.ts'
import type { InfluxOptions } from '../influx/options.ts'
import type { SinkAlarm } from '../influx/ports.ts'
import type { PumpState } from '../influx/pump.ts'
import type { DeadLetter } from '../influx/sink-store.ts'
import type { RelayedLine, RelayedValue } from '../kit/relay.ts'

/** Somebody has to look; nothing is lost meanwhile. */
export type ArchiveAlarm = HistoryAlarm | SinkAlarm

export type ArchiveReader = 'history' | 'influx'

export interface ArchiveState {
  readonly history: {
    readonly cursor: number
    readonly accounts: HistoryAccounts
    readonly usedBytes: number
    /** Windows that came after their minute was closed. */
    readonly tooLate: number
  }
  readonly influx?: PumpState & { readonly cursor: number }
}

/** What may be asked: the history's queries, the sink's dead letters (newest first), and how things stand. */
export interface ArchiveQueries extends HistoryQueries {
  deadLetters(query: { limit: number; beforeId?: number }): readonly DeadLetter[]
  state(): ArchiveState
}

export interface Told {
  readonly topic: string
  readonly payload: Uint8Array
  readonly receivedAtMs: number
}

/** What the thread is started with. */
export interface ThreadData {
  /** Where ledger.db is. */
  readonly ledgerDir: string
  /** Where history.db and sink.db are kept. */
  readonly dir: string
  /** Without it nothing is written to a database. */
  readonly influx?: InfluxOptions
  readonly retention?: RetentionOptions
}

export type ToThread =
  | { readonly kind: 'durable'; readonly end: number }
  | { readonly kind: 'told'; readonly upTo: number; readonly messages: readonly Told[] }
export type FromThread =
  | {
      readonly kind: 'cursor'
      readonly reader: ArchiveReader
      readonly cursor: number
      readonly rejected: number
    }
  | { readonly kind: 'confirmed'; readonly upTo: number }
  | {
      readonly kind: 'report'
      readonly state: ArchiveState
      readonly metrics: readonly RelayedValue[]
    }
  | { readonly kind: 'alarm'; readonly alarm: ArchiveAlarm }
  | { readonly kind: 'line'; readonly line: RelayedLine }
