/**
 * One life of a door process, seen from the gateway: the child, the wire to it, and all its connections. When the child ends
 * all of it ends with it; whoever wants another door makes another link.
 *
 *   fork ▶ open … opened ▶ sockets handed over ▶ … ▶ stop, or its death ▶ ended
 *
 * - Its connections leave in order: who could be commanded cannot be any more, wills are judged, client ids are free, a
 *   delivery under way is a timeout. What they had at the gate is judged all the same; who is not acknowledged sends again.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { Socket } from 'node:net'
import type { Log } from '../kit/log.ts'
import { errorOf } from '../kit/plain-error.ts'
import { type Instruments, playLine, playValues } from '../kit/relay.ts'
import type { Audience, Place } from './audience.ts'
import type { ClientIds } from './client-ids.ts'
import { DoorUnavailable } from './errors.ts'
import {
  type DeliverHead,
  type DoorStart,
  type KnownHead,
  kind,
  type LineHead,
  outcomes,
  type ReaderHead,
  type RelayHead,
  type ReportHead,
  readHeaded,
  readJson,
  sendHeaded,
  sendJson,
  type WillHead,
} from './messages.ts'
import type { DeliveryOutcome, Gate, Sending } from './ports.ts'
import { RemoteConnection, type RemoteDoor } from './remote-connection.ts'
import { type Frame, Wire } from './wire.ts'

export interface DoorLinkOptions {
  readonly start: DoorStart
  readonly gate: Gate
  readonly audience: Audience<Place>
  readonly clientIds: ClientIds<RemoteConnection<DoorLink>>
  readonly log: Log
  readonly instruments: Instruments
  ready(connection: RemoteConnection<DoorLink>): void
  unready(connection: RemoteConnection<DoorLink>): void
  nowMs(): number
  /** Called once, when nothing of it is left. */
  ended(): void
}

const program = new URL('./door-process.ts', import.meta.url)
/** Where the child finds its end of the wire: after stdin, stdout, stderr and the channel that sockets are handed over by. */
export const wireFd = 4
/** What may wait for a door that does not read, before it is ended. */
const waitingBytesMax = 64 * 1024 * 1024

export class DoorLink implements RemoteDoor {
  readonly wire: Wire
  readonly opened: Promise<void>
  /** Nothing of it is left. */
  readonly gone: Promise<void>
  /** TCP connections it has. */
  sockets = 0
  isOpen = false
  /** Since somebody looked. */
  hasReported = true
  readonly #options: DoorLinkOptions
  readonly #child: ChildProcess
  readonly #opening = Promise.withResolvers<void>()
  readonly #connections = new Map<number, RemoteConnection<DoorLink>>()
  readonly #ready = new Set<RemoteConnection<DoorLink>>()
  readonly #questions = new Map<number, (answer: number) => void>()
  readonly #ending = Promise.withResolvers<void>()
  #lastQuestion = 0
  #isStopping = false
  #hasEnded = false

  constructor(options: DoorLinkOptions) {
    this.#options = options
    this.opened = this.#opening.promise
    this.gone = this.#ending.promise
    this.opened.catch(() => {}) // Whoever waits for it is told; nobody must.
    // It writes nothing to stdout, which is the gateway's; a last word goes to stderr.
    this.#child = fork(program, [], { stdio: ['ignore', 'ignore', 'inherit', 'ipc', 'pipe'] })
    this.#child.on('error', (error) => this.#end(error.message))
    this.#child.on('close', (code, signal) => this.#end(`it ended with ${signal ?? code}`))
    // A child that could not be started at all may have no pipes; its end is told like any other.
    const pipe = (this.#child.stdio as ChildProcess['stdio'] | undefined)?.[wireFd]
    this.wire = new Wire(pipe instanceof Socket ? pipe : new Socket(), {
      frame: (frame) => this.#take(frame),
      closed: () => {},
    })
    sendJson(this.wire, kind.open, 0, options.start)
  }

  get at(): number {
    return this.#options.start.at
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** A connection of which nothing has been read. */
  hand(socket: Socket): void {
    this.sockets += 1
    this.#child.send('socket', socket, (error) => {
      if (error === null) return
      this.sockets -= 1
      socket.destroy()
    })
  }

  relay(topic: string, payload: Buffer, { qos, retain }: Sending): void {
    if (this.wire.waitingBytes > waitingBytesMax) {
      this.kill('it does not read')
      return
    }
    const head: RelayHead = { topic, qos, retain, nowMs: this.#options.nowMs() }
    sendHeaded(this.wire, kind.relay, 0, head, payload)
  }

  async deliver(
    node: string,
    topic: string,
    payload: Buffer,
    timeoutMs: number,
  ): Promise<DeliveryOutcome | undefined> {
    const head: DeliverHead = { node, topic, timeoutMs, nowMs: this.#options.nowMs() }
    return outcomes[await this.#ask((id) => sendHeaded(this.wire, kind.deliver, id, head, payload))]
  }

  async reload(): Promise<void> {
    await this.#ask((id) => this.wire.send(kind.reload, id))
  }

  disconnect(clientId: string): void {
    sendJson(this.wire, kind.disconnect, 0, clientId)
  }

  async stop(deadlineMs: number): Promise<void> {
    if (this.#hasEnded) return
    this.#isStopping = true
    this.wire.send(kind.stop, Math.max(0, Math.floor(deadlineMs)))
    const late = setTimeout(() => this.#child.kill('SIGKILL'), deadlineMs)
    await this.gone
    clearTimeout(late)
  }

  kill(why: string): void {
    this.#options.log.error({ door: this.at, reason: why }, 'a door process is ended')
    this.#child.kill('SIGKILL')
  }

  /** The answer, or -1 when the door ended first. */
  #ask(put: (id: number) => void): Promise<number> {
    if (this.#hasEnded) return Promise.resolve(-1)
    return new Promise((resolve) => {
      this.#lastQuestion += 1
      this.#questions.set(this.#lastQuestion, resolve)
      put(this.#lastQuestion)
    })
  }

  #take(frame: Frame): void {
    const { number, small } = frame
    if (frame.kind === kind.publish) {
      this.#connections.get(number)?.take(frame)
      return
    }
    switch (frame.kind) {
      case kind.opened:
        this.isOpen = true
        this.#options.audience.join(this)
        this.#opening.resolve()
        break
      case kind.failed:
        this.#opening.reject(errorOf(readJson(frame), (why) => DoorUnavailable(this.at, why)))
        break
      case kind.delivered:
      case kind.done:
        this.#questions.get(number)?.(small)
        this.#questions.delete(number)
        break
      case kind.left:
        this.sockets -= number
        break
      case kind.reader: {
        const { filter, isRead } = readJson<ReaderHead>(frame)
        this.#options.audience.readerChanged(this, filter, isRead)
        break
      }
      case kind.report:
        this.hasReported = true
        playValues(this.#options.instruments, readJson<ReportHead>(frame).values)
        break
      case kind.line:
        playLine(this.#options.log, readJson<LineHead>(frame))
        break
      case kind.known: {
        const who = readJson<KnownHead>(frame)
        this.#connections.set(number, new RemoteConnection(number, who, this, this.#options))
        break
      }
      case kind.will: {
        const { head, payload } = readHeaded<WillHead>(frame)
        const connection = this.#connections.get(number)
        if (connection) connection.will = { ...head, payload: Buffer.from(payload) }
        break
      }
      default:
        this.#takeLifeOf(this.#connections.get(number), frame.kind)
    }
  }

  #takeLifeOf(connection: RemoteConnection<DoorLink> | undefined, kindOf: number): void {
    if (connection === undefined) return
    switch (kindOf) {
      case kind.claim:
        this.#options.clientIds.claim(connection)
        break
      case kind.ready:
        this.#ready.add(connection)
        this.#options.ready(connection)
        break
      case kind.unready:
        if (this.#ready.delete(connection)) this.#options.unready(connection)
        break
      case kind.released:
        this.#connections.delete(connection.number)
        this.#options.clientIds.release(connection)
    }
  }

  #end(why: string): void {
    if (this.#hasEnded) return
    this.#hasEnded = true
    this.isOpen = false
    this.sockets = 0
    this.wire.destroy()
    this.#opening.reject(DoorUnavailable(this.at, why))
    const { audience, clientIds } = this.#options
    audience.leave(this)
    for (const connection of this.#ready) this.#options.unready(connection)
    const connections = [...this.#connections.values()]
    // Before the ids are free: nobody is online again before it was offline.
    for (const connection of connections)
      if (!this.#isStopping && clientIds.holder(connection.clientId) === connection)
        connection.sayWill()
    for (const connection of connections) clientIds.release(connection)
    for (const answer of this.#questions.values()) answer(-1)
    this.#connections.clear()
    this.#ending.resolve()
    this.#options.ended()
  }
}
