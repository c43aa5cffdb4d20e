/**
 * What one stream has sent lately: tells what was sent before from what is new, and sees what is missing.
 *
 *   number             content       time     │ it is
 *   last + 1           any           any      │ the next
 *   beyond last + 1    any           any      │ new, with a gap before it
 *   seen               the same      the same │ a duplicate
 *   at most last       other         newer    │ new: the counter has begun anew
 *   at most last       other         older    │ new: it was overtaken on its way, or resent late
 *
 * - It remembers the last `windowMax` entries in a ring; what is older than that is stored again, which harms nobody.
 * - Streams without numbers (alarms, results) use 0 for each: only the same content is a duplicate.
 */
import { crc32 } from 'node:zlib'

/** More than any client of ours has in flight. */
const windowMax = 64
const windowMin = 4

/** Room for the length beside the 32 bits of the checksum. */
const lengthUnit = 2 ** 32

/** Checksum and length as one number: the same print is the same content, as far as a resent message goes. */
export function printOf(payload: Uint8Array): number {
  return crc32(payload) + payload.length * lengthUnit
}

export type Finding = 'next' | 'gap' | 'duplicate' | 'restarted' | 'overtaken'

export class Sequence {
  #seqs = new Float64Array(windowMin)
  #tsMs = new Float64Array(windowMin)
  #prints = new Float64Array(windowMin)
  /** Entries remembered since the last restart; the next goes to `#count % length`. */
  #count = 0
  last = -1
  lastTsMs = Number.NEGATIVE_INFINITY

  judge(seq: number, tsMs: number, print: number): Finding {
    if (seq === this.last + 1 || this.last < 0) return 'next'
    if (seq > this.last) return 'gap'
    if (this.#holds(seq, tsMs, print)) return 'duplicate'
    return tsMs > this.lastTsMs ? 'restarted' : 'overtaken'
  }

  /** Whether the entry of this number and time was seen, whatever its print. */
  has(seq: number, tsMs: number): boolean {
    const length = Math.min(this.#count, this.#seqs.length)
    for (let i = 0; i < length; i++) {
      if (this.#seqs[i] === seq && this.#tsMs[i] === tsMs) return true
    }
    return false
  }

  remember(seq: number, tsMs: number, print: number): void {
    if (this.#count === this.#seqs.length && this.#count < windowMax) this.#grow()
    const at = this.#count % this.#seqs.length
    this.#seqs[at] = seq
    this.#tsMs[at] = tsMs
    this.#prints[at] = print
    this.#count += 1
    if (seq > this.last) this.last = seq
    if (tsMs > this.lastTsMs) this.lastTsMs = tsMs
  }

  /** The counter began anew: numbers go on from `seq`. What was seen stays, in case it is resent. */
  restart(seq: number): void {
    this.last = seq
  }

  forget(): void {
    this.#count = 0
    this.last = -1
    this.lastTsMs = Number.NEGATIVE_INFINITY
  }

  #holds(seq: number, tsMs: number, print: number): boolean {
    const length = Math.min(this.#count, this.#seqs.length)
    for (let i = 0; i < length; i++) {
      if (this.#seqs[i] === seq && this.#prints[i] === print && this.#tsMs[i] === tsMs) return true
    }
    return false
  }

  /** Only ever called when the ring is full for the first time, so it is in order. */
  #grow(): void {
    const length = Math.min(windowMax, this.#seqs.length * 4)
    const grown = (old: Float64Array) => {
      const wider = new Float64Array(length)
      wider.set(old)
      return wider
    }
    this.#seqs = grown(this.#seqs)
    this.#tsMs = grown(this.#tsMs)
    this.#prints = grown(this.#prints)
  }
}
