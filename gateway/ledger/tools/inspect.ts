/**
 * ledger.db for tools, beside a running gateway: what is in it, read-only.
 *
 * - Each look is one short read transaction, so that the gateway can always write its journal back.
 * - A ledger of a newer format is refused rather than misread.
 */
import { DatabaseSync } from 'node:sqlite'
import type { DoorAccounts } from '../accounts.ts'
import type { CursorRow } from '../commit.ts'
import { LedgerUnreadable, LedgerVersion } from '../errors.ts'
import { formatVersion, ledgerFile } from '../file.ts'
import type { KeptItem } from '../quarantine.ts'
import { prepareRead, type ReadStatements } from '../read-rows.ts'
import type { LogOffset } from '../record.ts'

export interface Inspection {
  readonly file: string
  readonly db: DatabaseSync
  readonly read: ReadStatements
  /** Books, cursors and the ledger's end, of one moment. */
  books(): InspectedBooks
  close(): void
}

export interface InspectedBooks {
  readonly nextOffset: LogOffset
  readonly firstOffset: LogOffset
  readonly door: DoorAccounts
  readonly cursors: readonly CursorRow[]
  readonly deadLetters: number
  readonly quarantineRows: number
  readonly quarantineBytes: number
}

/** @throws IG_ERR_LEDGER_UNREADABLE, IG_ERR_LEDGER_VERSION */
export function inspect(dir: string, readOnly = true): Inspection {
  const file = ledgerFile(dir)
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(file, { readOnly, timeout: 5_000 })
    const { user_version: version } = db.prepare('PRAGMA user_version').get() as {
      user_version: number
    }
    if (version > formatVersion) throw LedgerVersion(file, version, formatVersion)
    if (version === 0) throw LedgerUnreadable(file, 'it is not a ledger')
    const opened = db
    return {
      file,
      db: opened,
      read: prepareRead(opened),
      books: () => inOneMoment(opened, readBooks),
      close: () => opened.close(),
    }
  } catch (cause) {
    db?.close()
    if ((cause as { errcode?: number }).errcode === undefined) throw cause
    throw LedgerUnreadable.from(cause, file, (cause as Error).message)
  }
}

/** All that is read in `look` is of the same moment. */
function inOneMoment<T>(db: DatabaseSync, look: (db: DatabaseSync) => T): T {
  db.exec('BEGIN')
  try {
    return look(db)
  } finally {
    db.exec('COMMIT')
  }
}

function readBooks(db: DatabaseSync): InspectedBooks {
  const one = <T>(sql: string) => db.prepare(sql).get() as T
  const kept = one<{ value: string } | undefined>("SELECT value FROM state WHERE name = 'door'")
  const { nextOffset = 0, commitNumber: _, ...door } = JSON.parse(kept?.value ?? '{}')
  const first = one<{ n: number } | undefined>(
    'SELECT first_offset AS n FROM commits ORDER BY first_offset LIMIT 1',
  )
  const quarantine = one<{ rows: number; bytes: number }>(
    'SELECT count(*) AS rows, coalesce(sum(length(bytes)), 0) AS bytes FROM quarantine',
  )
  const none: DoorAccounts = {
    received: 0,
    stored: 0,
    duplicate: 0,
    quarantined: {},
    refused: {},
    quarantineDropped: 0,
  }
  return {
    nextOffset,
    firstOffset: first?.n ?? nextOffset,
    door: { ...none, ...door },
    cursors: db.prepare('SELECT * FROM cursors').all() as unknown as CursorRow[],
    deadLetters: one<{ n: number }>('SELECT count(*) AS n FROM dead_letters').n,
    quarantineRows: quarantine.rows,
    quarantineBytes: quarantine.bytes,
  }
}

export const quarantineColumns = `id, at_ms AS atMs, code, path, reason, node, topic,
  whole_bytes AS wholeBytes, bytes`

export interface QuarantineQuery {
  readonly code?: string | undefined
  readonly node?: string | undefined
  readonly limit: number
}

/** Youngest first. */
export function listQuarantine(db: DatabaseSync, query: QuarantineQuery): readonly KeptItem[] {
  return db
    .prepare(
      `SELECT ${quarantineColumns} FROM quarantine
       WHERE coalesce(code = :code, 1) AND coalesce(node = :node, 1) ORDER BY id DESC LIMIT :limit`,
    )
    .all({
      code: query.code ?? null,
      node: query.node ?? null,
      limit: query.limit,
    }) as unknown as readonly KeptItem[]
}
