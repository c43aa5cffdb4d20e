/**
 * What is said on the wire: the kinds of frames, and how those that are not `publish` are written down.
 *
 *   door ▶ gateway   opened failed   known will claim released   publish   ready unready reader   delivered   left report line done
 *   gateway ▶ door   open            granted end                 stored refused answer            deliver relay disconnect
 *                                                                                                  reload stop
 *
 * A connection has a number of its door's, never used again while the door lives. `known` comes before anything else of it.
 */
import type { RelayedLine, RelayedValue } from '../kit/relay.ts'
import type { DeliveryOutcome, Identity, Sending } from './ports.ts'
import type { Frame, Wire } from './wire.ts'

export const kind = {
  opened: 1,
  failed: 2,
  /** Who a connection is. */
  known: 3,
  /** It wants its client id. */
  claim: 4,
  /** It has ended. */
  released: 5,
  publish: 6,
  ready: 7,
  unready: 8,
  reader: 9,
  delivered: 10,
  /** So many TCP connections have ended. */
  left: 11,
  report: 12,
  line: 13,
  done: 14,
  /** What its connection leaves behind if the door dies. */
  will: 15,

  open: 32,
  granted: 33,
  end: 34,
  /** The answer to a publish on the express lane: its packet id. */
  stored: 35,
  refused: 36,
  /** The answer to the oldest other publish of a connection. */
  answer: 37,
  deliver: 38,
  relay: 39,
  disconnect: 40,
  reload: 41,
  stop: 42,
} as const

/** `small` of an answer. */
export const answers = { quiet: 0, forward: 1, close: 2 } as const
export const outcomes: readonly DeliveryOutcome[] = ['delivered', 'offline', 'timeout']

/**
 * The rest of a publish; `small` is its packet id.
 *
 *   | topic u16 | flags u8 | length u16 | topic | payload |      length and topic only with `hasTopic`
 */
export const publishHeadBytes = 3
export const topicLengthBytes = 2
export const publishFlags = {
  qos1: 0x01,
  retain: 0x02,
  dup: 0x04,
  /** Answered by `stored` or `refused`. */
  express: 0x08,
  hasTopic: 0x10,
} as const
/** Numbers of a connection's topics go up to here; this one is a topic without a number. */
export const unnumbered = 0xffff
export const topicNumbersMax = 64

/** What a door is told at its start. */
export interface DoorStart {
  readonly at: number
  readonly tls: object
  readonly limits: object
  readonly host: string
  /** Base64. */
  readonly ticketSecret: string
  /** Time goes on by what each message says. */
  readonly isTimeTold: boolean
}

export interface KnownHead {
  readonly identity: Identity
  readonly clientId: string
}

export interface WillHead extends Sending {
  readonly topic: string
}

export interface ReaderHead {
  readonly filter: string
  readonly isRead: boolean
}

export interface RelayHead extends Sending {
  readonly topic: string
  readonly nowMs: number
}

export interface DeliverHead {
  readonly node: string
  readonly topic: string
  readonly timeoutMs: number
  readonly nowMs: number
}

export interface ReportHead {
  readonly values: readonly RelayedValue[]
}

export type LineHead = RelayedLine

const headLengthBytes = 4

export function sendJson(wire: Wire, kindOf: number, number: number, value: unknown): void {
  wire.sendBytes(kindOf, number, 0, Buffer.from(JSON.stringify(value)))
}

export function readJson<T>({ bytes, from, to }: Frame): T {
  return JSON.parse(bytes.toString('utf8', from, to)) as T
}

/** A head in JSON, and bytes. */
export function sendHeaded(
  wire: Wire,
  kindOf: number,
  number: number,
  head: object,
  payload: Uint8Array,
): void {
  const text = Buffer.from(JSON.stringify(head))
  const at = wire.begin(kindOf, number, 0, headLengthBytes + text.length + payload.length)
  const { scratch } = wire
  scratch.writeUInt32LE(text.length, at)
  scratch.set(text, at + headLengthBytes)
  scratch.set(payload, at + headLengthBytes + text.length)
}

export function readHeaded<T>({ bytes, from, to }: Frame): {
  readonly head: T
  readonly payload: Buffer
} {
  const headAt = from + headLengthBytes
  const payloadAt = headAt + bytes.readUInt32LE(from)
  return {
    head: JSON.parse(bytes.toString('utf8', headAt, payloadAt)) as T,
    payload: bytes.subarray(payloadAt, to),
  }
}
