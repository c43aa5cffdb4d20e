/**
 * The youngest durable records, in memory, so that live readers need not ask the disk.
 *
 * - Bounded in bytes: the oldest batches go first, whoever still wants them reads the disk.
 * - Parsed messages are kept only until the live readers have passed them, and never for more than `messagesMax` records.
 */
import type { Batch } from './batch.ts'
import type { LogOffset, ParsedRecord } from './record.ts'

/** A parsed message takes one to two kilobytes; live readers that are further behind parse again. */
const messagesMax = 8_192

export interface ReadBounds {
  readonly recordsMax: number
  readonly bytesMax: number
}

export class MemoryTail {
  readonly #bytesMax: number
  #batches: Batch[] = []
  /** Batches before this index are gone; the array is cut now and then. */
  #head = 0
  #bytes = 0
  /** Batches before this index hold no messages. */
  #messagesFrom = 0
  #messages = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get bytes(): number {
    return this.#bytes
  }

  add(batch: Batch): void {
    this.#batches.push(batch)
    this.#bytes += batch.bytes
    if (batch.messages) this.#messages += batch.count
    while (this.#bytes > this.#bytesMax && this.#head < this.#batches.length - 1) this.#dropOldest()
    while (this.#messages > messagesMax) this.#forgetOldestMessages()
    if (this.#head > 1_024 && this.#head * 2 > this.#batches.length) this.#cut()
  }

  /** Live readers have passed what is before `offset`. */
  forgetMessages(before: LogOffset): void {
    for (
      let batch = this.#batches[this.#messagesFrom];
      batch !== undefined && batch.endOffset <= before;
      batch = this.#batches[this.#messagesFrom]
    ) {
      this.#forgetOldestMessages()
    }
  }

  /** Undefined where `from` is older than what is kept here. */
  read(from: LogOffset, { recordsMax, bytesMax }: ReadBounds): ParsedRecord[] | undefined {
    let index = this.#find(from)
    if (index === undefined) return undefined
    const records: ParsedRecord[] = []
    let bytes = 0
    for (let batch = this.#batches[index]; batch !== undefined; batch = this.#batches[++index]) {
      bytes += batch.read(from, records, recordsMax, bytesMax - bytes)
      if (records.length >= recordsMax || bytes >= bytesMax) break
    }
    return records
  }

  /** What live readers want, and where to go on; undefined where `from` is older than what is kept here. */
  readLive(
    from: LogOffset,
    recordsMax: number,
  ): { readonly records: readonly ParsedRecord[]; readonly next: LogOffset } | undefined {
    let index = this.#find(from)
    if (index === undefined) return undefined
    const records: ParsedRecord[] = []
    let next = from
    for (let batch = this.#batches[index]; batch !== undefined; batch = this.#batches[++index]) {
      next = batch.readLive(from, records, recordsMax)
      if (next !== batch.endOffset) break
    }
    return { records, next }
  }

  /** Index of the batch that holds `offset`, by halving. */
  #find(offset: LogOffset): number | undefined {
    const oldest = this.#batches[this.#head]
    if (oldest === undefined || offset < oldest.firstOffset) return undefined
    let low = this.#head
    let high = this.#batches.length - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#batches[middle] as Batch).endOffset > offset) high = middle
      else low = middle + 1
    }
    return low
  }

  #dropOldest(): void {
    const batch = this.#batches[this.#head] as Batch
    if (this.#messagesFrom === this.#head) this.#forgetOldestMessages()
    this.#bytes -= batch.bytes
    this.#batches[this.#head++] = undefined as unknown as Batch
    batch.letGo()
  }

  #forgetOldestMessages(): void {
    const batch = this.#batches[this.#messagesFrom++]
    if (batch?.messages === undefined) return
    this.#messages -= batch.count
    batch.messages = undefined
  }

  #cut(): void {
    this.#batches = this.#batches.slice(this.#head)
    this.#messagesFrom -= this.#head
    this.#head = 0
  }
}
