/**
 * commands.db: every command that ever left, its present state, and the highest epoch of each junction.
 * SQLite, WAL, synchronous=FULL: when `write` returns, the batch is on disk or none of it is.
 *
 * - One owner: the file is held exclusively; a second gateway is refused when it opens.
 * - Bounded: ended commands beyond the newest `historyRowsMax` are removed.
 * - Plain and synchronous, so that tests need no thread; outbox-worker.ts is where it runs.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { CommandStoreUnusable } from './errors.ts'
import type { CommandRecord } from './record.ts'
import { hasEnded } from './states.ts'

const schemaVersion = 1

export interface OutboxContents {
  /** Commands that had not ended when the file was last written. */
  readonly open: readonly CommandRecord[]
  readonly epochs: Readonly<Record<string, number>>
}

export interface OutboxStore {
  load(): OutboxContents
  /** Inserts or replaces each record, newest state last, in one transaction. */
  write(records: readonly CommandRecord[]): void
  close(): void
}

/** @throws IG_ERR_COMMAND_STORE_UNUSABLE */
export function openOutboxStore(dir: string, historyRowsMax: number): OutboxStore {
  const file = join(dir, 'commands.db')
  const db = openDatabase(dir, file)
  const upsert = db.prepare(`
    INSERT INTO commands (id, junction, epoch, has_ended, body) VALUES (?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET junction = excluded.junction, epoch = excluded.epoch,
      has_ended = excluded.has_ended, body = excluded.body`)
  const raiseEpoch = db.prepare(`
    INSERT INTO epochs (junction, epoch) VALUES (?, ?)
    ON CONFLICT (junction) DO UPDATE SET epoch = max(epoch, excluded.epoch)`)
  const prune = db.prepare(`
    DELETE FROM commands WHERE has_ended = 1 AND id <=
      (SELECT id FROM commands WHERE has_ended = 1 ORDER BY id DESC LIMIT 1 OFFSET ?)`)
  let writesSincePrune = 0

  return {
    load() {
      const rows = db.prepare('SELECT body FROM commands WHERE has_ended = 0 ORDER BY id').all()
      const epochs = db.prepare('SELECT junction, epoch FROM epochs').all()
      return {
        open: rows.map((row) => JSON.parse(row.body as string) as CommandRecord),
        epochs: Object.fromEntries(epochs.map((row) => [row.junction, row.epoch as number])),
      }
    },
    write(records) {
      db.exec('BEGIN IMMEDIATE')
      try {
        for (const record of records) {
          const ended = hasEnded(record.state) ? 1 : 0
          upsert.run(record.id, record.junction, record.epoch, ended, JSON.stringify(record))
          raiseEpoch.run(record.junction, record.epoch)
        }
        writesSincePrune += records.length
        if (writesSincePrune >= Math.max(1, historyRowsMax / 10)) {
          prune.run(historyRowsMax)
          writesSincePrune = 0
        }
        db.exec('COMMIT')
      } catch (error) {
        if (db.isTransaction) db.exec('ROLLBACK')
        throw error
      }
    },
    close: () => db.close(),
  }
}

function openDatabase(dir: string, file: string): DatabaseSync {
  let db: DatabaseSync | undefined
  try {
    mkdirSync(dir, { recursive: true })
    db = new DatabaseSync(file)
    db.exec(`
      PRAGMA locking_mode = EXCLUSIVE;
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = FULL;`)
    const { user_version: version } = db.prepare('PRAGMA user_version').get() as {
      user_version: number
    }
    if (version > schemaVersion) {
      throw CommandStoreUnusable(file, `version ${version}, this gateway knows ${schemaVersion}`)
    }
    db.exec(`
      BEGIN IMMEDIATE;
      CREATE TABLE IF NOT EXISTS commands (
        id TEXT PRIMARY KEY, junction TEXT NOT NULL, epoch INTEGER NOT NULL,
        has_ended INTEGER NOT NULL, body TEXT NOT NULL) STRICT, WITHOUT ROWID;
      CREATE INDEX IF NOT EXISTS commands_open ON commands (has_ended, id);
      CREATE TABLE IF NOT EXISTS epochs (
        junction TEXT PRIMARY KEY, epoch INTEGER NOT NULL) STRICT, WITHOUT ROWID;
      PRAGMA user_version = ${schemaVersion};
      COMMIT;`)
    return db
  } catch (cause) {
    db?.close()
    if (cause instanceof Error && 'code' in cause && String(cause.code).startsWith('IG_ERR')) {
      throw cause
    }
    throw CommandStoreUnusable.from(cause, file, (cause as Error).message)
  }
}
