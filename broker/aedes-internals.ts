/**
 * What we lean on in Aedes 1.2 beyond its types. Here and nowhere else, so that a move to another version has one list
 * to go through; test/broker/aedes-facts.test.ts holds that each is still as described.
 */
import type { Aedes, Client } from 'aedes'
import type { CodedError } from '../schemas/coded-error.ts'

/** A message on its way to subscribers. Subscribers copy it; the counter is how Aedes drops second copies. */
export interface RoutedPacket {
  readonly cmd: 'publish'
  readonly brokerId: string
  readonly brokerCounter: number
  readonly topic: string
  readonly payload: Buffer
  readonly qos: 0 | 1 | 2
  readonly retain: boolean
  readonly dup: false
}

export type PublishDone = (error?: Error | null) => void

export interface AedesInternals {
  readonly id: string
  counter: number
  readonly mq: { emit(packet: RoutedPacket, done: () => void): void }
  readonly persistence: { storeRetained(packet: RoutedPacket): Promise<void> }
  publish(packet: object, client: Client | PublishDone | null, done?: PublishDone): void
}

interface ClientInternals {
  /** Packet id of the next QoS 1 message Aedes sends to this client. */
  _nextId: number
  _keepaliveTimer: NodeJS.Timeout | null
  /** How long the client may be silent. */
  _keepaliveInterval: number
  readonly _parser: { _list: ByteList; settings: ParserSettings }
}

/** What bytes are collected in, of the package `bl`: by default one that is a Duplex too, which nobody uses as such. */
interface ByteList {
  readonly length: number
  readonly constructor: { readonly BufferList?: new () => ByteList }
}

interface ParserSettings {
  readonly protocolVersion?: number
  readonly bridgeMode?: boolean
}

export const internalsOf = (aedes: Aedes) => aedes as unknown as AedesInternals

/** A packet id Aedes will not use for this client for the next 65,534 messages. */
export function takePacketId(client: Client): number {
  const internals = client as unknown as ClientInternals
  const id = internals._nextId
  internals._nextId = id >= 0xffff ? 1 : id + 1
  return id
}

/**
 * For a client that nothing has been read of yet. The list its parser has is a stream as well, of 0.9 KB; the same list
 * without the stream has all the parser asks for. After a fault the parser makes one of its own again.
 */
export function slimParser(client: Client): void {
  const { _parser: parser } = client as unknown as ClientInternals
  const { BufferList } = parser._list.constructor
  if (BufferList !== undefined && parser._list.length === 0) parser._list = new BufferList()
}

/**
 * How long the client may be silent, 0 for ever; from now on it is ours to end it. Aedes would keep a timer for each
 * client, and does not see all of its packets.
 */
export function takeKeepAlive(client: Client): number {
  const internals = client as unknown as ClientInternals
  const { _keepaliveTimer: timer, _keepaliveInterval: allowedMs } = internals
  if (timer === null) return 0
  clearTimeout(timer)
  internals._keepaliveTimer = null
  internals._keepaliveInterval = 0 // Or Aedes would refresh the timer with the next packet.
  return allowedMs
}

/** As Aedes' own timer would. */
export function endSilent(client: Client): void {
  client.emit('error' as 'connected', new Error('keep alive timeout') as never)
}

/**
 * For a client whose CONNECT was answered: the parser goes on asking which version was agreed on, and would keep the
 * whole packet for it, a password too.
 */
export function forgetConnect(client: Client): void {
  const { _parser: parser } = client as unknown as ClientInternals
  if (parser.settings.protocolVersion === mqtt311.protocolVersion && !parser.settings.bridgeMode)
    parser.settings = mqtt311
}

const mqtt311: ParserSettings = { protocolVersion: 4 }

/** Why Aedes closed a connection, by the text of its error: it has no codes. */
export function faultOf(error: Error): 'slow' | 'silent' | 'version' | 'other' {
  switch (error.message) {
    case 'drain timeout':
      return 'slow'
    case 'keep alive timeout':
    case 'connect did not arrive in time':
      return 'silent'
    case 'unacceptable protocol version':
      return 'version'
    default:
      return 'other'
  }
}

/** CONNACK 5 with a reason of ours. */
export function notAuthorized(error: CodedError): CodedError & { returnCode: 5 } {
  return Object.assign(error, { returnCode: 5 as const })
}
