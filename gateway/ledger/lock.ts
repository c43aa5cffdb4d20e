/**
 * One gateway on one data directory.
 *
 * - The lock is SQLite's own exclusive file lock on an empty database beside the ledger: the system drops it when
 *   the process ends, however it ends. No stale lock file is ever to be removed by hand.
 * - It also holds against a second ledger in the same process.
 * - The file `ledger.pid` only names the owner for the error message; it decides nothing.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { LedgerLocked, LedgerUnreadable } from './errors.ts'

export interface DirectoryLock {
  release(): void
}

/** @throws IG_ERR_LEDGER_LOCKED, IG_ERR_LEDGER_UNREADABLE */
export function lockDirectory(dir: string): DirectoryLock {
  const ownerFile = join(dir, 'ledger.pid')
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(join(dir, 'ledger.lock'))
    db.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    writeFileSync(ownerFile, String(process.pid))
  } catch (cause) {
    db?.close()
    if (isBusy(cause)) throw LedgerLocked.from(cause, dir, ownerOf(ownerFile))
    throw LedgerUnreadable.from(cause, dir, (cause as Error).message)
  }
  const held = db
  return { release: () => held.close() }
}

const sqliteBusy = 5
const sqliteLocked = 6

function isBusy(error: unknown): boolean {
  const code = ((error as { errcode?: number }).errcode ?? 0) & 0xff
  return code === sqliteBusy || code === sqliteLocked
}

function ownerOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return 'unknown'
  }
}
