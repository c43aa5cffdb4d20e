/**
 * Rows out of ledger.db, for its own thread, for readers in other threads and for tools. One short read transaction a
 * call, so that the journal can always be written back.
 */
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { StoredRow } from './commit.ts'
import type { LogOffset } from './record.ts'

export interface ReadStatements {
  readonly start: StatementSync
  readonly rows: StatementSync
}

export function prepareRead(db: DatabaseSync): ReadStatements {
  return {
    start: db.prepare(
      'SELECT first_offset AS n FROM commits WHERE first_offset <= ? ORDER BY first_offset DESC LIMIT 1',
    ),
    rows: db.prepare(
      `SELECT first_offset AS firstOffset, last_offset AS lastOffset,
              first_received_at_ms AS firstReceivedAtMs, last_received_at_ms AS lastReceivedAtMs,
              crc, bytes
       FROM commits WHERE first_offset >= ? ORDER BY first_offset`,
    ),
  }
}

/** Whole commits from the one that holds `from`, at least one if there is any, up to `bytesMax`. */
export function readRows(sql: ReadStatements, from: LogOffset, bytesMax: number): StoredRow[] {
  const start = sql.start.get(from) as { n: number } | undefined
  const rows: StoredRow[] = []
  let bytes = 0
  for (const found of sql.rows.iterate(start?.n ?? from)) {
    const row = found as unknown as StoredRow
    if (row.lastOffset < from) continue
    rows.push(row)
    bytes += row.bytes.length
    if (bytes >= bytesMax) break
  }
  return rows
}
