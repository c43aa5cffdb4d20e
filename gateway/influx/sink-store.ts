/**
 * What the sink must remember over a restart, in a SQLite file of its own: how far each of its sources is
 * written, the accounts, the dead letters, and what the gateway told that is not in the ledger.
 *
 * - Cursor, accounts and dead letters of a batch change in one transaction, after the database's yes.
 * - Dead letters and told messages are bounded; the oldest letter gives way, a told message too many is not kept.
 */
import { DatabaseSync } from 'node:sqlite'
import { SinkStoreInvalid, SinkStoreUnreadable } from './errors.ts'
import type { SourceRecord } from './ports.ts'

export interface SourceAccount {
  /** Next offset to be written. */
  readonly cursor: number
  /** First offset that was ever there to be written. */
  readonly start: number
  /** Records all of whose points the database took. */
  readonly written: number
  /** Records with at least one dead letter. */
  readonly rejected: number
}

export interface DeadLetter {
  readonly id: number
  readonly atMs: number
  readonly source: string
  readonly offset: number
  readonly topic: string
  readonly line: string
  /** What the database said. */
  readonly message: string
}

export interface SinkStore {
  load(source: string): SourceAccount | undefined
  settle(
    accounts: ReadonlyMap<string, SourceAccount>,
    letters: readonly Omit<DeadLetter, 'id'>[],
  ): void
  /** Newest first. */
  deadLetters(limit: number, beforeId?: number): readonly DeadLetter[]
  /** False when there is no room. The message is durable when this returns. */
  tell(messages: readonly Omit<SourceRecord, 'offset'>[]): boolean
  /** End of what was told, exclusive. */
  toldEnd(): number
  readTold(from: number): readonly SourceRecord[]
  forgetTold(before: number): void
  close(): void
}

export interface SinkStoreOptions {
  readonly deadLettersMax?: number
  readonly toldMax?: number
}

const schemaVersion = 1
const toldReadMax = 1_000 // Some milliseconds of work at a time.
const deadLettersMaxDefault = 10_000 // About 5 MB; an operator needs examples, not all of them.
const toldMaxDefault = 1_000_000 // Days of decisions while the database is away, about 500 MB.

const tables = `
  CREATE TABLE account (
    source TEXT PRIMARY KEY, cursor INTEGER NOT NULL, start INTEGER NOT NULL,
    written INTEGER NOT NULL, rejected INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE dead_letter (
    id INTEGER PRIMARY KEY AUTOINCREMENT, at_ms INTEGER NOT NULL, source TEXT NOT NULL,
    "offset" INTEGER NOT NULL, topic TEXT NOT NULL, line TEXT NOT NULL, message TEXT NOT NULL
  ) STRICT;
  CREATE TABLE told (
    id INTEGER PRIMARY KEY AUTOINCREMENT, received_ms INTEGER NOT NULL, -- offset + 1
    topic TEXT NOT NULL, payload BLOB NOT NULL
  ) STRICT;
  PRAGMA user_version = ${schemaVersion};
`

/** @throws IG_ERR_SINK_STORE_INVALID for a file of a newer version. */
export function openSinkStore(path: string, options: SinkStoreOptions = {}): SinkStore {
  const { deadLettersMax = deadLettersMaxDefault, toldMax = toldMaxDefault } = options
  const db = new DatabaseSync(path)
  db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000')
  const { user_version: version } = db.prepare('PRAGMA user_version').get() as Row
  if (version === 0) db.exec(`BEGIN; ${tables} COMMIT`)
  else if (version !== schemaVersion) {
    db.close()
    throw SinkStoreInvalid(path, version, schemaVersion)
  }

  const load = db.prepare('SELECT cursor, start, written, rejected FROM account WHERE source = ?')
  const save = db.prepare('INSERT OR REPLACE INTO account VALUES (?, ?, ?, ?, ?)')
  const bury = db.prepare(
    'INSERT INTO dead_letter (at_ms, source, "offset", topic, line, message) VALUES (?, ?, ?, ?, ?, ?)',
  )
  const thin = db.prepare(
    'DELETE FROM dead_letter WHERE id <= (SELECT max(id) FROM dead_letter) - ?',
  )
  const letters = prepareLetters(db)
  const tell = db.prepare('INSERT INTO told (received_ms, topic, payload) VALUES (?, ?, ?)')
  const told = db.prepare('SELECT * FROM told WHERE id > ? ORDER BY id LIMIT ?')
  const forget = db.prepare('DELETE FROM told WHERE id <= ?')
  const lastTold = db.prepare("SELECT seq FROM sqlite_sequence WHERE name = 'told'")
  const toldCount = db.prepare('SELECT count(*) AS n FROM told')
  let toldNow = (toldCount.get() as Row).n as number

  function transaction(work: () => void): void {
    db.exec('BEGIN IMMEDIATE')
    try {
      work()
      db.exec('COMMIT')
    } catch (error) {
      db.exec('ROLLBACK')
      throw error
    }
  }

  return {
    load: (source) => load.get(source) as unknown as SourceAccount | undefined,
    settle(accounts, dead) {
      transaction(() => {
        for (const [source, { cursor, start, written, rejected }] of accounts)
          save.run(source, cursor, start, written, rejected)
        for (const { atMs, source, offset, topic, line, message } of dead)
          bury.run(atMs, source, offset, topic, line, message)
        if (dead.length > 0) thin.run(deadLettersMax)
      })
    },
    deadLetters: letters,
    tell(messages) {
      if (toldNow + messages.length > toldMax) return false
      transaction(() => {
        for (const { receivedAtMs, topic, payload } of messages)
          tell.run(receivedAtMs, topic, payload)
      })
      toldNow += messages.length
      return true
    },
    toldEnd: () => ((lastTold.get() as Row | undefined)?.seq as number | undefined) ?? 0,
    readTold(from) {
      return told.all(from, toldReadMax).map((row) => {
        const { id, received_ms: receivedAtMs, topic, payload } = row as Row
        return {
          offset: (id as number) - 1,
          receivedAtMs,
          topic,
          payload,
        } as unknown as SourceRecord
      })
    },
    forgetTold(before) {
      toldNow -= Number(forget.run(before).changes)
    },
    close: () => db.close(),
  }
}

export interface DeadLetters {
  /** Newest first. */
  list(limit: number, beforeId?: number): readonly DeadLetter[]
  close(): void
}

/**
 * The dead letters beside a running gateway, read-only.
 * @throws IG_ERR_SINK_STORE_INVALID, IG_ERR_SINK_STORE_UNREADABLE
 */
export function openDeadLetters(path: string): DeadLetters {
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(path, { readOnly: true, timeout: 5_000 })
    const { user_version: version } = db.prepare('PRAGMA user_version').get() as Row
    if (version !== schemaVersion) throw SinkStoreInvalid(path, version, schemaVersion)
    const opened = db
    return { list: prepareLetters(opened), close: () => opened.close() }
  } catch (cause) {
    db?.close()
    if ((cause as { errcode?: number }).errcode === undefined) throw cause
    throw SinkStoreUnreadable.from(cause, path, (cause as Error).message)
  }
}

function prepareLetters(db: DatabaseSync): DeadLetters['list'] {
  const letters = db.prepare('SELECT * FROM dead_letter WHERE id < ? ORDER BY id DESC LIMIT ?')
  return (limit, beforeId = Number.MAX_SAFE_INTEGER) =>
    letters.all(beforeId, limit).map((row) => {
      const { at_ms: atMs, ...rest } = row as Row
      return { ...rest, atMs } as unknown as DeadLetter
    })
}

type Row = Record<string, unknown>
