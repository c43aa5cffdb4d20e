/**
 * The records that wait for one group commit: their bytes in a piece of memory, and who is to be told.
 *
 * - Offsets are fixed when a record is written into the batch, in the order of the calls.
 * - The bytes stay where they are on the way to the disk and in the tail, until the batch lets go of its memory: readers
 *   get copies.
 */
import type { CodedError } from '../../schemas/coded-error.ts'
import type { Chunk } from './chunks.ts'
import { frameEnd, readFrame, writeBytesFrame, writeFrame } from './frame.ts'
import type { QuarantineItem, Release } from './quarantine.ts'
import type {
  BytesEntry,
  LedgerEntry,
  LogOffset,
  ParsedMessage,
  ParsedRecord,
  StoredListener,
} from './record.ts'
import type { CommitRow, DeadLetter } from './store.ts'

/** Called once: durable, or refused with the reason. */
export type OnDurable = (error?: CodedError) => void

export class Batch {
  readonly firstOffset: LogOffset
  /** Opened at, on the clock for measuring. */
  readonly openedAtMs: number
  readonly chunk: Chunk
  readonly start: number
  end: number
  count = 0
  firstReceivedAtMs = Number.POSITIVE_INFINITY
  lastReceivedAtMs = Number.NEGATIVE_INFINITY
  readonly waiters: (OnDurable | StoredListener)[] = []
  /** By listener among the waiters, in their order. */
  readonly #tokens: number[] = []
  /** Where the frames stand that live readers want, and their indexes. */
  readonly #loudAt: number[] = []
  readonly #loud: number[] = []
  readonly quarantine: QuarantineItem[] = []
  readonly deadLetters: DeadLetter[] = []
  readonly released: (Release & { readonly isDuplicate: boolean })[] = []
  readonly keptAside: number[] = []
  quarantineBytes = 0
  /** What the door parsed, by index, while a live reader wants it. */
  messages: (ParsedMessage | undefined)[] | undefined

  readonly #bytes: Buffer

  constructor(firstOffset: LogOffset, chunk: Chunk, start: number, openedAtMs: number) {
    this.firstOffset = firstOffset
    chunk.hold()
    this.chunk = chunk
    this.#bytes = chunk.bytes
    this.start = start
    this.end = start
    this.openedAtMs = openedAtMs
  }

  get hasExtras(): boolean {
    const { quarantine, deadLetters, released, keptAside } = this
    return quarantine.length + deadLetters.length + released.length + keptAside.length > 0
  }

  get endOffset(): LogOffset {
    return this.firstOffset + this.count
  }

  /** A live reader wants one of its records. */
  get isHurried(): boolean {
    return this.#loud.length > 0
  }

  get bytes(): number {
    return this.end - this.start
  }

  /** The caller has made sure that there is room. */
  write(entry: LedgerEntry, notesJson: string): LogOffset {
    if (!entry.isQuiet) this.#isLoud()
    this.end = writeFrame(this.#bytes, this.end, entry, notesJson)
    return this.#written(entry)
  }

  /** The same, straight from bytes; the listener is told with its token. */
  writeBytes(entry: BytesEntry, listener: StoredListener, token: number): LogOffset {
    if (!entry.isQuiet) this.#isLoud()
    this.end = writeBytesFrame(this.#bytes, this.end, entry)
    this.waiters.push(listener)
    this.#tokens.push(token)
    return this.#written(entry)
  }

  #isLoud(): void {
    this.#loudAt.push(this.end)
    this.#loud.push(this.count)
  }

  #written(entry: { readonly receivedAtMs: number }): LogOffset {
    if (entry.receivedAtMs < this.firstReceivedAtMs) this.firstReceivedAtMs = entry.receivedAtMs
    if (entry.receivedAtMs > this.lastReceivedAtMs) this.lastReceivedAtMs = entry.receivedAtMs
    return this.firstOffset + this.count++
  }

  /** As a row. Its bytes are shared with the thread, and stay as they are until the batch lets go. */
  toRow(): CommitRow {
    return {
      firstOffset: this.firstOffset,
      lastOffset: this.endOffset - 1,
      firstReceivedAtMs: this.firstReceivedAtMs,
      lastReceivedAtMs: this.lastReceivedAtMs,
      bytes: this.#bytes.subarray(this.start, this.end),
    }
  }

  /** Whoever waits is told, in order: durable, or refused with the reason. Then only the records are kept. */
  tell(error?: CodedError): void {
    let listeners = 0
    for (const waiter of this.waiters) {
      if (typeof waiter === 'function') waiter(error)
      else {
        const token = this.#tokens[listeners++] as number
        if (error === undefined) waiter.stored(token)
        else waiter.refused(error)
      }
    }
    this.#forgetWaiters()
  }

  /** The tail weighs a batch by its records; what it held beside them would stay for as long, unweighed. */
  #forgetWaiters(): void {
    this.waiters.length = 0
    this.#tokens.length = 0
    this.quarantine.length = 0
    this.deadLetters.length = 0
    this.released.length = 0
    this.keptAside.length = 0
  }

  /** Adds what live readers want from `from` on, at most until `into` holds `recordsMax`. Answers where to go on. */
  readLive(from: LogOffset, into: ParsedRecord[], recordsMax: number): LogOffset {
    for (let i = 0; i < this.#loud.length; i++) {
      const index = this.#loud[i] as number
      const offset = this.firstOffset + index
      if (offset < from) continue
      if (into.length >= recordsMax) return offset
      const at = this.#loudAt[i] as number
      into.push(this.#record(at, this.#endOf(at), index))
    }
    return this.endOffset
  }

  /** Adds records from `from` on to `into`, until one of the bounds is met. */
  read(from: LogOffset, into: ParsedRecord[], recordsMax: number, bytesMax: number): number {
    let at = this.start
    let bytes = 0
    for (let index = 0; index < this.count; index++) {
      const end = this.#endOf(at)
      const offset = this.firstOffset + index
      if (offset >= from) {
        if (into.length >= recordsMax || (bytes >= bytesMax && into.length > 0)) break
        into.push(this.#record(at, end, index))
        bytes += end - at
      }
      at = end
    }
    return bytes
  }

  #endOf(at: number): number {
    const end = frameEnd(this.#bytes, at, this.end)
    if (end === undefined) throw new Error('BUG: a batch in memory does not add up')
    return end
  }

  /** A copy: a reader may keep a record for longer than the batch keeps its memory. */
  #record(at: number, end: number, index: number): ParsedRecord {
    const frame = Buffer.from(this.#bytes.subarray(at, end))
    return readFrame(frame, 0, this.firstOffset + index, this.messages?.[index])
  }

  /** Nobody will ask for its records any more. */
  letGo(): void {
    this.chunk.letGo()
  }
}
