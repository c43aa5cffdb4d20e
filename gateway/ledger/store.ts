/**
 * ledger.db: the ledger on the disk. Everything here is synchronous and runs on the ledger's own thread.
 *
 * - One row a group commit; the records are framed in its blob (frame.ts), its checksum stands beside it.
 * - A commit takes records, quarantine, books and cursors in one transaction: after a crash they agree.
 * - `synchronous = FULL`: when commit() has returned, the records survive a power cut.
 * - It deletes only whole commits that every registered reader has passed, a few at a time.
 * - Pages that deletion frees are used again; the file does not shrink, and `usedBytes` does not count them.
 */
import { statfsSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { crc32 } from 'node:zlib'
import type { DoorAccounts } from './accounts.ts'
import { LedgerCorrupt, LedgerUnreadable, LedgerVersion } from './errors.ts'
import { checkpointBytes, type LedgerLimits } from './limits.ts'
import type { KeptItem, QuarantineItem } from './quarantine.ts'
import type { LogOffset } from './record.ts'

export const formatVersion = 1
const applicationId = 0x4947_4c47 // "IGLG": tells ledger.db from any other SQLite file.

const schema = `
  PRAGMA application_id = ${applicationId};
  CREATE TABLE commits (
    first_offset INTEGER PRIMARY KEY,
    last_offset INTEGER NOT NULL,
    first_received_at_ms INTEGER NOT NULL, -- The least and the greatest: a clock may be set back.
    last_received_at_ms INTEGER NOT NULL,
    crc INTEGER NOT NULL,
    bytes BLOB NOT NULL
  );
  CREATE TABLE state (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE cursors (
    reader TEXT PRIMARY KEY,
    position INTEGER NOT NULL,
    written INTEGER NOT NULL,
    rejected INTEGER NOT NULL,
    skipped INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE TABLE dead_letters (
    reader TEXT NOT NULL,
    offset INTEGER NOT NULL,
    at_ms INTEGER NOT NULL,
    error TEXT NOT NULL,
    PRIMARY KEY (reader, offset)
  ) WITHOUT ROWID;
  CREATE TABLE quarantine (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms INTEGER NOT NULL,
    code TEXT NOT NULL,
    path TEXT NOT NULL,
    reason TEXT NOT NULL,
    node TEXT NOT NULL,
    topic TEXT NOT NULL,
    whole_bytes INTEGER NOT NULL,
    bytes BLOB NOT NULL
  );
  CREATE TABLE resubmissions (id INTEGER PRIMARY KEY);
  PRAGMA user_version = ${formatVersion};
`

/** Rows per step of retention: a step takes about a millisecond, so a commit never waits longer. */
const retentionRowsPerStep = 64
const statfsEveryMs = 1_000

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

export interface DeadLetter {
  readonly reader: string
  readonly offset: LogOffset
  readonly atMs: number
  readonly error: string
}

/** All that one transaction takes. Flat, because it crosses to the thread several hundred times a second. */
export interface CommitRequest {
  readonly rows: readonly CommitRow[]
  /** The door's books as JSON, an object. */
  readonly door: string
  /** What most commits do not have. */
  readonly extras?: CommitExtras | undefined
}

export interface CommitExtras {
  readonly quarantine: readonly QuarantineItem[]
  readonly deadLetters: readonly DeadLetter[]
  /** Quarantined messages that were judged anew and are stored or known now. */
  readonly released: readonly number[]
  /** Quarantined messages that were judged anew in vain. */
  readonly keptAside: readonly number[]
  /** Those that changed. */
  readonly cursors: readonly CursorRow[]
  /** Readers that will not come back. */
  readonly forgotten: readonly string[]
}

export interface Usage {
  readonly usedBytes: number
  readonly diskFreeBytes: number
  /** Offset of the oldest record there is. */
  readonly firstOffset: LogOffset
  readonly quarantineDropped: number
}

export interface StoreState {
  readonly nextOffset: LogOffset
  readonly firstOffset: LogOffset
  readonly accounts: Partial<DoorAccounts>
  readonly cursors: readonly CursorRow[]
}

export interface Store {
  readonly state: StoreState
  /** @throws what SQLite throws; then nothing of the request is in the ledger */
  commit(request: CommitRequest): void
  /** Whole commits from the one that holds `from`, at least one if there is any, up to `bytesMax`. */
  read(from: LogOffset, bytesMax: number): readonly StoredRow[]
  /** Housekeeping between commits: a step of retention, a checkpoint. True when there is more to do. */
  tend(passed: LogOffset, keepFromMs: number): boolean
  /** Quarantined messages somebody asked to have judged anew; one that is being judged is not named again. */
  resubmitted(): readonly KeptItem[]
  usage(nowMs: number): Usage
  close(): void
}

export const ledgerFile = (dir: string) => join(dir, 'ledger.db')

/** @throws IG_ERR_LEDGER_VERSION, IG_ERR_LEDGER_CORRUPT, IG_ERR_LEDGER_UNREADABLE */
export function openStore(dir: string, limits: LedgerLimits): Store {
  const file = ledgerFile(dir)
  const db = openDatabase(file, limits)
  try {
    return buildStore(db, file, limits)
  } catch (error) {
    db.close()
    throw error
  }
}

function openDatabase(file: string, limits: LedgerLimits): DatabaseSync {
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(file, { timeout: 5_000 }) // A reader's short lock is waited for.
    checkVersion(db, file)
    db.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;
      PRAGMA wal_autocheckpoint = 0;
      PRAGMA journal_size_limit = ${checkpointBytes(limits)};
    `)
    if (versionOf(db) === 0) db.exec(`BEGIN; ${schema} COMMIT`)
    const pageBytes = pragma(db, 'page_size')
    db.exec(`PRAGMA max_page_count = ${Math.ceil(limits.bytesMax / pageBytes)}`)
    return db
  } catch (cause) {
    db?.close()
    throw openingError(cause, file)
  }
}

function checkVersion(db: DatabaseSync, file: string): void {
  const version = versionOf(db)
  if (version > formatVersion) throw LedgerVersion(file, version, formatVersion)
  if (version > 0 && pragma(db, 'application_id') !== applicationId) {
    throw LedgerCorrupt(file, 'it is a database of another program')
  }
}

const sqliteCorrupt = 11
const sqliteNotADatabase = 26

function openingError(cause: unknown, file: string): unknown {
  const code = ((cause as { errcode?: number }).errcode ?? 0) & 0xff
  if (code === sqliteCorrupt || code === sqliteNotADatabase) {
    return LedgerCorrupt.from(cause, file, (cause as Error).message)
  }
  return code === 0 ? cause : LedgerUnreadable.from(cause, file, (cause as Error).message)
}

const versionOf = (db: DatabaseSync) => pragma(db, 'user_version')

function pragma(db: DatabaseSync, name: string): number {
  return Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0] as number
}

function buildStore(db: DatabaseSync, file: string, limits: LedgerLimits): Store {
  const sql = {
    begin: db.prepare('BEGIN IMMEDIATE'),
    end: db.prepare('COMMIT'),
    undo: db.prepare('ROLLBACK'),
    append: db.prepare('INSERT INTO commits VALUES (?, ?, ?, ?, ?, ?)'),
    keep: db.prepare('INSERT OR REPLACE INTO state VALUES (?, ?)'),
    cursor: db.prepare('INSERT OR REPLACE INTO cursors VALUES (?, ?, ?, ?, ?)'),
    forget: db.prepare('DELETE FROM cursors WHERE reader = ?'),
    deadLetter: db.prepare('INSERT OR IGNORE INTO dead_letters VALUES (?, ?, ?, ?)'),
    quarantine: db.prepare(
      `INSERT INTO quarantine (at_ms, code, path, reason, node, topic, whole_bytes, bytes)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    oldestQuarantine: db.prepare(
      'SELECT id, length(bytes) AS n FROM quarantine ORDER BY id LIMIT 1',
    ),
    dropQuarantine: db.prepare('DELETE FROM quarantine WHERE id = ?'),
    oldest: db.prepare(
      `SELECT first_offset AS firstOffset, last_offset AS lastOffset,
              last_received_at_ms AS lastReceivedAtMs
       FROM commits ORDER BY first_offset LIMIT ?`,
    ),
    retire: db.prepare('DELETE FROM commits WHERE first_offset <= ?'),
    release: db.prepare('DELETE FROM quarantine WHERE id = ? RETURNING length(bytes) AS n'),
    resubmissions: db.prepare(
      `SELECT id, at_ms AS atMs, code, path, reason, node, topic, whole_bytes AS wholeBytes, bytes
       FROM resubmissions JOIN quarantine USING (id) ORDER BY id`,
    ),
    settleResubmission: db.prepare('DELETE FROM resubmissions WHERE id = ?'),
    dataVersion: db.prepare('PRAGMA data_version'),
    pages: db.prepare('PRAGMA page_count'),
    freePages: db.prepare('PRAGMA freelist_count'),
    checkpoint: db.prepare('PRAGMA wal_checkpoint(PASSIVE)'),
    read: prepareRead(db),
  }
  const pageBytes = pragma(db, 'page_size')
  const walFile = `${file}-wal`
  const state = readState(db, file)
  let quarantineRows = count(db, 'SELECT count(*) AS n FROM quarantine')
  let quarantineBytes = count(db, 'SELECT coalesce(sum(length(bytes)), 0) AS n FROM quarantine')
  let quarantineDropped = state.accounts.quarantineDropped ?? 0
  let nextOffset = state.nextOffset
  let walBytesWritten = checkpointBytes(limits) // So that the first look finds out what an earlier run has left.
  let seenVersion = -1
  const resubmittedIds = new Set<number>()
  let diskFreeBytes = 0
  let diskAskedAtMs = Number.NEGATIVE_INFINITY

  function write(request: CommitRequest): void {
    for (const row of request.rows) {
      sql.append.run(
        row.firstOffset,
        row.lastOffset,
        Math.floor(row.firstReceivedAtMs),
        Math.floor(row.lastReceivedAtMs),
        crc32(row.bytes),
        row.bytes,
      )
      nextOffset = row.lastOffset + 1
      walBytesWritten += row.bytes.length + 2 * pageBytes
    }
    if (request.extras) writeExtras(request.extras)
    const own = `"nextOffset":${nextOffset},"quarantineDropped":${quarantineDropped}`
    sql.keep.run('door', `{${own},${request.door.slice(1)}`)
  }

  function writeExtras(extras: CommitExtras): void {
    for (const item of extras.quarantine) keepAside(item)
    for (const id of extras.released) release(id)
    for (const id of extras.keptAside) settle(id)
    for (const { reader, offset, atMs, error } of extras.deadLetters) {
      sql.deadLetter.run(reader, offset, atMs, error)
    }
    for (const { reader, position, written, rejected, skipped } of extras.cursors) {
      sql.cursor.run(reader, position, written, rejected, skipped)
    }
    for (const reader of extras.forgotten) sql.forget.run(reader)
  }

  function keepAside(item: QuarantineItem): void {
    const { atMs, code, path, reason, node, topic, wholeBytes, bytes } = item
    sql.quarantine.run(atMs, code, path, reason, node, topic, wholeBytes, bytes)
    quarantineRows += 1
    quarantineBytes += bytes.length
    walBytesWritten += bytes.length + 2 * pageBytes
    while (
      quarantineRows > limits.quarantineRowsMax ||
      (quarantineBytes > limits.quarantineBytesMax && quarantineRows > 1)
    ) {
      const oldest = sql.oldestQuarantine.get() as { id: number; n: number }
      sql.dropQuarantine.run(oldest.id)
      quarantineRows -= 1
      quarantineBytes -= oldest.n
      quarantineDropped += 1
    }
  }

  function release(id: number): void {
    const gone = sql.release.get(id) as { n: number } | undefined
    if (gone) {
      quarantineRows -= 1
      quarantineBytes -= gone.n
    }
    settle(id)
  }

  function settle(id: number): void {
    sql.settleResubmission.run(id)
    resubmittedIds.delete(id)
  }

  function oldest(rows: number): OldRow[] {
    return sql.oldest.all(rows) as unknown as OldRow[]
  }

  /** Only ever the oldest, so that no hole comes about even when the clock was set back in between. */
  function retire(passed: LogOffset, keepFromMs: number): number {
    const isOver = (row: OldRow) => row.lastOffset < passed && row.lastReceivedAtMs < keepFromMs
    if (!oldest(1).some(isOver)) return 0
    const rows = oldest(retentionRowsPerStep)
    const kept = rows.findIndex((row) => !isOver(row))
    const over = kept < 0 ? rows : rows.slice(0, kept)
    sql.retire.run(over.at(-1)?.firstOffset ?? -1)
    return over.length
  }

  return {
    state,
    commit(request) {
      const before = { nextOffset, quarantineRows, quarantineBytes, quarantineDropped }
      sql.begin.run()
      try {
        write(request)
        sql.end.run()
        walBytesWritten += 2 * pageBytes
      } catch (error) {
        ;({ nextOffset, quarantineRows, quarantineBytes, quarantineDropped } = before)
        rollBack(sql.undo)
        throw error
      }
    },
    read: (from, bytesMax) => readRows(sql.read, from, bytesMax),
    tend(passed, keepFromMs) {
      const retired = retire(passed, keepFromMs)
      walBytesWritten += retired * pageBytes
      if (walBytesWritten >= checkpointBytes(limits)) {
        sql.checkpoint.all()
        walBytesWritten = 0
      }
      return retired === retentionRowsPerStep
    },
    resubmitted() {
      // It changes when another process has written: only then is there something to look for.
      const version = (sql.dataVersion.get() as { data_version: number }).data_version
      if (version === seenVersion) return []
      seenVersion = version
      const items = sql.resubmissions.all() as unknown as KeptItem[]
      const fresh = items.filter((item) => !resubmittedIds.has(item.id))
      for (const { id } of fresh) resubmittedIds.add(id)
      return fresh
    },
    usage(nowMs) {
      if (Math.abs(nowMs - diskAskedAtMs) >= statfsEveryMs) {
        const disk = statfsSync(dirname(file))
        diskFreeBytes = disk.bavail * disk.bsize
        diskAskedAtMs = nowMs
      }
      const pages = (sql.pages.get() as { page_count: number }).page_count
      const free = (sql.freePages.get() as { freelist_count: number }).freelist_count
      return {
        usedBytes: (pages - free) * pageBytes + fileBytes(walFile),
        diskFreeBytes,
        firstOffset: oldest(1)[0]?.firstOffset ?? nextOffset,
        quarantineDropped,
      }
    },
    close() {
      db.close()
    },
  }
}

interface OldRow {
  readonly firstOffset: LogOffset
  readonly lastOffset: LogOffset
  readonly lastReceivedAtMs: number
}

/** A failed COMMIT may have rolled back by itself; then there is nothing left to undo. */
function rollBack(undo: StatementSync): void {
  try {
    undo.run()
  } catch {}
}

function fileBytes(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0
}

function count(db: DatabaseSync, sql: string): number {
  return (db.prepare(sql).get() as { n: number }).n
}

function readState(db: DatabaseSync, file: string): StoreState {
  const kept = db.prepare("SELECT value FROM state WHERE name = 'door'").get() as
    | { value: string }
    | undefined
  const { nextOffset = 0, ...accounts } = JSON.parse(kept?.value ?? '{}')
  const end = (order: 'ASC' | 'DESC') =>
    db
      .prepare(
        `SELECT first_offset AS first, last_offset AS last
         FROM commits ORDER BY first_offset ${order} LIMIT 1`,
      )
      .get() as { first: number; last: number } | undefined
  const last = end('DESC')?.last
  if (last !== undefined && last + 1 !== nextOffset) {
    throw LedgerCorrupt(file, `its books end at ${nextOffset}, its records at ${last + 1}`)
  }
  const cursors = db.prepare('SELECT * FROM cursors').all() as unknown as CursorRow[]
  return {
    nextOffset,
    firstOffset: end('ASC')?.first ?? nextOffset,
    accounts,
    cursors: cursors.map((row) => ({ ...row })),
  }
}

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

/** Shared by the thread and by readers elsewhere; one short read transaction, so the journal can always be written back. */
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
