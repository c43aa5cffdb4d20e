/**
 * The batches that wait for the disk: one is open and takes what comes, those before it are full.
 *
 * - A batch is closed when the next record does not fit, or when all are taken to the disk together.
 * - They lie one behind the other in larger pieces of memory, so that the tail can keep them without a copy.
 */
import { Batch } from './batch.ts'
import { type Chunk, Chunks } from './chunks.ts'
import { batchBytesMax } from './limits.ts'
import type { LogOffset } from './record.ts'

export class BatchQueue {
  readonly #memory = new BatchMemory()
  readonly #closing: () => void
  #open: Batch | undefined
  #closed: Batch[] = []

  /** `closing` is told when the open batch is closed. */
  constructor(closing: () => void) {
    this.#closing = closing
  }

  /** The batch that takes what comes, if something has come. */
  get open(): Batch | undefined {
    return this.#open
  }

  get youngest(): Batch | undefined {
    return this.#open ?? this.#closed.at(-1)
  }

  get hasClosed(): boolean {
    return this.#closed.length > 0
  }

  /** The open batch, with room for a frame of `bytes`; a new one begins at `nextOffset`. */
  batchFor(bytes: number, nextOffset: LogOffset): Batch {
    let batch = this.#open
    if (batch && (batch.bytes + bytes > batchBytesMax || !this.#memory.hasRoom(batch, bytes))) {
      this.#close(batch)
      batch = undefined
    }
    batch ??= this.#memory.open(nextOffset, bytes, performance.now())
    this.#open = batch
    return batch
  }

  /** All of them, oldest first; none waits any more. */
  takeAll(): Batch[] {
    if (this.#open) this.#close(this.#open)
    const batches = this.#closed
    this.#closed = []
    return batches
  }

  #close(batch: Batch): void {
    this.#memory.closed(batch)
    this.#closing()
    this.#closed.push(batch)
    this.#open = undefined
  }
}

/** Hands out room for batches, piece after piece. */
class BatchMemory {
  readonly #chunks = new Chunks()
  /** Where the next batch begins. */
  #chunk: Chunk | undefined
  #at = 0

  /** A batch with room for a frame of `bytes`, and for a full batch where one fits. */
  open(firstOffset: LogOffset, bytes: number, nowMs: number): Batch {
    let chunk = this.#chunk
    if (!chunk || chunk.bytes.length - this.#at < Math.max(bytes, batchBytesMax / 4)) {
      chunk?.letGo()
      chunk = this.#chunks.take(bytes)
      chunk.hold()
      this.#chunk = chunk
      this.#at = 0
    }
    return new Batch(firstOffset, chunk, this.#at, nowMs)
  }

  hasRoom(batch: Batch, bytes: number): boolean {
    return batch.end + bytes <= batch.chunk.bytes.length
  }

  /** The next batch begins where this one ends. */
  closed(batch: Batch): void {
    if (batch.chunk === this.#chunk) this.#at = batch.end
  }
}
