/**
 * The ledger: what is acknowledged is here first, and everybody reads from here.
 *
 * - append fixes the offset now; `onDurable` is called a group commit later, in the order of the appends.
 * - Reading does not delete: every reader has a cursor, retention takes only what all have passed.
 * - A full ledger or a broken disk refuses, resumes by itself, and never drops what was acknowledged.
 * - One process owns a data directory; readers in other threads and processes open it read-only (reader.ts).
 *
 * Offsets are half open everywhere: `durableOffset` is the first that is not durable, a cursor the next to read.
 */
import { mkdirSync } from 'node:fs'
import type { CodedError } from '../../schemas/coded-error.ts'
import type { Cancel } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'
import { type Accounts, Books, summarize } from './accounts.ts'
import type { Batch, OnDurable } from './batch.ts'
import { Cursors } from './cursors.ts'
import { LedgerUnreadable } from './errors.ts'
import { GroupCommit } from './group-commit.ts'
import { completeLimits, type LedgerLimits } from './limits.ts'
import { lockDirectory } from './lock.ts'
import { type LedgerMetrics, silentLedgerMetrics } from './metrics.ts'
import type { KeptItem, QuarantineItem, Release } from './quarantine.ts'
import type {
  BytesEntry,
  LedgerEntry,
  LogOffset,
  ParsedMessage,
  ParsedRecord,
  StoredListener,
} from './record.ts'
import { recordsOf } from './rows.ts'
import { MemoryTail, type ReadBounds } from './tail.ts'
import { type LedgerThread, startThread, type ThreadEvents } from './thread.ts'

export interface LedgerOptions {
  readonly dir: string
  readonly log: Log
  readonly metrics?: LedgerMetrics
  readonly limits?: Partial<LedgerLimits>
}

export interface Ledger {
  /**
   * Stores a record. `onDurable` is called once: with nothing when it is on disk, with the reason when it had to be
   * given up. A CodedError as answer means that nothing was appended, and onDurable will not be called.
   * `message` is what the door parsed; it is handed to live readers so that nobody parses twice.
   * `release` names the quarantined message that this record is; it leaves the quarantine in the same commit.
   */
  append(
    entry: LedgerEntry,
    onDurable: OnDurable,
    message?: ParsedMessage,
    release?: Release,
  ): LogOffset | CodedError
  /** The same for an ordinary message straight from its bytes; `listener` is told with `token`, in the order of all appends. */
  appendBytes(entry: BytesEntry, listener: StoredListener, token: number): LogOffset | CodedError
  /** Keeps a message aside, in the same commit as the records around it. */
  quarantine(item: QuarantineItem, onDurable: OnDurable): CodedError | undefined
  /** Quarantined messages that somebody asked to have judged anew (`npm run quarantine -- resubmit`). */
  onResubmitted(listener: (items: readonly KeptItem[]) => void): Cancel
  /** One of them is known already. */
  releaseDuplicate(release: Release): void
  /** One of them is still not understood. */
  keepAside(id: number): void
  /** A record that a reader could not take; its cursor goes on. */
  deadLetter(reader: string, offset: LogOffset, atMs: number, error: string): void
  /** Called when all that was appended so far is durable; at once when it is. */
  afterPending(onDurable: OnDurable): void
  /** Why nothing can be appended now, or undefined. */
  refusal(): CodedError | undefined
  readonly nextOffset: LogOffset
  readonly durableOffset: LogOffset
  /** Offset of the oldest record there still is. */
  readonly firstOffset: LogOffset
  readonly freeBytes: number
  /** The door's books. The door counts `received`, duplicates and what it refuses itself; the ledger does the rest. */
  readonly books: Books
  read(from: LogOffset, bounds: ReadBounds): Promise<readonly ParsedRecord[]>
  /** The same from memory; undefined where `from` is too old for it. */
  readTail(from: LogOffset, bounds: ReadBounds): readonly ParsedRecord[] | undefined
  /** From memory without what is quiet, and where to go on; undefined where `from` is too old for it. */
  readLive(
    from: LogOffset,
    recordsMax: number,
  ): { readonly records: readonly ParsedRecord[]; readonly next: LogOffset } | undefined
  /** Position of a reader; a new one begins at the oldest record, or at the end. */
  loadCursor(reader: string, start?: 'oldest' | 'end'): LogOffset
  /** Moves on, never back; `rejected` of the records passed were not taken. Written down with a later commit. */
  advanceCursor(reader: string, to: LogOffset, rejected?: number): void
  /** The reader will not come back: retention no longer waits for it. */
  forgetReader(reader: string): void
  /** Parsed messages are kept for this reader while it keeps up. */
  keepMessagesFor(reader: string): void
  accounts(): Accounts
  onDurable(listener: (durableOffset: LogOffset) => void): Cancel
  /** It has refused, and takes again. */
  onTakesAgain(listener: () => void): Cancel
  /** Records that were appended and then given up; whoever remembered them must forget. */
  onRefused(listener: (records: readonly ParsedRecord[], error: CodedError) => void): Cancel
  /** Waits for what is under way, writes books and cursors, and lets go of the directory. */
  close(): Promise<void>
}

/** @throws IG_ERR_LEDGER_LOCKED, IG_ERR_LEDGER_VERSION, IG_ERR_LEDGER_CORRUPT, IG_ERR_LEDGER_UNREADABLE */
export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  const { dir, log, metrics = silentLedgerMetrics } = options
  const limits = completeLimits(options.limits)
  makeDirectory(dir)
  const lock = lockDirectory(dir)
  try {
    const events: ThreadEvents = {
      committed() {},
      tended() {},
      resubmitted() {},
      lost() {},
      reopened() {},
    }
    const thread = await startThread({ dir, limits }, log, events)
    return new ThreadedLedger({ thread, events, limits, log, metrics, unlock: lock.release })
  } catch (error) {
    lock.release()
    throw error
  }
}

function makeDirectory(dir: string): void {
  try {
    mkdirSync(dir, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw LedgerUnreadable.from(cause, dir, (cause as Error).message)
  }
}

interface Parts {
  readonly thread: LedgerThread
  /** Filled in here; the thread calls them. */
  readonly events: ThreadEvents
  readonly limits: LedgerLimits
  readonly log: Log
  readonly metrics: LedgerMetrics
  unlock(): void
}

class ThreadedLedger implements Ledger {
  readonly books: Books
  readonly #thread: LedgerThread
  readonly #cursors: Cursors
  readonly #tail: MemoryTail
  readonly #commits: GroupCommit
  readonly #messageReaders = new Set<string>()
  readonly #durableListeners = new Set<(durableOffset: LogOffset) => void>()
  readonly #takesAgainListeners = new Set<() => void>()
  readonly #refusedListeners = new Set<
    (records: readonly ParsedRecord[], error: CodedError) => void
  >()
  readonly #resubmittedListeners = new Set<(items: readonly KeptItem[]) => void>()
  readonly #resubmitted: KeptItem[] = []
  readonly #unlock: () => void
  #closing: Promise<void> | undefined

  constructor({ thread, events, limits, log, metrics, unlock }: Parts) {
    const { state, usage } = thread.opened
    this.#thread = thread
    this.#unlock = unlock
    this.books = Books.from(state.accounts)
    this.#cursors = new Cursors(state.cursors)
    this.#tail = new MemoryTail(limits.tailBytesMax)
    this.#commits = new GroupCommit(state, usage, {
      limits,
      log,
      metrics,
      books: this.books,
      cursors: this.#cursors,
      post: (message) => thread.post(message),
      durable: (batch) => this.#tail.add(batch),
      settled: (durableOffset) => {
        for (const listener of this.#durableListeners) listener(durableOffset)
      },
      takesAgain: () => {
        for (const listener of this.#takesAgainListeners) listener()
      },
      refused: (batch, error) => this.#refused(batch, error),
    })
    events.committed = (answer) => this.#commits.committed(answer.usage, answer.fault)
    events.tended = (usage) => this.#commits.tended(usage)
    events.resubmitted = (items) => this.#tellResubmitted(items)
    events.lost = (error) => this.#commits.threadLost(error)
    events.reopened = (found, now) => this.#commits.threadReopened(found, now)
  }

  get nextOffset(): LogOffset {
    return this.#commits.nextOffset
  }

  get durableOffset(): LogOffset {
    return this.#commits.durableOffset
  }

  get firstOffset(): LogOffset {
    return this.#commits.room.usage.firstOffset
  }

  get freeBytes(): number {
    return this.#commits.room.freeBytes
  }

  append(entry: LedgerEntry, onDurable: OnDurable, message?: ParsedMessage, release?: Release) {
    return this.#commits.append(entry, onDurable, message, release)
  }

  appendBytes(entry: BytesEntry, listener: StoredListener, token: number) {
    return this.#commits.appendBytes(entry, listener, token)
  }

  quarantine(item: QuarantineItem, onDurable: OnDurable) {
    return this.#commits.quarantine(item, onDurable)
  }

  onResubmitted(listener: (items: readonly KeptItem[]) => void): Cancel {
    this.#resubmittedListeners.add(listener)
    this.#tellResubmitted([])
    return () => this.#resubmittedListeners.delete(listener)
  }

  releaseDuplicate(release: Release): void {
    this.#commits.releaseDuplicate(release)
  }

  keepAside(id: number): void {
    this.#commits.keepAside(id)
  }

  deadLetter(reader: string, offset: LogOffset, atMs: number, error: string): void {
    this.#commits.deadLetter({ reader, offset, atMs, error })
  }

  afterPending(onDurable: OnDurable): void {
    this.#commits.afterPending(onDurable)
  }

  refusal(): CodedError | undefined {
    return this.#commits.refusal()
  }

  async read(from: LogOffset, bounds: ReadBounds): Promise<readonly ParsedRecord[]> {
    const live = this.readTail(from, bounds)
    if (live !== undefined) return live
    const rows = await this.#thread.read(from, bounds.bytesMax)
    return recordsOf(rows, from, bounds.recordsMax)
  }

  readTail(from: LogOffset, bounds: ReadBounds): readonly ParsedRecord[] | undefined {
    if (from >= this.durableOffset) return []
    return this.#tail.read(from, bounds)
  }

  readLive(from: LogOffset, recordsMax: number) {
    if (from >= this.durableOffset) return { records: [], next: from }
    return this.#tail.readLive(from, recordsMax)
  }

  loadCursor(reader: string, start: 'oldest' | 'end' = 'oldest'): LogOffset {
    const from = start === 'oldest' ? this.firstOffset : this.durableOffset
    return this.#cursors.load(reader, from, this.firstOffset)
  }

  advanceCursor(reader: string, to: LogOffset, rejected = 0): void {
    this.#cursors.advance(reader, to, rejected)
    if (this.#messageReaders.has(reader)) {
      this.#tail.forgetMessages(this.#cursors.passed(this.durableOffset, this.#messageReaders))
    }
  }

  forgetReader(reader: string): void {
    this.#cursors.forget(reader)
    this.#messageReaders.delete(reader)
    this.#commits.keepsMessages = this.#messageReaders.size > 0
  }

  keepMessagesFor(reader: string): void {
    this.#messageReaders.add(reader)
    this.#commits.keepsMessages = true
  }

  accounts(): Accounts {
    return summarize(this.books.snapshot(), this.#cursors.accounts(this.nextOffset))
  }

  onDurable(listener: (durableOffset: LogOffset) => void): Cancel {
    this.#durableListeners.add(listener)
    return () => this.#durableListeners.delete(listener)
  }

  onTakesAgain(listener: () => void): Cancel {
    this.#takesAgainListeners.add(listener)
    return () => this.#takesAgainListeners.delete(listener)
  }

  onRefused(listener: (records: readonly ParsedRecord[], error: CodedError) => void): Cancel {
    this.#refusedListeners.add(listener)
    return () => this.#refusedListeners.delete(listener)
  }

  close(): Promise<void> {
    this.#closing ??= this.#closeOnce()
    return this.#closing
  }

  async #closeOnce(): Promise<void> {
    await this.#commits.close()
    await this.#thread.close()
    this.#unlock()
  }

  /** Requests that were found before anybody listens wait. */
  #tellResubmitted(items: readonly KeptItem[]): void {
    this.#resubmitted.push(...items)
    if (this.#resubmittedListeners.size === 0 || this.#resubmitted.length === 0) return
    const told = this.#resubmitted.splice(0)
    for (const listener of this.#resubmittedListeners) listener(told)
  }

  #refused(batch: Batch, error: CodedError): void {
    if (this.#refusedListeners.size === 0 || batch.count === 0) return
    const records: ParsedRecord[] = []
    batch.read(batch.firstOffset, records, batch.count, Number.POSITIVE_INFINITY)
    for (const listener of this.#refusedListeners) listener(records, error)
  }
}
