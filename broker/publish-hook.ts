/**
 * Aedes' authorizePublish: rights first, then the gate; PUBACK waits here.
 *
 *   PUBLISH ▶ QoS 0 or 1 ▶ its own topic ▶ gate.admit … answer ▶ in order ▶ PUBACK ▶ router, when forwarded
 *
 * - Arrivals of one connection reach the gate in order; PUBACKs leave in the same order whatever order the answers
 *   come in.
 * - A denied topic or a `close` closes the connection without PUBACK.
 * - A will passes the gate like any message; at shutdown wills are not published, the devices are well.
 */
import type { AedesOptions, Client, PublishPacket } from 'aedes'
import type { CodedError } from '../schemas/coded-error.ts'
import { isRetainable, refusePublish } from './acl.ts'
import { type Connection, connectionOf, type WaitingPublish } from './connection.ts'
import { ProtocolRefused } from './errors.ts'
import type { Arrival, GateAnswer, PublishGate } from './ports.ts'

/** On a packet: the gate lets subscribers have it. */
export const forwarded = Symbol('forwarded')
export type GatedPacket = PublishPacket & { [forwarded]?: boolean }

export interface PublishHookOptions {
  readonly gate: PublishGate
  /** Sends on a message whose sender is gone before its answer came. */
  route(packet: GatedPacket): void
  refused(connection: Connection, error: CodedError): void
  isStopping(): boolean
}

/** Topics remembered per connection: a device has a handful, a malicious one must not fill memory. */
const allowedTopicsMax = 64

export function createPublishHook(
  options: PublishHookOptions,
): NonNullable<AedesOptions['authorizePublish']> {
  const { gate, route, refused, isStopping } = options

  function refuse(connection: Connection, packet: PublishPacket): CodedError | undefined {
    if (packet.qos === 2) return ProtocolRefused('QoS 2')
    if (connection.allowedTopics?.has(packet.topic)) return undefined
    const error = refusePublish(connection.identity, connection.clientId, packet.topic)
    if (error !== undefined) return error
    connection.allowedTopics ??= new Set()
    if (connection.allowedTopics.size < allowedTopicsMax) connection.allowedTopics.add(packet.topic)
    return undefined
  }

  function admitWill(connection: Connection, packet: GatedPacket, callback: Callback): void {
    if (isStopping()) {
      callback(new Error('no wills while the broker stops'))
      return
    }
    gate.admit(arrivalOf(connection, packet), (answer) => {
      packet[forwarded] = answer.kind === 'acknowledge' && answer.forward
      callback(answer.kind === 'close' ? answer.error : null)
    })
  }

  function admit(connection: Connection, packet: GatedPacket, callback: Callback): void {
    const entry: WaitingPublish = {
      answer: undefined,
      complete(answer) {
        connection.answered()
        if (answer.kind === 'close') {
          refused(connection, answer.error)
          return callback(answer.error)
        }
        packet[forwarded] = answer.forward
        // Aedes would complain of a closed client; the message is stored, so subscribers may have it.
        if (!connection.destroyed) callback(null)
        else if (answer.forward) route(packet)
      },
    }
    connection.waiting.push(entry)
    gate.admit(arrivalOf(connection, packet), (answer) => {
      entry.answer ??= answer
      release(connection)
    })
  }

  return (client, packet, callback) => {
    if (client === null) return callback(new Error('a will of another broker: there is none'))
    const connection = connectionOf(client)
    const error = refuse(connection, packet)
    if (error !== undefined) {
      connection.answered()
      refused(connection, error)
      return callback(error)
    }
    if (packet.retain && !isRetainable(packet.topic)) packet.retain = false
    if (isWill(client)) admitWill(connection, packet, callback)
    else admit(connection, packet, callback)
  }
}

type Callback = (error?: Error | null) => void

/** Aedes publishes a will while it closes the client. */
const isWill = (client: Client) => client.closed

function release(connection: Connection): void {
  const { waiting } = connection
  while (waiting[0]?.answer !== undefined) {
    const entry = waiting.shift()!
    entry.complete(entry.answer as GateAnswer)
  }
  connection.tellIfIdle()
}

function arrivalOf(connection: Connection, packet: PublishPacket): Arrival {
  return {
    identity: connection.identity,
    clientId: connection.clientId,
    topic: packet.topic,
    payload: packet.payload as Buffer,
    qos: packet.qos,
    retain: packet.retain,
    dup: packet.dup,
  }
}
