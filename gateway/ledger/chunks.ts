/**
 * The memory that batches lie in: pieces that the ledger's thread sees too, so that a commit hands over no copy.
 *
 * - A piece is used again when the last batch in it has let go: then it is on the disk, and out of the tail.
 * - Never returned to the collector: there are as many as the tail and what was pending have ever needed, and both are
 *   bounded. Fresh memory for each would make the collector go through the whole heap for every ten megabytes.
 * - Whoever wants bytes for longer than the call in which it sees them copies them.
 */
import { chunkBytes } from './limits.ts'

export class Chunk {
  readonly bytes: Buffer
  readonly #whenFree: (chunk: Chunk) => void
  #holders = 0

  constructor(bytes: number, whenFree: (chunk: Chunk) => void) {
    this.bytes = Buffer.from(new SharedArrayBuffer(bytes))
    this.#whenFree = whenFree
  }

  hold(): void {
    this.#holders += 1
  }

  letGo(): void {
    this.#holders -= 1
    if (this.#holders === 0) this.#whenFree(this)
  }
}

export class Chunks {
  readonly #free: Chunk[] = []
  readonly #whenFree = (chunk: Chunk) => {
    if (chunk.bytes.length === chunkBytes) this.#free.push(chunk)
  }

  /** A piece with room for `bytes`, that nobody holds yet. */
  take(bytes: number): Chunk {
    if (bytes > chunkBytes) return new Chunk(bytes, this.#whenFree)
    return this.#free.pop() ?? new Chunk(chunkBytes, this.#whenFree)
  }
}
