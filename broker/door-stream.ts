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
export type FrameLane = (
  frame: Buffer,
  type: number,
  headerBytes: number,
  stream: DoorStream,
) => boolean

/** One object for all connections. */
export interface DoorStreamOptions {
  readonly packetBytesMax: number
  readonly connectBytesMax: number
  readonly inFlightMax: number
  /** Asked for each frame after CONNECT, in order. */
  readonly lane?: FrameLane
  /** No PUBLISH passes as long as it says so; then `goOn`. */
  readonly isBusy?: (() => boolean) | undefined
  /** Asked for each PUBLISH that has nothing before it on the way to Aedes. */
  readonly express?: ExpressDoor
}

/** Takes a PUBLISH that stands at `at` and ends before `end`: true when Aedes is not to see it. */
export interface ExpressDoor {
  take(bytes: Buffer, at: number, headerBytes: number, end: number, stream: DoorStream): boolean
}

/** How long a closed connection may take to send what was written last (a CONNACK that refuses). */
const lingerMs = 1_000
/** How long what a peer sent before it left may take to pass the gate. */
const farewellMs = 5_000
const remainingLengthBytesMax = 4 // [MQTT-2.2.3]
const nothing = Buffer.alloc(0)
/** Beyond it a peer that does not read is looked at more closely. */
const waitingBytesMax = 16_384
/** In place of a remaining length. */
const incomplete = -1
const refused = -2

type Done = (error?: Error | null) => void

/** A socket that knows whose it is: all share one set of listeners, where closures would be five a connection. */
interface DoorSocket extends Duplex {
  doorStream: DoorStream
}

export class DoorStream extends Duplex {
  /** PUBLISHes that Aedes has been given and the gate has not answered. */
  inFlight = 0
  /** When the last whole packet came, on a clock of whole milliseconds that wraps round. */
  #heardAtMs = wholeMs()
  readonly #socket: Duplex
  readonly #options: DoorStreamOptions
  /** What came and was not passed on: at least the beginning of a frame. */
  #rest: Buffer | undefined
  /** Holds #rest at its end when that grew over several chunks. */
  #store: Buffer | undefined
  #storeEnd = 0
  #isOpen = false
  #isHalted = false
  #isPassing = false
  #hasConnect = false
  #hasEnded = false
  #wantsMore = true
  /** The socket is read. */
  #isReading = true
  /** Something was passed on to Aedes; it may have taken it since. */
  #hasForwarded = false
  /** Aedes has written; it may have left since. */
  #hasWritten = false
  /** After the last PUBACKs much was waiting; it may have left since. */
  #mayBeFull = false
  #isClosed = false
  /** Length of the fixed header measured last. */
  #headerBytes = 0
  #writeDone: Done | undefined

  constructor(socket: Duplex, options: DoorStreamOptions) {
    super({ allowHalfOpen: false })
    this.#socket = socket
    this.#options = options
    ;(socket as DoorSocket).doorStream = this
    const { data, end, error, close, drain } = DoorStream.#listeners
    socket.on('data', data)
    socket.on('end', end)
    socket.on('error', error)
    socket.on('close', close)
    socket.on('drain', drain)
  }

  static readonly #listeners = {
    data(this: DoorSocket, chunk: Buffer) {
      this.doorStream.#take(chunk)
    },
    end(this: DoorSocket) {
      this.doorStream.#hasEnded = true
      this.doorStream.#pass()
    },
    error(this: DoorSocket, error: Error) {
      this.doorStream.destroy(error)
    },
    close(this: DoorSocket) {
      this.doorStream.#bidFarewell()
    },
    drain(this: DoorSocket) {
      this.doorStream.#written()
    },
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

  /** PUBLISHes taken by the express door have been answered, all of one turn; `inFlight` says so already. */
  answeredExpress(acknowledgements: Buffer | undefined): void {
    if (this.#isClosed) return
    if (acknowledgements !== undefined) {
      const socket = this.#socket
      // Past Aedes' own packets where none of them waits: one write, one record.
      if (this.#hasOutput()) this.write(acknowledgements)
      else if (!socket.destroyed && !socket.writableEnded) {
        socket.write(acknowledgements)
        if (socket.writableLength > waitingBytesMax) this.#mayBeFull = true
      }
    }
    if (this.#rest !== undefined) this.#pass()
  }

  /** The peer does not take what is written to it. */
  get isFull(): boolean {
    if (!this.#mayBeFull && this.#writeDone === undefined) return false
    this.#mayBeFull = this.waitingBytes > waitingBytesMax
    return this.#mayBeFull
  }

  /** How long no whole packet has come. */
  silentMs(): number {
    return (wholeMs() - this.#heardAtMs) | 0
  }

  /** Who was busy is free again. */
  goOn(): void {
    if (this.#rest !== undefined) this.#pass()
  }

  /** Lets nothing more in; what is inside may still be answered. */
  halt(): void {
    this.#isHalted = true
    this.#isReading = false
    this.#socket.pause()
  }

  /** Bytes the peer has not taken yet. */
  get waitingBytes(): number {
    return this.writableLength + this.#socket.writableLength
  }

  override _read(): void {
    this.#wantsMore = true
    this.#pass()
  }

  override write(chunk: Buffer | string, encoding?: BufferEncoding | Done, done?: Done): boolean {
    this.#hasWritten = true
    return super.write(chunk, encoding as BufferEncoding, done)
  }

  override _write(chunk: Buffer, _encoding: string, done: Done): void {
    this.#send(chunk, done)
  }

  override _writev(chunks: { chunk: Buffer; encoding: string }[], done: Done): void {
    this.#send(Buffer.concat(chunks.map(({ chunk }) => chunk)), done)
  }

  override _final(done: Done): void {
    this.#socket.end()
    done()
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#isClosed = true
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

  #send(bytes: Buffer, done: Done): void {
    if (this.#socket.destroyed || this.#socket.writableEnded || this.#socket.write(bytes)) done()
    else this.#writeDone = done
  }

  #hasOutput(): boolean {
    if (this.#writeDone !== undefined) return true
    if (this.#hasWritten) this.#hasWritten = this.writableLength > 0
    return this.#hasWritten
  }

  #written(): void {
    const done = this.#writeDone
    this.#writeDone = undefined
    done?.()
  }

  /** What the peer sent before it closed is still worth hearing: a reading at QoS 0, a DISCONNECT. */
  #bidFarewell(): void {
    if (!this.#hasEnded || this.#isClosed) {
      this.destroy()
      return
    }
    const timer = setTimeout(() => this.destroy(), farewellMs)
    timer.unref()
    this.once('close', () => clearTimeout(timer))
  }

  #take(chunk: Buffer): void {
    if (this.#isClosed) return
    this.#rest = this.#rest === undefined ? chunk : this.#append(this.#rest, chunk)
    this.#pass()
  }

  /** Many small chunks of one frame must not be copied again and again: the store doubles. */
  #append(rest: Buffer, chunk: Buffer): Buffer {
    const isStored = this.#store !== undefined && rest.buffer === this.#store.buffer
    let store = this.#store
    if (store === undefined || !isStored || this.#storeEnd + chunk.length > store.length) {
      store = Buffer.allocUnsafeSlow(2 * (rest.length + chunk.length))
      rest.copy(store)
      this.#store = store
      this.#storeEnd = rest.length
    }
    chunk.copy(store, this.#storeEnd)
    this.#storeEnd += chunk.length
    return store.subarray(this.#storeEnd - rest.length - chunk.length, this.#storeEnd)
  }

  /** Hands on all whole frames the window allows, as one chunk where they lie together. */
  #pass(): void {
    if (this.#isClosed || this.#isPassing) return
    this.#isPassing = true // A lane may answer at once; the loop below sees the window as it then is.
    const isBlocked = this.#passFrames(this.#rest ?? nothing)
    this.#isPassing = false
    if (!this.#isClosed) this.#balance(isBlocked)
  }

  /** True when a whole frame may be waiting that must not pass yet. */
  #passFrames(bytes: Buffer): boolean {
    let at = 0
    let from = 0
    const { express, lane } = this.#options
    while (at < bytes.length && this.#mayPass(bytes[at]! >> 4)) {
      const length = this.#measure(bytes, at)
      if (length === incomplete) break
      if (length === refused) return true
      const headerBytes = this.#headerBytes
      const end = at + headerBytes + length
      if (end > bytes.length) break
      const type = bytes[at]! >> 4
      this.#hasConnect = true
      const isPublish = type === packetType.publish
      if (isPublish) this.inFlight += 1
      const isFirst = isPublish && at === from && this.#isOpen && !this.#hasInput()
      if (isFirst && express?.take(bytes, at, headerBytes, end, this)) from = end
      else if (this.#isOpen && lane?.(bytes.subarray(at, end), type, headerBytes, this)) {
        if (isPublish) this.inFlight -= 1
        if (at > from) this.#forward(bytes.subarray(from, at))
        from = end
      }
      at = end
    }
    if (at > 0) this.#heardAtMs = wholeMs()
    const isBlocked = at < bytes.length && !this.#mayPass(bytes[at]! >> 4)
    if (at > from) this.#forward(bytes.subarray(from, at))
    this.#rest = at < bytes.length ? bytes.subarray(at) : undefined
    if (this.#rest === undefined) this.#store = undefined
    return isBlocked
  }

  #mayPass(type: number): boolean {
    if (!this.#wantsMore || this.#isHalted) return false
    if (this.#hasConnect && !this.#isOpen) return false
    if (type !== packetType.publish) return true
    const { inFlightMax, isBusy } = this.#options
    return this.inFlight < inFlightMax && !isBusy?.()
  }

  /** Aedes has not taken all that was passed on to it. */
  #hasInput(): boolean {
    if (this.#hasForwarded) this.#hasForwarded = this.readableLength > 0
    return this.#hasForwarded
  }

  #forward(bytes: Buffer): void {
    this.#hasForwarded = true
    this.#wantsMore = this.push(bytes)
  }

  /** The socket is read while there is room: not while whole frames wait here. */
  #balance(isBlocked: boolean): void {
    if (this.#hasEnded) {
      if (!isBlocked) this.push(null) // A frame that is not whole now never will be.
      return
    }
    const hasRoom = !isBlocked && this.#wantsMore && !this.#isHalted
    if (hasRoom === this.#isReading) return
    this.#isReading = hasRoom
    if (hasRoom) this.#socket.resume()
    else this.#socket.pause()
  }

  /** The remaining length after the fixed header at `at`, whose own length goes to #headerBytes. */
  #measure(bytes: Buffer, at: number): number {
    if (!this.#hasConnect && bytes[at]! >> 4 !== packetType.connect) {
      this.destroy(ProtocolRefused('a packet before CONNECT'))
      return refused
    }
    let length = 0
    let shift = 0
    for (let i = 0; i < remainingLengthBytesMax; i += 1) {
      const byte = bytes[at + 1 + i]
      if (byte === undefined) return incomplete
      length += (byte & 0x7f) << shift
      if (byte < 0x80) {
        const headerBytes = 2 + i
        const { packetBytesMax, connectBytesMax } = this.#options
        const limit = this.#hasConnect ? packetBytesMax : connectBytesMax
        this.#headerBytes = headerBytes
        if (headerBytes + length <= limit) return length
        this.destroy(MsgTooLarge(headerBytes + length, limit))
        return refused
      }
      shift += 7
    }
    this.destroy(ProtocolRefused('a remaining length of more than four bytes'))
    return refused
  }
}

/** A small integer, which a field holds without a box; differences are right across the wrap. */
const wholeMs = () => performance.now() | 0
