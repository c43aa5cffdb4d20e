/**
 * The quarantine's tables: bounded in messages and bytes, the oldest make room for younger ones and are counted.
 * Runs inside the store's transactions; `mark` and `backTo` undo the counting when one fails.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { LedgerLimits } from './limits.ts'
import type { KeptItem, QuarantineItem } from './quarantine.ts'

interface Counts {
  readonly rows: number
  readonly bytes: number
  readonly dropped: number
}

export class QuarantineShelf {
  readonly #limits: LedgerLimits
  readonly #sql: ReturnType<typeof prepare>
  #counts: Counts
  #seenVersion = -1
  readonly #beingJudged = new Set<number>()

  constructor(db: DatabaseSync, limits: LedgerLimits, dropped: number) {
    this.#limits = limits
    this.#sql = prepare(db)
    const held = db
      .prepare('SELECT count(*) AS rows, coalesce(sum(length(bytes)), 0) AS bytes FROM quarantine')
      .get() as { rows: number; bytes: number }
    this.#counts = { ...held, dropped }
  }

  get dropped(): number {
    return this.#counts.dropped
  }

  mark(): Counts {
    return this.#counts
  }

  backTo(counts: Counts): void {
    this.#counts = counts
  }

  add(item: QuarantineItem): void {
    const { atMs, code, path, reason, node, topic, wholeBytes, bytes } = item
    this.#sql.add.run(atMs, code, path, reason, node, topic, wholeBytes, bytes)
    this.#count(1, bytes.length, 0)
    while (this.#isOverfull()) {
      const oldest = this.#sql.oldest.get() as { id: number; n: number }
      this.#sql.remove.get(oldest.id)
      this.#count(-1, -oldest.n, 1)
    }
  }

  /** Judged anew: it is stored or known now. */
  release(id: number): void {
    const gone = this.#sql.remove.get(id) as { n: number } | undefined
    if (gone) this.#count(-1, -gone.n, 0)
    this.settle(id)
  }

  /** Judged anew, whatever came of it. */
  settle(id: number): void {
    this.#sql.settle.run(id)
    this.#beingJudged.delete(id)
  }

  /** What somebody asked to have judged anew; what is being judged is not named again. */
  resubmitted(): readonly KeptItem[] {
    // It changes when another process has written: only then is there something to look for.
    const version = (this.#sql.dataVersion.get() as { data_version: number }).data_version
    if (version === this.#seenVersion) return []
    this.#seenVersion = version
    const items = this.#sql.resubmissions.all() as unknown as KeptItem[]
    const fresh = items.filter((item) => !this.#beingJudged.has(item.id))
    for (const { id } of fresh) this.#beingJudged.add(id)
    return fresh
  }

  #count(rows: number, bytes: number, dropped: number): void {
    const before = this.#counts
    this.#counts = {
      rows: before.rows + rows,
      bytes: before.bytes + bytes,
      dropped: before.dropped + dropped,
    }
  }

  #isOverfull(): boolean {
    const { rows, bytes } = this.#counts
    const { quarantineRowsMax, quarantineBytesMax } = this.#limits
    return rows > quarantineRowsMax || (bytes > quarantineBytesMax && rows > 1)
  }
}

function prepare(db: DatabaseSync) {
  return {
    add: db.prepare(
      `INSERT INTO quarantine (at_ms, code, path, reason, node, topic, whole_bytes, bytes)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    oldest: db.prepare('SELECT id, length(bytes) AS n FROM quarantine ORDER BY id LIMIT 1'),
    remove: db.prepare('DELETE FROM quarantine WHERE id = ? RETURNING length(bytes) AS n'),
    resubmissions: db.prepare(
      `SELECT id, at_ms AS atMs, code, path, reason, node, topic, whole_bytes AS wholeBytes, bytes
       FROM resubmissions JOIN quarantine USING (id) ORDER BY id`,
    ),
    settle: db.prepare('DELETE FROM resubmissions WHERE id = ?'),
    dataVersion: db.prepare('PRAGMA data_version'),
  }
}
