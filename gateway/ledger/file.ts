/**
 * ledger.db as a file: its format, how it is opened, and what is looked at before anybody relies on it.
 *
 * - A newer format, another program's database and a damaged file are told apart, each with its remedy.
 * - The check at the start is quick: the youngest commits, where a crash would have left its mark, and that the books
 *   end where the records end. `npm run ledger -- verify` reads everything.
 */
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { crc32 } from 'node:zlib'
import type { CursorRow, StoreState } from './commit.ts'
import { LedgerCorrupt, LedgerUnreadable, LedgerVersion } from './errors.ts'
import { checkpointBytes, type LedgerLimits } from './limits.ts'

export const ledgerFile = (dir: string) => join(dir, 'ledger.db')

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

/** @throws IG_ERR_LEDGER_VERSION, IG_ERR_LEDGER_CORRUPT, IG_ERR_LEDGER_UNREADABLE */
export function openDatabase(file: string, limits: LedgerLimits): DatabaseSync {
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

export function pragma(db: DatabaseSync, name: string): number {
  return Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0] as number
}

/** Commits looked at when the ledger is opened; some milliseconds of work. */
const youngestRows = 64

/** @throws IG_ERR_LEDGER_CORRUPT */
export function readState(db: DatabaseSync, file: string): StoreState {
  const kept = db.prepare("SELECT value FROM state WHERE name = 'door'").get() as
    | { value: string }
    | undefined
  const { nextOffset = 0, commitNumber = 0, ...accounts } = JSON.parse(kept?.value ?? '{}')
  const last = checkYoungest(db, file)
  if (last !== undefined && last + 1 !== nextOffset) {
    throw LedgerCorrupt(file, `its books end at ${nextOffset}, its records at ${last + 1}`)
  }
  const oldest = db.prepare('SELECT first_offset AS n FROM commits ORDER BY first_offset LIMIT 1')
  const cursors = db.prepare('SELECT * FROM cursors').all() as unknown as CursorRow[]
  return {
    commitNumber,
    nextOffset,
    firstOffset: (oldest.get() as { n: number } | undefined)?.n ?? nextOffset,
    accounts,
    cursors: cursors.map((row) => ({ ...row })),
  }
}

/** The last offset there is, after a look at the checksums of the youngest commits and at the seams between them. */
function checkYoungest(db: DatabaseSync, file: string): number | undefined {
  const rows = db
    .prepare(
      `SELECT first_offset AS first, last_offset AS last, crc, bytes
       FROM commits ORDER BY first_offset DESC LIMIT ${youngestRows}`,
    )
    .all() as unknown as { first: number; last: number; crc: number; bytes: Uint8Array }[]
  rows.forEach(({ first, last, crc, bytes }, i) => {
    if (crc32(bytes) !== crc)
      throw LedgerCorrupt(file, `the checksum at offset ${first} does not fit`)
    const next = rows[i - 1]
    if (next && last + 1 !== next.first) {
      throw LedgerCorrupt(file, `offsets ${last + 1} to ${next.first - 1} are missing`)
    }
  })
  return rows[0]?.last
}
