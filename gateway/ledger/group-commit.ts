/**
 * Group commit: what is appended while the disk is busy becomes durable together, with one fsync.
 *
 *   append ▶ open batch ─(gathered, or large)─▶ closed ─(disk idle)─▶ in flight ─▶ durable: waiters, tail, listeners
 *                                                            │ fault
 *                                                            └▶ held and tried again ─(holdMs)─▶ refused, all that wait
 *
 * - Offsets are fixed by append, in the order of the calls; waiters are called in that order.
 * - Bounded: beyond pendingBytesMax, on a full ledger and during a fault, refusal() says no and nothing is appended.
 * - When a held batch is given up, all that came after it goes with it, so offsets never have a hole.
 */
import type { CodedError } from '../../schemas/coded-error.ts'
import type { Log } from '../kit/log.ts'
import type { Books } from './accounts.ts'
import { bookOver, extrasOf } from './aside.ts'
import type { Batch, OnDurable } from './batch.ts'
import { BatchQueue } from './batch-queue.ts'
import type { Cursors } from './cursors.ts'
import { IngressBusy, LedgerClosed, LedgerDisk } from './errors.ts'
import { encodeNotes, frameBytesMax, frameHeaderBytes } from './frame.ts'
import { Gathering } from './gathering.ts'
import { batchBytesEager, type LedgerLimits } from './limits.ts'
import type { LedgerMetrics } from './metrics.ts'
import { type Fault, keepNothing, type Passed, type ToWorker } from './protocol.ts'
import type { QuarantineItem, Release } from './quarantine.ts'
import type { BytesEntry, LedgerEntry, LogOffset, ParsedMessage, StoredListener } from './record.ts'
import { Room } from './room.ts'
import type { CommitRequest, CommitRow, DeadLetter, StoreState, Usage } from './store.ts'

export interface GroupCommitPorts {
  readonly limits: LedgerLimits
  readonly books: Books
  readonly cursors: Cursors
  readonly log: Log
  readonly metrics: LedgerMetrics
  post(message: ToWorker): void
  /** Records that became durable, before their waiters are told. */
  durable(batch: Batch): void
  /** After all waiters of a commit were told. */
  settled(durableOffset: LogOffset): void
  /** It has refused, and takes again. */
  takesAgain(): void
  /** Is given up, before its waiters are told. */
  refused(batch: Batch, error: CodedError): void
}

export class GroupCommit {
  readonly room: Room
  readonly #ports: GroupCommitPorts
  readonly #limits: LedgerLimits
  readonly #waiting = new BatchQueue(() => this.#gathering.gone())
  #inFlight: Batch[] = []
  /** Of what is in flight, all but the rows. */
  #request: Omit<CommitRequest, 'rows'> | undefined
  /** The request was handed to the thread and is not answered yet. */
  #isPosted = false
  #sentAtMs = 0
  #pendingBytes = 0
  /** Of the newest request. */
  #number: number
  #nextOffset: LogOffset
  #durableOffset: LogOffset
  #newestReceivedAtMs = 0
  #fault: CodedError | undefined
  #faultSinceMs = 0
  #isThreadLost = false
  #hasRefused = false
  #isClosing = false
  #whenIdle: (() => void) | undefined
  readonly #gathering: Gathering
  #ticking: NodeJS.Timeout | undefined
  /** Parsed messages are kept for live readers. */
  keepsMessages = false

  constructor(state: StoreState, usage: Usage, ports: GroupCommitPorts) {
    this.#ports = ports
    this.#limits = ports.limits
    this.#number = state.commitNumber
    this.#nextOffset = state.nextOffset
    this.#durableOffset = state.nextOffset
    this.room = new Room(usage, ports.limits, ports.log, ports.metrics)
    this.#gathering = new Gathering(ports.limits, () => this.#sendGathered())
    this.#tick()
  }

  get nextOffset(): LogOffset {
    return this.#nextOffset
  }

  get durableOffset(): LogOffset {
    return this.#durableOffset
  }

  /** Why nothing can be appended now, or undefined. */
  refusal(): CodedError | undefined {
    const reason = this.#reasonToRefuse()
    if (reason !== undefined) this.#hasRefused = true
    return reason
  }

  #reasonToRefuse(): CodedError | undefined {
    if (this.#fault !== undefined) return this.#fault
    if (this.#isClosing) return LedgerClosed()
    if (this.#pendingBytes >= this.#limits.pendingBytesMax) {
      return IngressBusy(this.#pendingBytes, this.#limits.pendingBytesMax)
    }
    if (this.room.isFull || this.#pendingBytes >= this.room.freeBytes) {
      return this.room.fullError(this.#ports.cursors.slowest())
    }
  }

  /** `release` is the quarantined message that this record is, judged anew; it leaves the quarantine in the same commit. */
  append(
    entry: LedgerEntry,
    onDurable: OnDurable,
    message?: ParsedMessage,
    release?: Release,
  ): LogOffset | CodedError {
    const refusal = this.refusal()
    if (refusal !== undefined) return refusal
    const notesJson = encodeNotes(entry.notes)
    const batch = this.#waiting.batchFor(
      frameBytesMax(entry.topic, notesJson, entry.payload),
      this.#nextOffset,
    )
    const before = batch.end
    const offset = batch.write(entry, notesJson)
    batch.waiters.push(onDurable)
    if (this.keepsMessages && !entry.isQuiet) {
      batch.messages ??= []
      batch.messages[offset - batch.firstOffset] = message
    }
    if (release !== undefined) {
      batch.released.push({ ...release, isDuplicate: false })
      this.#ports.books.book('quarantined', release.code, -1)
    }
    return this.#appended(batch, offset, before, entry.receivedAtMs)
  }

  /** The same for an ordinary message straight from its bytes. */
  appendBytes(entry: BytesEntry, listener: StoredListener, token: number): LogOffset | CodedError {
    const refusal = this.refusal()
    if (refusal !== undefined) return refusal
    const batch = this.#waiting.batchFor(
      frameHeaderBytes + entry.topicBytes.length + entry.to - entry.from,
      this.#nextOffset,
    )
    const before = batch.end
    const offset = batch.writeBytes(entry, listener, token)
    return this.#appended(batch, offset, before, entry.receivedAtMs)
  }

  #appended(batch: Batch, offset: LogOffset, before: number, receivedAtMs: number): LogOffset {
    this.#nextOffset = offset + 1
    this.#pendingBytes += batch.end - before
    if (receivedAtMs > this.#newestReceivedAtMs) this.#newestReceivedAtMs = receivedAtMs
    this.#ports.books.stored += 1
    this.#gather(batch)
    return offset
  }

  quarantine(item: QuarantineItem, onDurable: OnDurable): CodedError | undefined {
    const refusal = this.refusal()
    if (refusal !== undefined) return refusal
    const batch = this.#waiting.batchFor(0, this.#nextOffset)
    batch.quarantine.push(item)
    batch.quarantineBytes += item.bytes.length
    batch.waiters.push(onDurable)
    this.#pendingBytes += item.bytes.length
    this.#ports.books.book('quarantined', item.code)
    this.#gather(batch)
  }

  deadLetter(letter: DeadLetter): void {
    if (this.#isClosing) return
    const batch = this.#waiting.batchFor(0, this.#nextOffset)
    batch.deadLetters.push(letter)
    this.#gather(batch)
  }

  /** A quarantined message, judged anew, is known already. */
  releaseDuplicate(release: Release): void {
    if (this.#isClosing) return
    const batch = this.#waiting.batchFor(0, this.#nextOffset)
    batch.released.push({ ...release, isDuplicate: true })
    this.#ports.books.book('quarantined', release.code, -1)
    this.#ports.books.duplicate += 1
    this.#gather(batch)
  }

  /** A quarantined message, judged anew, stays where it is. */
  keepAside(id: number): void {
    if (this.#isClosing) return
    const batch = this.#waiting.batchFor(0, this.#nextOffset)
    batch.keptAside.push(id)
    this.#gather(batch)
  }

  /** Calls when all that was appended so far is durable; at once when it is. */
  afterPending(onDurable: OnDurable): void {
    const youngest = this.#waiting.youngest ?? this.#inFlight.at(-1)
    if (youngest) youngest.waiters.push(onDurable)
    else onDurable()
  }

  committed(usage: Usage, fault: Fault | undefined): void {
    this.#isPosted = false
    const nowMs = performance.now()
    this.#gathering.answered(nowMs)
    this.#ports.metrics.fsyncSeconds.observe((nowMs - this.#sentAtMs) / 1_000)
    this.#ports.books.quarantineDropped = usage.quarantineDropped
    if (fault) this.#failed(fault)
    else this.#succeeded()
    this.room.weigh(usage)
    this.#sendWhenDue()
    this.#tellIfTaking()
  }

  /** Housekeeping without a commit. */
  tended(usage: Usage): void {
    this.room.weigh(usage)
    this.#tellIfTaking()
  }

  #tellIfTaking(): void {
    if (!this.#hasRefused || this.#reasonToRefuse() !== undefined) return
    this.#hasRefused = false
    this.#ports.takesAgain()
  }

  /** What waits is held until the thread is back: only its file tells what has become of it. */
  threadLost(error: CodedError): void {
    this.#isThreadLost = true
    this.#isPosted = false
    this.#fault = error
    if (this.#isClosing) this.#abandon(error)
  }

  /** What was in flight when the thread died is on the disk or not; its end tells. */
  threadReopened(state: StoreState, usage: Usage): void {
    this.#isThreadLost = false
    this.room.weigh(usage)
    this.#fault = undefined
    if (this.#request?.number === state.commitNumber) this.#succeeded()
    else if (this.#request) this.#post(this.#request)
    this.#sendWhenDue()
    this.#tellIfTaking()
  }

  /** No more appends; resolves when nothing is in flight any more and the books are written. */
  close(): Promise<void> {
    this.#isClosing = true
    return new Promise((resolve) => {
      this.#whenIdle = resolve
      if (this.#isThreadLost && this.#fault) this.#abandon(this.#fault)
      else if (this.#request && !this.#isPosted) this.#post(this.#request)
      else this.#sendWhenDue()
    })
  }

  #gather(batch: Batch): void {
    if (this.#request !== undefined || this.#fault !== undefined) return
    if (batch.bytes >= batchBytesEager) this.#send()
    else this.#gathering.wait(batch)
  }

  #sendGathered(): void {
    const isFree = this.#request === undefined && this.#fault === undefined
    if (isFree && this.#waiting.open) this.#send()
  }

  #sendWhenDue(): void {
    if (this.#request !== undefined || this.#isThreadLost) return
    if (this.#waiting.youngest === undefined) {
      const { books, cursors } = this.#ports
      const isWorthACommit = this.#isClosing && !this.#fault && (books.isDirty || cursors.isDirty)
      if (isWorthACommit) this.#send()
      else this.#idle()
      return
    }
    if (this.#fault !== undefined && !this.#isClosing) return
    if (this.#waiting.hasClosed || this.#isClosing) this.#send()
    else if (this.#waiting.open) this.#gathering.wait(this.#waiting.open)
  }

  #idle(): void {
    if (this.#whenIdle === undefined) return
    clearTimeout(this.#ticking)
    this.#whenIdle()
    this.#whenIdle = undefined
  }

  #send(): void {
    this.#inFlight = this.#waiting.takeAll()
    const changes = this.#ports.cursors.takeChanges(performance.now(), this.#isClosing)
    this.#request = {
      number: ++this.#number,
      door: this.#ports.books.toLine(),
      extras: extrasOf(this.#inFlight, changes),
    }
    this.#ports.books.isDirty = false
    this.#post(this.#request)
  }

  #post(request: Omit<CommitRequest, 'rows'>): void {
    this.#isPosted = true
    this.#sentAtMs = performance.now()
    const rows: CommitRow[] = []
    for (const batch of this.#inFlight) if (batch.count > 0) rows.push(batch.toRow())
    this.#ports.post({ kind: 'commit', request: { ...request, rows }, ...this.#passed() })
  }

  #passed(): Passed {
    return {
      passed: this.#ports.cursors.passed(this.#durableOffset),
      keepFromMs: this.room.isCrowded
        ? keepNothing
        : this.#newestReceivedAtMs - this.#limits.retainMs,
    }
  }

  #succeeded(): void {
    const batches = this.#inFlight
    this.#inFlight = []
    this.#request = undefined
    if (this.#fault) this.#ports.log.info({}, 'the ledger can be written again')
    this.#fault = undefined
    this.#faultSinceMs = 0
    for (const batch of batches) {
      this.#pendingBytes -= batch.bytes + batch.quarantineBytes
      this.#durableOffset = batch.endOffset
      this.#ports.metrics.appends.add(batch.count)
      if (batch.count > 0) this.#ports.durable(batch)
      else batch.letGo()
      batch.tell()
    }
    if (batches.length > 0) this.#ports.settled(this.#durableOffset)
  }

  #failed({ kind, text }: Fault): void {
    const slowest = this.#ports.cursors.slowest()
    const error = kind === 'full' ? this.room.fullError(slowest, text) : LedgerDisk(text)
    if (this.#fault === undefined) {
      this.#ports.log.error({ code: error.code, text }, 'the ledger cannot be written')
      this.#faultSinceMs = performance.now()
    }
    this.#fault = error
    const isHeld = performance.now() - this.#faultSinceMs < this.#limits.holdMs
    if (isHeld && !this.#isClosing) return // The tick tries again.
    this.#giveUp(error)
  }

  /** All that waits is refused, the youngest offset goes back to the last durable one. */
  #giveUp(error: CodedError): void {
    const batches = [...this.#inFlight, ...this.#waiting.takeAll()]
    if (this.#request?.extras) this.#ports.cursors.giveBack(this.#request.extras)
    this.#inFlight = []
    this.#request = undefined
    this.#nextOffset = this.#durableOffset
    this.#pendingBytes = 0
    for (const batch of batches) {
      bookOver(batch, this.#ports.books, error.code)
      this.#ports.refused(batch, error)
      batch.tell(error)
      batch.letGo()
    }
  }

  /** Stopping without a thread: nobody is told that anything was stored. */
  #abandon(error: CodedError): void {
    this.#giveUp(error)
    this.#idle()
  }

  #tick(): void {
    const { books, cursors } = this.#ports
    const hasChores = () => books.isDirty || cursors.isDirty || this.room.isFull
    this.#ticking = setTimeout(() => {
      this.#tick()
      if (this.#isThreadLost || this.#isPosted) return
      if (this.#request !== undefined) this.#post(this.#request)
      else if (this.#fault !== undefined || hasChores()) this.#send()
      else if (!this.#isClosing) this.#ports.post({ kind: 'tend', ...this.#passed() })
    }, this.#limits.tickMs)
    this.#ticking.unref()
  }
}
