/**
 * Where each reader stands, and what became of what it passed.
 *
 * - A cursor is written with a later commit, not with the act of reading: after a crash a reader sees some records twice.
 * - Retention takes nothing that a known cursor has not passed; a reader that will never come back must be forgotten.
 */
import type { ReaderAccount } from './accounts.ts'
import type { CursorChanges, CursorRow } from './commit.ts'
import type { LogOffset } from './record.ts'

/** Cursors move with every batch; written this often they cost nothing, and a crash repeats this much to readers. */
const writeEveryMs = 200

interface Cursor {
  readonly reader: string
  position: LogOffset
  written: number
  rejected: number
  skipped: number
}

export class Cursors {
  readonly #byReader = new Map<string, Cursor>()
  readonly #dirty = new Set<Cursor>()
  #forgotten: string[] = []
  #writtenAtMs = Number.NEGATIVE_INFINITY

  constructor(kept: readonly CursorRow[]) {
    for (const row of kept) this.#byReader.set(row.reader, { ...row })
  }

  get isDirty(): boolean {
    return this.#dirty.size > 0 || this.#forgotten.length > 0
  }

  /** The reader's position; a new one begins at `start`. What is gone by now is counted as skipped. */
  load(reader: string, start: LogOffset, firstOffset: LogOffset): LogOffset {
    let cursor = this.#byReader.get(reader)
    if (cursor === undefined) {
      cursor = { reader, position: start, written: 0, rejected: 0, skipped: start }
      this.#byReader.set(reader, cursor)
      this.#dirty.add(cursor)
    }
    if (cursor.position < firstOffset) {
      cursor.skipped += firstOffset - cursor.position
      cursor.position = firstOffset
      this.#dirty.add(cursor)
    }
    return cursor.position
  }

  /** Moves on, never back. `rejected` of what was passed was not written. */
  advance(reader: string, to: LogOffset, rejected: number): void {
    const cursor = this.#byReader.get(reader)
    if (cursor === undefined) throw new Error(`BUG: reader ${reader} has no cursor`)
    const passed = to - cursor.position
    if (passed <= 0) return
    cursor.position = to
    cursor.written += passed - rejected
    cursor.rejected += rejected
    this.#dirty.add(cursor)
  }

  forget(reader: string): void {
    const cursor = this.#byReader.get(reader)
    if (cursor === undefined) return
    this.#dirty.delete(cursor)
    this.#byReader.delete(reader)
    this.#forgotten.push(reader)
  }

  /** Those that changed since they were last taken, where it is time to write them or `isLast`; they count as written down. */
  takeChanges(nowMs: number, isLast: boolean): CursorChanges | undefined {
    if (!this.isDirty || (!isLast && nowMs - this.#writtenAtMs < writeEveryMs)) return undefined
    this.#writtenAtMs = nowMs
    const forgotten = this.#forgotten.filter((reader) => !this.#byReader.has(reader))
    const cursors = [...this.#dirty].map((cursor) => ({ ...cursor }))
    this.#dirty.clear()
    this.#forgotten = []
    return { cursors, forgotten }
  }

  /** They were not written down after all. */
  giveBack(changes: CursorChanges): void {
    for (const row of changes.cursors) {
      const cursor = this.#byReader.get(row.reader)
      if (cursor) this.#dirty.add(cursor)
    }
    this.#forgotten.push(...changes.forgotten)
  }

  /** What all have passed; `end` where there is nobody. */
  passed(end: LogOffset, among?: ReadonlySet<string>): LogOffset {
    let least = end
    for (const cursor of this.#byReader.values()) {
      if (among && !among.has(cursor.reader)) continue
      if (cursor.position < least) least = cursor.position
    }
    return least
  }

  slowest(): string {
    let slowest: Cursor | undefined
    for (const cursor of this.#byReader.values()) {
      if (slowest === undefined || cursor.position < slowest.position) slowest = cursor
    }
    return slowest?.reader ?? 'none'
  }

  accounts(end: LogOffset): ReaderAccount[] {
    return [...this.#byReader.values()].map((cursor) => ({
      ...cursor,
      pending: end - cursor.position,
    }))
  }
}
