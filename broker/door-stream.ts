/**
 * What stands between a socket and Aedes: a stream that knows where an MQTT packet begins and ends.
 *
 *   socket ─▶ frames ─▶ guards ─▶ (lanes may take a frame) ─▶ read() by Aedes
 *   socket ◀──────────── one write per turn ◀──────────────── write() by Aedes
 *
 * - Aedes sees whole packets only, none larger than the limit (mqtt-packet has none of its own), and nothing after
 *   CONNECT until the connection is open.
 * - Never more than `inFlightMax` PUBLISHes are inside Aedes and the gate; the rest waits here, and the socket is
 *   not read when enough waits. Aedes alone would go on reading: each 'readable' lowers its batch counter.
 * - Packets written within one turn leave as one chunk.
 * - It does not parse beyond the fixed header and the packet id of a PUBACK.
 */
import { Duplex } from 'node:stream'
import { MsgTooLarge, ProtocolRefused } from './errors.ts'

export const packetType = { connect: 1, publish: 3, puback: 4, pingreq: 12, pingresp: 13 } as const

/** Takes a frame out of the stream: true when Aedes is not to see it. */
export type FrameLane = (frame: Buffer, type: number, headerBytes: number) => boolean

export interface DoorStreamOptions {
  readonly packetBytesMax: number
  readonly connectBytesMax: number
  readonly inFlightMax: number
  /** Asked for each frame after CONNECT, in order. */
  readonly lane?: FrameLane
}

/** How long a closed connection may take to send what was written last (a CONNACK that refuses). */
const lingerMs = 1_000
const remainingLengthBytesMax = 4 // [MQTT-2.2.3]

export class DoorStream extends Duplex {
  /** PUBLISHes that Aedes has been given and the gate has not answered. */
  inFlight = 0
  readonly #socket: Duplex
  readonly #options: DoorStreamOptions
  #rest: Buffer | undefined
  #isOpen = false
  #hasConnect = false
  #wantsMore = true
  #writeDone: ((error?: Error | null) => void) | undefined

  constructor(socket: Duplex, options: DoorStreamOptions) {
    super({ allowHalfOpen: false, decodeStrings: true, emitClose: true })
    this.#socket = socket
    this.#options = options
    socket.on('data', (chunk: Buffer) => this.#take(chunk))
    socket.on('end', () => this.push(null))
    socket.on('error', (error) => this.destroy(error))
    socket.on('close', () => this.destroy())
    socket.on('drain', () => this.#written())
  }

  /** CONNACK is sent: what waits behind CONNECT may pass. */
  open(): void {
    this.#isOpen = true
    this.#pass()
  }

  /** The gate has answered one PUBLISH. */
  answered(): void {
    this.inFlight -= 1
    if (this.#rest !== undefined) this.#pass()
  }

  /** Bytes the peer has not taken yet. */
  get waitingBytes(): number {
    return this.writableLength + this.#socket.writableLength
  }

  override _read(): void {
    this.#wantsMore = true
    if (this.#rest !== undefined) this.#pass()
    else if (this.#socket.isPaused()) this.#socket.resume()
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#send(chunk, done)
  }

  override _writev(
    chunks: { chunk: Buffer; encoding: string }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#send(Buffer.concat(chunks.map(({ chunk }) => chunk)), done)
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#socket.end()
    done()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#rest = undefined
    const socket = this.#socket
    const isStuck = this.#writeDone !== undefined
    this.#written()
    if (isStuck || socket.destroyed) socket.destroy()
    else {
      // A refusal must still arrive; who does not take it has a second.
      socket.resume()
      socket.end()
      const timer = setTimeout(() => socket.destroy(), lingerMs)
      timer.unref()
      socket.once('close', () => clearTimeout(timer))
    }
    done(error)
  }

  #send(bytes: Buffer, done: (error?: Error | null) => void): void {
    if (this.#socket.destroyed || this.#socket.writableEnded || this.#socket.write(bytes)) done()
    else this.#writeDone = done
  }

  #written(): void {
    const done = this.#writeDone
    this.#writeDone = undefined
    done?.()
  }

  #take(chunk: Buffer): void {
    if (this.destroyed) return
    this.#rest = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk])
    this.#pass()
  }

  /** Hands on all whole frames the window allows, as one chunk where they lie together. */
  #pass(): void {
    const bytes = this.#rest
    if (bytes === undefined || this.destroyed) return
    let at = 0
    let from = 0
    let isBlocked = false
    while (at < bytes.length) {
      if (this.#hasConnect && !this.#isOpen) isBlocked = true
      const type = bytes[at]! >> 4
      if (type === packetType.publish && this.inFlight >= this.#options.inFlightMax)
        isBlocked = true
      if (isBlocked || !this.#wantsMore) break
      if (!this.#hasConnect && type !== packetType.connect) {
        this.destroy(ProtocolRefused('a packet before CONNECT'))
        return
      }
      const frame = this.#measure(bytes, at)
      if (frame === undefined) break
      if (frame === 'refused') return
      const end = at + frame.headerBytes + frame.length
      if (end > bytes.length) break
      this.#hasConnect = true
      if (this.#isOpen && this.#options.lane?.(bytes.subarray(at, end), type, frame.headerBytes)) {
        if (at > from) this.#forward(bytes.subarray(from, at))
        from = end
      } else if (type === packetType.publish) this.inFlight += 1
      at = end
    }
    this.#rest = at < bytes.length ? bytes.subarray(at) : undefined
    if (at > from) this.#forward(bytes.subarray(from, at))
    this.#balance(isBlocked)
  }

  #forward(bytes: Buffer): void {
    this.#wantsMore = this.push(bytes)
  }

  /** The socket is read while there is room: not while whole frames wait here. */
  #balance(isBlocked: boolean): void {
    const hasRoom = !isBlocked && this.#wantsMore
    if (hasRoom && this.#socket.isPaused()) this.#socket.resume()
    else if (!hasRoom && !this.#socket.isPaused()) this.#socket.pause()
  }

  /** The fixed header at `at`; undefined when it is not all here. */
  #measure(
    bytes: Buffer,
    at: number,
  ): { headerBytes: number; length: number } | 'refused' | undefined {
    let length = 0
    let shift = 0
    for (let i = 0; i < remainingLengthBytesMax; i += 1) {
      const byte = bytes[at + 1 + i]
      if (byte === undefined) return undefined
      length += (byte & 0x7f) << shift
      if (byte < 0x80) {
        const headerBytes = 2 + i
        const { packetBytesMax, connectBytesMax } = this.#options
        const limit = this.#hasConnect ? packetBytesMax : connectBytesMax
        if (headerBytes + length <= limit) return { headerBytes, length }
        this.destroy(MsgTooLarge(headerBytes + length, limit))
        return 'refused'
      }
      shift += 7
    }
    this.destroy(ProtocolRefused('a remaining length of more than four bytes'))
    return 'refused'
  }
}
