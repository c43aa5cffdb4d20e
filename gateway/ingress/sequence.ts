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
 * - Number, time and print of an entry lie side by side: of ten thousand streams none is in the cache.
 * - Streams without numbers (alarms, results) use 0 for each: only the same content is a duplicate.
 */
import { crc32 } from 'node:zlib'

/** More than any client of ours has in flight. */
const windowMax = 64
const windowMin = 4
/** Number, time, print. */
const entrySize = 3

/** Room for the length beside the 32 bits of the checksum. */
const lengthUnit = 2 ** 32

/** Checksum and length as one number: the same print is the same content, as far as a resent message goes. */
export function printOf(payload: Uint8Array): number {
  return crc32(payload) + payload.length * lengthUnit
}

export type Finding = 'next' | 'gap' | 'duplicate' | 'restarted' | 'overtaken'

export class Sequence {
  #ring = new Float64Array(windowMin * entrySize)
  /** Entries remembered since the last restart; the next goes to this place, round and round. */
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
    const end = this.#end()
    for (let at = 0; at < end; at += entrySize) {
      if (this.#ring[at] === seq && this.#ring[at + 1] === tsMs) return true
    }
    return false
  }

  remember(seq: number, tsMs: number, print: number): void {
    const isFull = this.#count * entrySize === this.#ring.length
    if (isFull && this.#count < windowMax) this.#grow()
    const at = (this.#count * entrySize) % this.#ring.length
    this.#ring[at] = seq
    this.#ring[at + 1] = tsMs
    this.#ring[at + 2] = print
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
    const ring = this.#ring
    const end = this.#end()
    for (let at = 0; at < end; at += entrySize) {
      if (ring[at] === seq && ring[at + 2] === print && ring[at + 1] === tsMs) return true
    }
    return false
  }

  #end(): number {
    return Math.min(this.#count * entrySize, this.#ring.length)
  }

  /** Only ever called when the ring is full for the first time, so it is in order. */
  #grow(): void {
    const wider = new Float64Array(Math.min(windowMax * entrySize, this.#ring.length * 4))
    wider.set(this.#ring)
    this.#ring = wider
  }
}
