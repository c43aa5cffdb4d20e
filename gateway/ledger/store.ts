/**
 * The ledger on the disk: commits, retention, room. Everything here is synchronous and runs on the ledger's own thread.
 *
 * - One row a group commit; the records are framed in its blob (frame.ts), its checksum stands beside it.
 * - A commit takes records, quarantine, books and cursors in one transaction: after a crash they agree.
 * - `synchronous = FULL`: when commit() has returned, the records survive a power cut.
 * - It deletes only whole commits that every registered reader has passed, a few at a time.
 * - Pages that deletion frees are used again; the file does not shrink, and `usedBytes` does not count them.
 */
import { statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { crc32 } from 'node:zlib'
import type { CommitExtras, CommitRequest, StoredRow, StoreState, Usage } from './commit.ts'
import { ledgerFile, openDatabase, pragma, readState } from './file.ts'
import { checkpointBytes, type LedgerLimits } from './limits.ts'
import type { KeptItem } from './quarantine.ts'
import { QuarantineShelf } from './quarantine-shelf.ts'
import { prepareRead, readRows } from './read-rows.ts'
import type { LogOffset } from './record.ts'

export type * from './commit.ts'

/** Rows per step of retention: a step takes about a millisecond, so a commit never waits longer. */
const retentionRowsPerStep = 64
const statfsEveryMs = 1_000
/** So often usage is asked of the file; in between what was written is added up. */
const usageEveryMs = 250
/** With less room than this it is asked each time. */
const scarceBytes = 16 * 1024 * 1024
/** Per reader; a reader that can take nothing must not fill the disk with its complaints. */
const deadLettersMax = 10_000

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
  /** Throws only where it is asked for the first time; later, what cannot be asked is as last known, and what was written since. */
  usage(nowMs: number): Usage
  close(): void
}

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

function buildStore(db: DatabaseSync, file: string, limits: LedgerLimits): Store {
  const sql = prepare(db)
  const pageBytes = pragma(db, 'page_size')
  const walFile = `${file}-wal`
  const state = readState(db, file)
  const shelf = new QuarantineShelf(db, limits, state.accounts.quarantineDropped ?? 0)
  let nextOffset = state.nextOffset
  let walBytesWritten = checkpointBytes(limits) // So that the first look finds out what an earlier run has left.
  let diskFreeBytes = 0
  let diskAskedAtMs = Number.NEGATIVE_INFINITY
  let known: Usage | undefined
  /** The oldest record is another one than that. */
  let isOutdated = false
  let askedAtMs = Number.NEGATIVE_INFINITY
  let writtenSince = 0

  /** What the file says, with the room of the disk as of a second ago. */
  function ask(nowMs: number): Usage {
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
      quarantineDropped: shelf.dropped,
    }
  }

  /** There is so much room that it need not be known to the page. */
  function isAmple({ usedBytes, diskFreeBytes: disk }: Usage): boolean {
    const { bytesMax, reserveBytes } = limits
    return Math.min(bytesMax - usedBytes, disk) - reserveBytes - writtenSince > scarceBytes
  }

  function wrote(bytes: number): void {
    walBytesWritten += bytes
    writtenSince += bytes
  }

  function write({ number, rows, door, extras }: CommitRequest): void {
    for (const row of rows) {
      sql.append.run(
        row.firstOffset,
        row.lastOffset,
        Math.floor(row.firstReceivedAtMs),
        Math.floor(row.lastReceivedAtMs),
        crc32(row.bytes),
        row.bytes,
      )
      nextOffset = row.lastOffset + 1
      wrote(row.bytes.length + 2 * pageBytes)
    }
    if (extras) writeExtras(extras)
    const own = `"commitNumber":${number},"nextOffset":${nextOffset},"quarantineDropped":${shelf.dropped}`
    sql.keep.run('door', `{${own},${door.slice(1)}`)
  }

  function writeExtras(extras: CommitExtras): void {
    for (const item of extras.quarantine) {
      shelf.add(item)
      wrote(item.bytes.length + 2 * pageBytes)
    }
    for (const id of extras.released) shelf.release(id)
    for (const id of extras.keptAside) shelf.settle(id)
    for (const { reader, offset, atMs, error } of extras.deadLetters) {
      sql.deadLetter.run(reader, offset, atMs, error)
      sql.pruneDeadLetters.run({ reader })
    }
    for (const { reader, position, written, rejected, skipped } of extras.cursors) {
      sql.cursor.run(reader, position, written, rejected, skipped)
    }
    for (const reader of extras.forgotten) sql.forget.run(reader)
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
      const before = { nextOffset, dropped: shelf.dropped }
      sql.begin.run()
      try {
        write(request)
        sql.end.run()
        wrote(2 * pageBytes)
      } catch (error) {
        nextOffset = before.nextOffset
        rollBack(sql.undo)
        shelf.recount(before.dropped)
        throw error
      }
    },
    read: (from, bytesMax) => readRows(sql.read, from, bytesMax),
    tend(passed, keepFromMs) {
      const retired = retire(passed, keepFromMs)
      walBytesWritten += retired * pageBytes
      if (retired > 0) isOutdated = true
      if (walBytesWritten >= checkpointBytes(limits)) {
        sql.checkpoint.all()
        walBytesWritten = 0
      }
      return retired === retentionRowsPerStep
    },
    resubmitted: () => shelf.resubmitted(),
    usage(nowMs) {
      if (isOutdated || !known || nowMs - askedAtMs >= usageEveryMs || !isAmple(known)) {
        try {
          known = ask(nowMs)
          askedAtMs = nowMs
          writtenSince = 0
          isOutdated = false
          return known
        } catch (error) {
          // What was committed is committed: a disk that does not say how full it is will say so at the next write.
          if (!known) throw error
        }
      }
      const usedBytes = known.usedBytes + writtenSince
      return { ...known, usedBytes, quarantineDropped: shelf.dropped }
    },
    close() {
      db.close()
    },
  }
}

function prepare(db: DatabaseSync) {
  return {
    begin: db.prepare('BEGIN IMMEDIATE'),
    end: db.prepare('COMMIT'),
    undo: db.prepare('ROLLBACK'),
    append: db.prepare('INSERT INTO commits VALUES (?, ?, ?, ?, ?, ?)'),
    keep: db.prepare('INSERT OR REPLACE INTO state VALUES (?, ?)'),
    cursor: db.prepare('INSERT OR REPLACE INTO cursors VALUES (?, ?, ?, ?, ?)'),
    forget: db.prepare('DELETE FROM cursors WHERE reader = ?'),
    deadLetter: db.prepare('INSERT OR IGNORE INTO dead_letters VALUES (?, ?, ?, ?)'),
    pruneDeadLetters: db.prepare(
      `DELETE FROM dead_letters WHERE reader = :reader AND offset <= (
         SELECT offset FROM dead_letters WHERE reader = :reader
         ORDER BY offset DESC LIMIT 1 OFFSET ${deadLettersMax}
       )`,
    ),
    oldest: db.prepare(
      `SELECT first_offset AS firstOffset, last_offset AS lastOffset,
              last_received_at_ms AS lastReceivedAtMs
       FROM commits ORDER BY first_offset LIMIT ?`,
    ),
    retire: db.prepare('DELETE FROM commits WHERE first_offset <= ?'),
    pages: db.prepare('PRAGMA page_count'),
    freePages: db.prepare('PRAGMA freelist_count'),
    checkpoint: db.prepare('PRAGMA wal_checkpoint(PASSIVE)'),
    read: prepareRead(db),
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
