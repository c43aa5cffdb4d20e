/**
 * What the broker needs of the house: somebody who judges each publish, and somebody who is told who comes
 * and goes. The broker knows MQTT and identities, nothing of traffic.
 */
import type { CodedError } from '../schemas/coded-error.ts'

export type Role = 'device' | 'center' | 'operator' | 'priority' | 'emergency' | 'simulator'

/** Who a certificate says it is. Each connection has an object of its own. */
export interface Identity {
  readonly role: Role
  /** Common name: the client id and topic prefix of a device; the zone of a simulator. */
  readonly name: string
  /** Serial number of the certificate, lower-case hex. */
  readonly serial: string
}

/** A publish that passed the ACL. */
export interface Arrival {
  readonly identity: Identity
  /** MQTT client id: for devices and simulators the node that speaks. */
  readonly clientId: string
  readonly topic: string
  /** Valid only until the answer is given; copy what must live longer. */
  readonly payload: Buffer
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  readonly dup: boolean
}

/**
 * acknowledge: PUBACK, and pass on to subscribers when `forward` (never for duplicate or quarantined).
 * close: no PUBACK; the connection is closed for the reason given.
 */
export type GateAnswer =
  | { readonly kind: 'acknowledge'; readonly forward: boolean }
  | { readonly kind: 'close'; readonly error: CodedError }

/**
 * Judges each publish of a client, and wills, before anything else happens to it. `answer` is called exactly
 * once, at once or later: PUBACK waits for it, and while it is withheld the connection is not read further.
 * Arrivals of one connection are judged in order; answers may come in any order, PUBACKs keep theirs.
 */
export interface PublishGate {
  /** It wants nothing more just now: PUBLISHes wait at their connections until the broker is told to `goOn`. */
  isBusy?(): boolean
  admit(arrival: Arrival, answer: (answer: GateAnswer) => void): void
  /**
   * The short way for a topic this identity was allowed to use before; undefined where there is none. Only QoS 0 and 1,
   * never retained, never with subscribers waiting for it.
   */
  express?(identity: Identity, topic: string): ExpressLane | undefined
}

/**
 * One topic at the gate, for messages straight from the bytes of a chunk. True: taken, and its sender will be told once;
 * senders are told in the order of all arrivals at the gate. False: out of the ordinary, and nothing has happened; admit judges it.
 */
export interface ExpressLane {
  admit(bytes: Buffer, from: number, to: number, sender: ExpressSender, packetId: number): boolean
  /** The gate has forgotten the topic: it takes nothing any more, ask for another lane. */
  readonly isGone: boolean
}

export interface ExpressSender {
  /** It is on disk: PUBACK. The packet id is 0 for a message of QoS 0. */
  stored(packetId: number): void
  /** It could not be kept: the connection ends, no PUBACK. */
  refused(error: CodedError): void
}

/** What is to be said for a client that ends without a word [MQTT-3.1.2-8]. */
export interface LastWill {
  readonly topic: string
  readonly payload: Buffer
  readonly qos: 0 | 1
  readonly retain: boolean
}

/**
 * Client ids, where several brokers serve one port: a client may be connected to another of them. `begin` is called when
 * nobody else has the id; `end` when a newer connection elsewhere has come for it, also before `begin`. The
 * will is for whoever survives the broker: while it lives it brings wills to the gate itself.
 */
export interface ClientRegistry {
  claim(
    identity: Identity,
    clientId: string,
    claim: {
      readonly begin: () => void
      readonly end: () => void
      readonly will: LastWill | undefined
    },
  ): void
  /** The connection has ended, and its will is at the gate. */
  release(identity: Identity): void
}

export interface ConnectionObserver {
  /** A device (or simulated device) is connected and has subscribed to its commands: it can be commanded. */
  clientReady(clientId: string, identity: Identity): void
  clientGone(clientId: string, identity: Identity): void
}

/** How a QoS 1 delivery to one client ended. */
export type DeliveryOutcome = 'delivered' | 'offline' | 'timeout'
