/**
 * history.db: the file and its tables. Only here is its shape written down.
 *
 *   count_window   each window shorter than a minute, for a bounded time: a second copy replaces, not adds
 *   count_minute   a minute of a detector (or one longer window, under the minute it begins in), per window length
 *   queue_minute   a minute of a lane; `seen_*` marks the seconds that are in it, so that none counts twice
 *   the rest       changes and events, each under a key that makes a second copy the same row
 */
import { DatabaseSync } from 'node:sqlite'
import { HistoryUnreadable, HistoryVersion } from './errors.ts'

const historyVersion = 3
const busyMs = 5_000

const tablesOfVersion3 = `
  CREATE TABLE device (
    node TEXT NOT NULL, at_ms INTEGER NOT NULL, messages INTEGER NOT NULL,
    duplicates INTEGER NOT NULL, quarantined INTEGER NOT NULL, gaps INTEGER NOT NULL,
    missing INTEGER NOT NULL, replayed INTEGER NOT NULL, restarts INTEGER NOT NULL,
    late INTEGER NOT NULL, future INTEGER NOT NULL, misaligned INTEGER NOT NULL,
    clock_offset_ms REAL, PRIMARY KEY (node, at_ms)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX device_by_time ON device (at_ms);
  CREATE TABLE model_event (
    at_ms INTEGER NOT NULL, event TEXT NOT NULL, model TEXT NOT NULL, quantity TEXT NOT NULL,
    facts TEXT NOT NULL, PRIMARY KEY (at_ms, event, model, quantity)
  ) STRICT, WITHOUT ROWID`

/** What each older version lacks, by the version it brings a file to. */
const upgrades: Readonly<Record<number, string>> = {
  2: 'ALTER TABLE decision ADD COLUMN forecast_inputs TEXT',
  // Alarms the gateway had raised about devices stood under its own node, where nothing would end them any more.
  3: `${tablesOfVersion3};
    UPDATE alarm SET cleared_ms = raised_ms WHERE cleared_ms IS NULL AND node LIKE 'gateway/%'
      AND code IN ('detector.fault', 'system.clock')`,
}

const tables = `
  CREATE TABLE reader (
    name TEXT PRIMARY KEY, cursor INTEGER NOT NULL, start INTEGER NOT NULL,
    written INTEGER NOT NULL, rejected INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE fact (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE component (
    id INTEGER PRIMARY KEY, node TEXT NOT NULL, component TEXT NOT NULL, UNIQUE (node, component)
  ) STRICT;
  CREATE TABLE count_window (
    component INTEGER NOT NULL, window_ms INTEGER NOT NULL, end_ms INTEGER NOT NULL,
    vehicles INTEGER NOT NULL, occupancy REAL, speed REAL, quality INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    PRIMARY KEY (component, window_ms, end_ms)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE count_minute (
    component INTEGER NOT NULL, window_ms INTEGER NOT NULL, minute_ms INTEGER NOT NULL,
    vehicles INTEGER NOT NULL, covered_ms INTEGER NOT NULL,
    occupancy_sum REAL NOT NULL, occupancy_ms INTEGER NOT NULL,
    speed_sum REAL NOT NULL, speed_vehicles INTEGER NOT NULL,
    n INTEGER NOT NULL, quality INTEGER NOT NULL, received_ms INTEGER NOT NULL,
    PRIMARY KEY (component, window_ms, minute_ms)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE queue_minute (
    component INTEGER NOT NULL, minute_ms INTEGER NOT NULL,
    vehicles_max INTEGER NOT NULL, vehicles_sum INTEGER NOT NULL,
    meters_max REAL NOT NULL, meters_sum REAL NOT NULL, approaching_sum INTEGER NOT NULL,
    n INTEGER NOT NULL, seen_low INTEGER NOT NULL, seen_high INTEGER NOT NULL,
    quality INTEGER NOT NULL,
    PRIMARY KEY (component, minute_ms)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE tlc_plan (
    node TEXT NOT NULL, at_ms INTEGER NOT NULL, plan INTEGER NOT NULL, cycle_s REAL NOT NULL,
    offset_s REAL NOT NULL, greens TEXT NOT NULL, source TEXT NOT NULL, command_id TEXT,
    PRIMARY KEY (node, at_ms)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE tlc_mode (
    node TEXT NOT NULL, at_ms INTEGER NOT NULL, mode TEXT NOT NULL, control TEXT NOT NULL,
    command_id TEXT, PRIMARY KEY (node, at_ms)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE alarm (
    node TEXT NOT NULL, code TEXT NOT NULL, component TEXT NOT NULL, kind TEXT NOT NULL,
    raised_ms INTEGER NOT NULL, cleared_ms INTEGER, text TEXT,
    PRIMARY KEY (node, code, component, kind, raised_ms)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX alarm_by_time ON alarm (raised_ms);
  CREATE TABLE command (
    id TEXT PRIMARY KEY, junction TEXT NOT NULL, code TEXT NOT NULL, issuer TEXT NOT NULL,
    at_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX command_by_time ON command (at_ms);
  CREATE TABLE command_step (
    id TEXT NOT NULL, at_ms INTEGER NOT NULL, seq INTEGER NOT NULL, state TEXT NOT NULL,
    reason TEXT, PRIMARY KEY (id, at_ms, seq, state)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE decision (
    junction TEXT NOT NULL, at_ms INTEGER NOT NULL, strategy TEXT NOT NULL, rung TEXT NOT NULL,
    decision TEXT NOT NULL, why TEXT NOT NULL, command_id TEXT, is_shadow INTEGER NOT NULL,
    command_values TEXT, forecast TEXT, forecast_model TEXT, forecast_age_ms INTEGER,
    forecast_inputs TEXT,
    PRIMARY KEY (junction, at_ms, strategy, is_shadow)
  ) STRICT, WITHOUT ROWID;
  ${tablesOfVersion3};
  PRAGMA user_version = ${historyVersion};
`

/** @throws IG_ERR_HISTORY_UNREADABLE, IG_ERR_HISTORY_VERSION */
export function openHistoryDatabase(path: string): DatabaseSync {
  const db = openFile(path)
  const version = versionOf(db)
  if (version === 0) {
    // Pages freed by retention go back to the disk a few at a time; this must be said before the first table.
    db.exec('PRAGMA auto_vacuum = INCREMENTAL')
    db.exec(`VACUUM; BEGIN; ${tables} COMMIT`)
  } else if (version > historyVersion) {
    db.close()
    throw HistoryVersion(path, version, historyVersion)
  }
  for (let next = Math.max(version, 1) + 1; version > 0 && next <= historyVersion; next += 1)
    db.exec(`BEGIN; ${upgrades[next]}; PRAGMA user_version = ${next}; COMMIT`)
  return db
}

/**
 * To read only, beside a gateway that writes; nothing is changed, also no version.
 *
 * @throws IG_ERR_HISTORY_UNREADABLE, IG_ERR_HISTORY_VERSION
 */
export function readHistoryDatabase(path: string): DatabaseSync {
  let db: DatabaseSync | undefined
  let version: number
  try {
    db = new DatabaseSync(path, { readOnly: true, timeout: busyMs })
    version = versionOf(db)
  } catch (cause) {
    db?.close()
    throw HistoryUnreadable.from(cause, path, (cause as Error).message)
  }
  if (version === historyVersion) return db
  db.close()
  if (version > historyVersion) throw HistoryVersion(path, version, historyVersion)
  throw HistoryUnreadable(
    path,
    'an older version wrote it; a gateway that is started brings it up to date',
  )
}

function versionOf(db: DatabaseSync): number {
  return (db.prepare('PRAGMA user_version').get() as { user_version: number }).user_version
}

function openFile(path: string): DatabaseSync {
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(path)
    // FULL: what the cursor has passed may be gone from the ledger, so it must survive a power cut.
    db.exec(`
      PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
      PRAGMA busy_timeout = ${busyMs}; PRAGMA cache_size = -16384
    `)
    return db
  } catch (cause) {
    db?.close()
    throw HistoryUnreadable.from(cause, path, (cause as Error).message)
  }
}

/** All or nothing. */
export function transaction<T>(db: DatabaseSync, work: () => T): T {
  db.exec('BEGIN IMMEDIATE')
  try {
    const result = work()
    db.exec('COMMIT')
    return result
  } catch (error) {
    if (db.isTransaction) db.exec('ROLLBACK')
    throw error
  }
}
