/** One connection with what is known of it: who it is, what it may be sent, what it still owes an answer. */
import type { Duplex } from 'node:stream'
import type { Client } from 'aedes'
import type { CodedError } from '../schemas/coded-error.ts'
import { DoorStream, type DoorStreamOptions } from './door-stream.ts'
import type { CertifiedIdentity } from './identity.ts'
import type { ExpressLane, ExpressSender, GateAnswer, LastWill } from './ports.ts'

/** A PUBLISH at the gate. Kept in order of arrival: PUBACKs go out in it [MQTT-4.6.0-2]. */
export interface WaitingPublish {
  answer: GateAnswer | undefined
  complete(answer: GateAnswer): void
}

/** What a connection on the express lane tells the broker. */
export interface ExpressEvents {
  acknowledge(connection: Connection, packetId: number): void
  /** PUBACKs that are due leave now: one of the long way comes after them. */
  flush(connection: Connection): void
  refused(connection: Connection, error: CodedError): void
}

export class Connection extends DoorStream implements ExpressSender {
  readonly identity: CertifiedIdentity
  /** Set with CONNECT. */
  clientId = ''
  client: Client | undefined
  will: LastWill | undefined
  /** CONNACK is sent. */
  isOnline = false
  /** What its keep-alive allows; 0 for ever. */
  silentMsMax = 0
  /** Why CONNECT is refused, found before Aedes can say so. */
  refusal: CodedError | undefined
  /** The code this connection was closed for, counted once. */
  closedFor: string | undefined
  readonly waiting: WaitingPublish[] = []
  // Made with their first entry: empty they are a tenth of what a connection keeps in objects of ours.
  /** Topics this client was allowed to publish to: asked once each. */
  allowedTopics: Set<string> | undefined
  /** Filters it was granted, and those whose SUBACK is on its way. */
  filters: Set<string> | undefined
  granted: Set<string> | undefined
  /** Deliveries by packet id, each told whether PUBACK came. */
  deliveries: Map<number, (isAcknowledged: boolean) => void> | undefined

  /** The express lane (express-lane.ts): its topics, how many of `inFlight` are on it, PUBACKs that leave with this turn. */
  expressTopics: { bytes: Buffer; topic: string; lane: ExpressLane }[] | undefined
  expressInFlight = 0
  /** The first of those PUBACKs, 0 for none, and the others: most often there is one. */
  dueId = 0
  dueIds: number[] | undefined
  isAcknowledgementDue = false
  readonly #events: ExpressEvents | undefined
  #whenIdle: (() => void) | undefined

  constructor(
    socket: Duplex,
    identity: CertifiedIdentity,
    options: DoorStreamOptions,
    events?: ExpressEvents,
  ) {
    super(socket, options)
    this.identity = identity
    this.#events = events
  }

  override answered(): void {
    if (this.isAcknowledgementDue) this.#events?.flush(this)
    super.answered()
  }

  stored(packetId: number): void {
    this.inFlight -= 1
    this.expressInFlight -= 1
    this.#events?.acknowledge(this, packetId)
  }

  refused(error: CodedError): void {
    this.inFlight -= 1
    this.expressInFlight -= 1
    if (!this.destroyed) this.#events?.refused(this, error)
    else this.tellIfIdle()
  }

  get isIdle(): boolean {
    return this.waiting.length === 0 && this.expressInFlight === 0 && !this.isAcknowledgementDue
  }

  /** Nothing waits at the gate. */
  idle(): Promise<void> {
    if (this.isIdle || this.destroyed) return Promise.resolve()
    return new Promise((resolve) => {
      this.#whenIdle = resolve
      this.once('close', resolve)
    })
  }

  tellIfIdle(): void {
    if (this.#whenIdle !== undefined && this.isIdle) this.#whenIdle()
  }
}

export const connectionOf = (client: Client) => client.conn as Connection
