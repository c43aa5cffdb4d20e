/**
 * The books of the door and of the readers.
 *
 *   received = stored + duplicate + quarantined + refused          residual: what is left over
 *   stored   = written + rejected + skipped + pending              per reader
 *
 * - A message is booked when its verdict is fixed; what the disk then did not take is booked over to refused.
 * - The books are written in the same commit as the records they speak of, so after a crash they agree with them.
 * - `received` is counted by the door on its own, apart from the verdicts: the residual checks one against the other.
 */
import type { LogOffset } from './record.ts'

export interface DoorAccounts {
  readonly received: number
  readonly stored: number
  readonly duplicate: number
  /** By code. */
  readonly quarantined: Readonly<Record<string, number>>
  /** By code. */
  readonly refused: Readonly<Record<string, number>>
  /** Oldest of the quarantine that made room for younger ones; they stay counted in `quarantined`. */
  readonly quarantineDropped: number
}

export interface ReaderAccount {
  readonly reader: string
  /** The next record it wants. */
  readonly position: LogOffset
  readonly written: number
  readonly rejected: number
  /** Stored before the reader was there, or gone before it came back. */
  readonly skipped: number
  readonly pending: number
}

export interface Accounts extends DoorAccounts {
  readonly quarantinedTotal: number
  readonly refusedTotal: number
  /** Anything but 0 is an alarm. */
  readonly residual: number
  readonly readers: readonly ReaderAccount[]
}

/** What is left over of a reader's account; anything but 0 is an alarm. */
export function readerResidual(stored: number, account: ReaderAccount): number {
  const { written, rejected, skipped, pending } = account
  return stored - written - rejected - skipped - pending
}

export function total(byCode: Readonly<Record<string, number>>): number {
  let sum = 0
  for (const code in byCode) sum += byCode[code] as number
  return sum
}

/** The door's books as they are kept: plain members, because they change with every message. */
export class Books {
  received = 0
  stored = 0
  duplicate = 0
  quarantineDropped = 0
  readonly quarantined: Record<string, number> = {}
  readonly refused: Record<string, number> = {}
  /** Something was booked since the books were last written. */
  isDirty = false

  static from(kept: Partial<DoorAccounts>): Books {
    const books = new Books()
    books.received = kept.received ?? 0
    books.stored = kept.stored ?? 0
    books.duplicate = kept.duplicate ?? 0
    books.quarantineDropped = kept.quarantineDropped ?? 0
    Object.assign(books.quarantined, kept.quarantined)
    Object.assign(books.refused, kept.refused)
    return books
  }

  book(side: 'quarantined' | 'refused', code: string, amount = 1): void {
    this[side][code] = (this[side][code] ?? 0) + amount
    this.isDirty = true
  }

  residual(): number {
    const settled = this.stored + this.duplicate + total(this.quarantined) + total(this.refused)
    return this.received - settled
  }

  /** As JSON, for the file; how much of the quarantine was dropped the file itself knows best. */
  toLine(): string {
    const { received, stored, duplicate, quarantined, refused } = this
    return JSON.stringify({ received, stored, duplicate, quarantined, refused })
  }

  /** As they are now, apart from what is booked later. */
  snapshot(): DoorAccounts {
    return {
      received: this.received,
      stored: this.stored,
      duplicate: this.duplicate,
      quarantined: { ...this.quarantined },
      refused: { ...this.refused },
      quarantineDropped: this.quarantineDropped,
    }
  }
}

export function summarize(door: DoorAccounts, readers: readonly ReaderAccount[]): Accounts {
  const quarantinedTotal = total(door.quarantined)
  const refusedTotal = total(door.refused)
  return {
    received: door.received,
    stored: door.stored,
    duplicate: door.duplicate,
    quarantined: door.quarantined,
    refused: door.refused,
    quarantineDropped: door.quarantineDropped,
    quarantinedTotal,
    refusedTotal,
    residual: door.received - door.stored - door.duplicate - quarantinedTotal - refusedTotal,
    readers,
  }
}
