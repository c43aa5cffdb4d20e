/**
 * The ledger read-only, for other threads and for tools, beside the gateway that writes it.
 *
 * - Synchronous: it belongs on a thread that may wait for the disk.
 * - Each read is one short transaction, so the writer can always write its journal back.
 * - It sees only what is durable. It has no cursor of its own: report how far you are to the ledger's owner.
 */
import { DatabaseSync } from 'node:sqlite'
import { LedgerUnreadable } from './errors.ts'
import { ledgerFile } from './file.ts'
import { prepareRead, readRows } from './read-rows.ts'
import type { LogOffset, ParsedRecord } from './record.ts'
import { type Frames, framesOf, recordsOf } from './rows.ts'
import type { ReadBounds } from './tail.ts'

export interface LedgerReader {
  /** From `from` on, at least one record if there is any; skips what retention has taken. */
  read(from: LogOffset, bounds: ReadBounds): readonly ParsedRecord[]
  /** Whole commits from the one that holds `from`, at least one if there is any, up to `bytesMax`; no value is made of them. */
  readFrames(from: LogOffset, bytesMax: number): readonly Frames[]
  close(): void
}

/** @throws IG_ERR_LEDGER_UNREADABLE */
export function openLedgerReader({ dir }: { dir: string }): LedgerReader {
  const file = ledgerFile(dir)
  try {
    const db = new DatabaseSync(file, { readOnly: true, timeout: 5_000 })
    const sql = prepareRead(db)
    return {
      read: (from, { recordsMax, bytesMax }) =>
        recordsOf(readRows(sql, from, bytesMax), from, recordsMax),
      readFrames: (from, bytesMax) => readRows(sql, from, bytesMax).map(framesOf),
      close: () => db.close(),
    }
  } catch (cause) {
    throw LedgerUnreadable.from(cause, file, (cause as Error).message)
  }
}
