/**
 * The quarantine's tables: bounded in messages and bytes, older ones make room for younger ones and are counted.
 *
 * - A node that has filled more than its share of the shelf makes room at its own expense: a device gone mad does not
 *   push out what others have left.
 * - Runs inside the store's transactions; when one fails, `recount` brings the counting back to what the tables hold.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { LedgerLimits } from './limits.ts'
import type { KeptItem, QuarantineItem } from './quarantine.ts'

/** Of a full shelf, in messages or in bytes, how much may be of one node before it makes room for itself. */
const nodeShare = 1 / 4

export class QuarantineShelf {
  readonly #limits: LedgerLimits
  readonly #sql: ReturnType<typeof prepare>
  #rows = 0
  #bytes = 0
  readonly #byNode = new Map<string, { rows: number; bytes: number }>()
  /** How many have made room, since the ledger was made. */
  dropped: number
  #seenVersion = -1
  readonly #beingJudged = new Set<number>()

  constructor(db: DatabaseSync, limits: LedgerLimits, dropped: number) {
    this.#limits = limits
    this.#sql = prepare(db)
    this.dropped = dropped
    this.recount(dropped)
  }

  recount(dropped: number): void {
    this.dropped = dropped
    this.#rows = 0
    this.#bytes = 0
    this.#byNode.clear()
    for (const { node, n, bytes } of this.#sql.count.all() as unknown as NodeCount[]) {
      this.#byNode.set(node, { rows: n, bytes })
      this.#rows += n
      this.#bytes += bytes
    }
  }

  add(item: QuarantineItem): void {
    const { atMs, code, path, reason, node, topic, wholeBytes, bytes } = item
    this.#sql.add.run(atMs, code, path, reason, node, topic, wholeBytes, bytes)
    this.#count(node, 1, bytes.length)
    while (this.#isOverfull()) {
      const victim = this.#isGreedy(node) ? this.#sql.oldestOf.get(node) : this.#sql.oldest.get()
      this.#remove((victim as { id: number }).id)
      this.dropped += 1
    }
  }

  /** Judged anew: it is stored or known now. */
  release(id: number): void {
    this.#remove(id)
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

  #remove(id: number): void {
    const gone = this.#sql.remove.get(id) as { node: string; bytes: number } | undefined
    if (gone) this.#count(gone.node, -1, -gone.bytes)
  }

  #count(node: string, rows: number, bytes: number): void {
    this.#rows += rows
    this.#bytes += bytes
    const ofNode = this.#byNode.get(node) ?? { rows: 0, bytes: 0 }
    ofNode.rows += rows
    ofNode.bytes += bytes
    if (ofNode.rows > 0) this.#byNode.set(node, ofNode)
    else this.#byNode.delete(node)
  }

  #isGreedy(node: string): boolean {
    const { rows, bytes } = this.#byNode.get(node) ?? { rows: 0, bytes: 0 }
    const { quarantineRowsMax, quarantineBytesMax } = this.#limits
    return rows > quarantineRowsMax * nodeShare || bytes > quarantineBytesMax * nodeShare
  }

  #isOverfull(): boolean {
    const { quarantineRowsMax, quarantineBytesMax } = this.#limits
    return this.#rows > quarantineRowsMax || (this.#bytes > quarantineBytesMax && this.#rows > 1)
  }
}

interface NodeCount {
  readonly node: string
  readonly n: number
  readonly bytes: number
}

function prepare(db: DatabaseSync) {
  return {
    add: db.prepare(
      `INSERT INTO quarantine (at_ms, code, path, reason, node, topic, whole_bytes, bytes)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    count: db.prepare(
      'SELECT node, count(*) AS n, sum(length(bytes)) AS bytes FROM quarantine GROUP BY node',
    ),
    oldest: db.prepare('SELECT id FROM quarantine ORDER BY id LIMIT 1'),
    oldestOf: db.prepare('SELECT id FROM quarantine WHERE node = ? ORDER BY id LIMIT 1'),
    remove: db.prepare(
      'DELETE FROM quarantine WHERE id = ? RETURNING node, length(bytes) AS bytes',
    ),
    resubmissions: db.prepare(
      `SELECT id, at_ms AS atMs, code, path, reason, node, topic, whole_bytes AS wholeBytes, bytes
       FROM resubmissions JOIN quarantine USING (id) ORDER BY id`,
    ),
    settle: db.prepare('DELETE FROM resubmissions WHERE id = ?'),
    dataVersion: db.prepare('PRAGMA data_version'),
  }
}
