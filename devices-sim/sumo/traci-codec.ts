/**
 * The bytes of TraCI, SUMO's control protocol: big-endian, length-prefixed, every value preceded by its type.
 *
 *   message:  | total length i32 | command … | command … |
 *   command:  | length u8 | id u8 | content … |      or, over 255 bytes:  | 0 u8 | length i32 | id u8 | content … |
 *
 * Pure: bytes in, bytes out. Knows the types the simulator uses and refuses any other by name.
 */
import { Buffer } from 'node:buffer'

export const typeByte = {
  position2d: 0x01,
  position3d: 0x03,
  polygon: 0x06,
  ubyte: 0x07,
  byte: 0x08,
  int: 0x09,
  double: 0x0b,
  string: 0x0c,
  stringList: 0x0e,
  compound: 0x0f,
  doubleList: 0x10,
  color: 0x11,
} as const

/** A compound is a list of values, nested as the sender nested it. Shapes come back as lists of numbers. */
export type TraciValue = number | string | readonly TraciValue[]

/** Grows a command's content value by value; `command` adds the length and the id. */
export class TraciWriter {
  readonly #chunks: Buffer[] = []

  u8(value: number): this {
    this.#chunks.push(Buffer.from([value]))
    return this
  }

  i32(value: number): this {
    const bytes = Buffer.allocUnsafe(4)
    bytes.writeInt32BE(value)
    this.#chunks.push(bytes)
    return this
  }

  f64(value: number): this {
    const bytes = Buffer.allocUnsafe(8)
    bytes.writeDoubleBE(value)
    this.#chunks.push(bytes)
    return this
  }

  string(value: string): this {
    const bytes = Buffer.from(value, 'latin1')
    this.i32(bytes.length)
    this.#chunks.push(bytes)
    return this
  }

  typedString(value: string): this {
    return this.u8(typeByte.string).string(value)
  }

  command(id: number): Buffer {
    const content = Buffer.concat(this.#chunks)
    const short = content.length + 2
    if (short <= 255) return Buffer.concat([Buffer.from([short, id]), content])
    const head = Buffer.alloc(6)
    head.writeInt32BE(content.length + 6, 1)
    head.writeUInt8(id, 5)
    return Buffer.concat([head, content])
  }
}

/** Reads one reply from its first byte to its last; positions only ever move forward. */
export class TraciReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  hasMore(): boolean {
    return this.#at < this.#bytes.length
  }

  u8(): number {
    const value = this.#bytes.readUInt8(this.#at)
    this.#at += 1
    return value
  }

  i32(): number {
    const value = this.#bytes.readInt32BE(this.#at)
    this.#at += 4
    return value
  }

  f64(): number {
    const value = this.#bytes.readDoubleBE(this.#at)
    this.#at += 8
    return value
  }

  string(): string {
    const length = this.i32()
    const value = this.#bytes.toString('latin1', this.#at, this.#at + length)
    this.#at += length
    return value
  }

  /** The length in front of a command: one byte, or zero and four. */
  commandLength(): number {
    return this.u8() || this.i32()
  }

  value(): TraciValue {
    const type = this.u8()
    switch (type) {
      case typeByte.ubyte:
        return this.u8()
      case typeByte.byte: {
        const value = this.u8()
        return value > 127 ? value - 256 : value
      }
      case typeByte.int:
        return this.i32()
      case typeByte.double:
        return this.f64()
      case typeByte.string:
        return this.string()
      case typeByte.stringList:
        return Array.from({ length: this.i32() }, () => this.string())
      case typeByte.doubleList:
        return Array.from({ length: this.i32() }, () => this.f64())
      case typeByte.compound:
        return Array.from({ length: this.i32() }, () => this.value())
      case typeByte.position2d:
        return [this.f64(), this.f64()]
      case typeByte.position3d:
        return [this.f64(), this.f64(), this.f64()]
      case typeByte.polygon:
        return Array.from({ length: this.commandLength() * 2 }, () => this.f64())
      case typeByte.color:
        return [this.u8(), this.u8(), this.u8(), this.u8()]
      default:
        throw new Error(`TraCI value of unknown type 0x${type.toString(16)}`)
    }
  }
}
