/**
 * The wire between the gateway and one door: frames both ways over one stream, all of a turn in one write.
 *
 *   0        4       5        9         11              4 + length
 *   | length | kind  | number | small   | rest …        |          little-endian
 *   |  u32   |  u8   |  u32   |  u16    |
 *
 * - The length is of what follows it. `number` is a connection or a question, `small` a packet id or a choice; the rest is
 *   bytes, JSON, or a head in JSON before bytes (messages.ts).
 * - Frames arrive whole and in the order they were written. What a frame lends is valid only while it is handled, but for
 *   the bytes of its chunk, which are nobody else's.
 * - It bounds nothing by itself: `isBusy` says when too much waits for the other end, and `freed` is called when it does not.
 */
import type { Socket } from 'node:net'

/** The frame that is being handled; one object for all. */
export interface Frame {
  kind: number
  number: number
  small: number
  bytes: Buffer
  /** The rest, in `bytes`. */
  from: number
  to: number
}

export interface WireEvents {
  frame(frame: Frame): void
  /** The other end is gone. Told once. */
  closed(): void
  /** It was busy and is not any more. */
  freed?(): void
}

const lengthBytes = 4
const headBytes = 11
const scratchBytes = 256 * 1024
/** Enough for both ends to work side by side; what is more only waits. */
const busyBytes = 1024 * 1024

export class Wire {
  readonly #socket: Socket
  readonly #events: WireEvents
  readonly #frame: Frame
  #rest: Buffer | undefined
  #scratch = Buffer.allocUnsafeSlow(scratchBytes)
  #at = 0
  #isDue = false
  #isAsked = false
  #isClosed = false
  readonly #flushDue = () => {
    this.#isDue = false
    this.flush()
    this.#free()
  }

  constructor(socket: Socket, events: WireEvents) {
    this.#socket = socket
    this.#events = events
    this.#frame = { kind: 0, number: 0, small: 0, bytes: this.#scratch, from: 0, to: 0 }
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('drain', () => this.#free())
    socket.on('error', () => {}) // 'close' follows.
    socket.on('close', () => {
      if (this.#isClosed) return
      this.#isClosed = true
      events.closed()
    })
  }

  /** Bytes the other end has not taken. */
  get waitingBytes(): number {
    return this.#at + this.#socket.writableLength
  }

  isBusy(): boolean {
    if (this.waitingBytes < busyBytes) return false
    this.#isAsked = true
    return true
  }

  /** Begins a frame with `restBytes` to be written at the answered place of `scratch`. */
  begin(kind: number, number: number, small: number, restBytes: number): number {
    const end = this.#at + headBytes + restBytes
    if (end > this.#scratch.length) this.#makeRoom(headBytes + restBytes)
    const scratch = this.#scratch
    const at = this.#at
    scratch.writeUInt32LE(headBytes - lengthBytes + restBytes, at)
    scratch[at + 4] = kind
    scratch.writeUInt32LE(number, at + 5)
    scratch.writeUInt16LE(small, at + 9)
    this.#at = at + headBytes + restBytes
    if (!this.#isDue) {
      this.#isDue = true
      setImmediate(this.#flushDue)
    }
    return at + headBytes
  }

  get scratch(): Buffer {
    return this.#scratch
  }

  send(kind: number, number = 0, small = 0): void {
    this.begin(kind, number, small, 0)
  }

  sendBytes(kind: number, number: number, small: number, rest: Uint8Array): void {
    const at = this.begin(kind, number, small, rest.length)
    this.#scratch.set(rest, at)
  }

  /** Writes what has gathered now. */
  flush(): void {
    if (this.#at === 0) return
    const bytes = Buffer.from(this.#scratch.subarray(0, this.#at))
    this.#at = 0
    if (!this.#isClosed && this.#socket.writable) this.#socket.write(bytes)
  }

  /** Writes what has gathered, and ends this side. */
  end(written: () => void = () => {}): void {
    this.flush()
    this.#socket.end(written)
  }

  destroy(): void {
    this.#socket.destroy()
  }

  /** What has gathered goes out; a frame that is larger than the scratch gets a larger one. */
  #makeRoom(bytes: number): void {
    this.flush()
    if (bytes > this.#scratch.length) this.#scratch = Buffer.allocUnsafeSlow(bytes)
  }

  #free(): void {
    if (!this.#isAsked || this.waitingBytes >= busyBytes) return
    this.#isAsked = false
    this.#events.freed?.()
  }

  #take(chunk: Buffer): void {
    const bytes = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk])
    const frame = this.#frame
    let at = 0
    while (at + headBytes <= bytes.length) {
      const end = at + lengthBytes + bytes.readUInt32LE(at)
      if (end > bytes.length) break
      frame.kind = bytes[at + 4] as number
      frame.number = bytes.readUInt32LE(at + 5)
      frame.small = bytes.readUInt16LE(at + 9)
      frame.bytes = bytes
      frame.from = at + headBytes
      frame.to = end
      this.#events.frame(frame)
      at = end
    }
    this.#rest = at < bytes.length ? bytes.subarray(at) : undefined
  }
}
