/**
 * Lines of line protocol in one growing piece of memory, each ended by a line break; used again for batch after batch.
 * What is not plain ASCII comes as text, numbers and prepared bytes are written in place.
 */
import type { Lines } from './ports.ts'

const bytesAtFirst = 65_536
const zero = 0x30
const minus = 0x2d
const dot = 0x2e
const lineBreak = 0x0a
/** The longest number a double is written as, with room to spare. */
const numberBytesMax = 32
const int32Max = 2 ** 31 - 1

export class LineBuffer implements Lines {
  #bytes = Buffer.allocUnsafeSlow(bytesAtFirst)
  #end = 0
  /** Where each line ends, its line break not counted. */
  #ends: number[] = []
  /** Nearly always; then a character is a byte, and a text is copied instead of decoded. */
  #isAscii = true

  get count(): number {
    return this.#ends.length
  }

  clear(): void {
    this.#end = 0
    this.#ends = []
    this.#isAscii = true
  }

  line(index: number): string {
    return this.text(index, index + 1)
  }

  text(from: number, to: number): string {
    if (from >= to) return ''
    const encoding = this.#isAscii ? 'latin1' : 'utf8'
    return this.#bytes.toString(encoding, this.#startOf(from), this.#ends[to - 1])
  }

  /** A whole line. */
  add(text: string): void {
    this.#makeRoom(3 * text.length + 1) // A UTF-16 unit is at most three bytes of UTF-8.
    const written = this.#bytes.write(text, this.#end)
    if (written !== text.length) this.#isAscii = false
    this.#end += written
    this.endLine()
  }

  /** Prepared bytes, ASCII; makes room for a number after them. */
  bytes(prepared: Uint8Array): void {
    this.#makeRoom(prepared.length + numberBytesMax)
    this.#bytes.set(prepared, this.#end)
    this.#end += prepared.length
  }

  /** A number as JavaScript writes it, after `bytes`. */
  number(value: number): void {
    if (value >= 0 && value <= int32Max) {
      const whole = value | 0
      if (whole === value) {
        this.#digits(whole)
        return
      }
      // With one decimal no shorter way to write it comes back to the same double: it is what JavaScript writes.
      const tenths = Math.round(value * 10)
      if (tenths <= int32Max && tenths / 10 === value) {
        this.#digits((tenths / 10) | 0)
        this.#bytes[this.#end++] = dot
        this.#bytes[this.#end++] = zero + (tenths % 10)
        return
      }
    }
    this.#end += this.#bytes.write(String(value), this.#end, 'latin1')
  }

  /** A moment in ms, after `bytes`; whole. */
  moment(atMs: number): void {
    if (atMs < 0) {
      this.#bytes[this.#end++] = minus
      this.moment(-atMs)
      return
    }
    const high = Math.floor(atMs / 1e6)
    if (high === 0 || high > int32Max) {
      this.number(atMs)
      return
    }
    this.#digits(high)
    let low = (atMs - high * 1e6) | 0
    for (let at = this.#end + 5; at >= this.#end; at--) {
      const rest = (low / 10) | 0
      this.#bytes[at] = zero + low - rest * 10
      low = rest
    }
    this.#end += 6
  }

  /** After `bytes`. */
  endLine(): void {
    this.#ends.push(this.#end)
    this.#bytes[this.#end++] = lineBreak
  }

  #startOf(index: number): number {
    return index === 0 ? 0 : (this.#ends[index - 1] as number) + 1
  }

  #digits(whole: number): void {
    let digits = 1
    for (let most = 10; digits < 10 && whole >= most; most *= 10) digits += 1
    const end = this.#end + digits
    for (let at = end - 1; at >= this.#end; at--) {
      const rest = (whole / 10) | 0
      this.#bytes[at] = zero + whole - rest * 10
      whole = rest
    }
    this.#end = end
  }

  #makeRoom(bytes: number): void {
    if (this.#end + bytes <= this.#bytes.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#end + bytes))
    this.#bytes.copy(larger, 0, 0, this.#end)
    this.#bytes = larger
  }
}
