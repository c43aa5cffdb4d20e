/** What one transaction of the ledger takes, and what the file holds: the rows, as plain data. */
import type { DoorAccounts } from './accounts.ts'
import type { QuarantineItem } from './quarantine.ts'
import type { LogOffset } from './record.ts'

export interface CommitRow {
  readonly firstOffset: LogOffset
  readonly lastOffset: LogOffset
  readonly firstReceivedAtMs: number
  readonly lastReceivedAtMs: number
  readonly bytes: Uint8Array
}

export interface StoredRow extends CommitRow {
  readonly crc: number
}

export interface CursorRow {
  readonly reader: string
  readonly position: LogOffset
  readonly written: number
  readonly rejected: number
  readonly skipped: number
}

export interface CursorChanges {
  /** Those that changed. */
  readonly cursors: readonly CursorRow[]
  /** Readers that will not come back. */
  readonly forgotten: readonly string[]
}

export interface DeadLetter {
  readonly reader: string
  readonly offset: LogOffset
  readonly atMs: number
  readonly error: string
}

/** All that one transaction takes. Flat, because it crosses to the thread several hundred times a second. */
export interface CommitRequest {
  /** One more than the request before; kept in the same transaction, so that the file tells whether it was written. */
  readonly number: number
  readonly rows: readonly CommitRow[]
  /** The door's books as JSON, an object. */
  readonly door: string
  /** What most commits do not have. */
  readonly extras?: CommitExtras | undefined
}

export interface CommitExtras extends CursorChanges {
  readonly quarantine: readonly QuarantineItem[]
  readonly deadLetters: readonly DeadLetter[]
  /** Quarantined messages that were judged anew and are stored or known now. */
  readonly released: readonly number[]
  /** Quarantined messages that were judged anew in vain. */
  readonly keptAside: readonly number[]
}

export interface Usage {
  readonly usedBytes: number
  readonly diskFreeBytes: number
  /** Offset of the oldest record there is. */
  readonly firstOffset: LogOffset
  readonly quarantineDropped: number
}

export interface StoreState {
  /** Of the youngest request that was written; 0 in a file from before they were numbered. */
  readonly commitNumber: number
  readonly nextOffset: LogOffset
  readonly firstOffset: LogOffset
  readonly accounts: Partial<DoorAccounts>
  readonly cursors: readonly CursorRow[]
}
