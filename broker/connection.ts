/** One connection with what is known of it: who it is, what it may be sent, what it still owes an answer. */
import type { Duplex } from 'node:stream'
import type { Client } from 'aedes'
import type { CodedError } from '../schemas/coded-error.ts'
import { DoorStream, type DoorStreamOptions } from './door-stream.ts'
import type { CertifiedIdentity } from './identity.ts'
import type { GateAnswer } from './ports.ts'

/** A PUBLISH at the gate. Kept in order of arrival: PUBACKs go out in it [MQTT-4.6.0-2]. */
export interface WaitingPublish {
  answer: GateAnswer | undefined
  complete(answer: GateAnswer): void
}

export class Connection extends DoorStream {
  readonly identity: CertifiedIdentity
  /** Set with CONNECT. */
  clientId = ''
  client: Client | undefined
  /** Why CONNECT is refused, found before Aedes can say so. */
  refusal: CodedError | undefined
  /** The code this connection was closed for, counted once. */
  closedFor: string | undefined
  readonly waiting: WaitingPublish[] = []
  /** Topics this client was allowed to publish to: asked once each. */
  readonly allowedTopics = new Set<string>()
  /** Filters it was granted, and those whose SUBACK is on its way. */
  readonly filters = new Set<string>()
  readonly granted = new Set<string>()
  /** Deliveries by packet id, each told whether PUBACK came. */
  readonly deliveries = new Map<number, (isAcknowledged: boolean) => void>()

  constructor(socket: Duplex, identity: CertifiedIdentity, options: DoorStreamOptions) {
    super(socket, options)
    this.identity = identity
  }

  /** Nothing waits at the gate. */
  idle(): Promise<void> {
    if (this.waiting.length === 0 || this.destroyed) return Promise.resolve()
    return new Promise((resolve) => {
      this.once('idle', resolve)
      this.once('close', resolve)
    })
  }
}

export const connectionOf = (client: Client) => client.conn as Connection
