/**
 * What the doors need of others, in shapes: a gate and an observer as the broker has them, a listening socket, and the
 * broker in the gateway's own process for streams that do not come through the port.
 */
import type { Duplex } from 'node:stream'
import type { CodedError } from '../../schemas/coded-error.ts'

export interface Identity {
  readonly role: 'device' | 'center' | 'operator' | 'priority' | 'emergency' | 'simulator'
  readonly name: string
  readonly serial: string
}

export interface Arrival {
  readonly identity: Identity
  readonly clientId: string
  readonly topic: string
  readonly payload: Buffer
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  readonly dup: boolean
}

export type GateAnswer =
  | { readonly kind: 'acknowledge'; readonly forward: boolean }
  | { readonly kind: 'close'; readonly error: CodedError }

export interface ExpressSender {
  stored(packetId: number): void
  refused(error: CodedError): void
}

export interface ExpressLane {
  admit(bytes: Buffer, from: number, to: number, sender: ExpressSender, packetId: number): boolean
  readonly isGone: boolean
}

/** Answers of one connection on the express lane come in order, and in order with those of `admit`. */
export interface Gate {
  admit(arrival: Arrival, answer: (answer: GateAnswer) => void): void
  express(identity: Identity, topic: string): ExpressLane | undefined
}

export interface ConnectionObserver {
  clientReady(clientId: string, identity: Identity): void
  clientGone(clientId: string, identity: Identity): void
}

/** What is to be said for a client that ends without a word. */
export interface LastWill extends Sending {
  readonly topic: string
  readonly payload: Buffer
}

export type DeliveryOutcome = 'delivered' | 'offline' | 'timeout'

export interface Sending {
  readonly qos: 0 | 1
  readonly retain: boolean
}

/** The broker in this process: the page's streams come here. It has no port of its own. */
export interface InnerBroker {
  start(signal: AbortSignal): Promise<void>
  stop(deadlineMs: number): Promise<void>
  relay(topic: string, payload: Buffer, sending: Sending): void
  acceptStream(stream: Duplex, identity: Identity): void
  disconnect(clientId: string): boolean
  reloadCredentials(): Promise<void>
}

/** The listening socket. It reads nothing of what it hands on. */
export interface Port {
  listen(): Promise<void>
  address(): { readonly host: string; readonly port: number }
  close(): void
}
