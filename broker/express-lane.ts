/**
 * The express lane: a PUBLISH on a topic that its sender was allowed to use before goes from the bytes of the chunk to
 * the gate, and its PUBACK from the gate to the socket. Aedes sees neither.
 *
 *   chunk ─▶ PUBLISH? ─▶ known topic ─▶ gate.express ─▶ … on disk … ─▶ PUBACKs of one turn as one write
 *              │ no          │ no            │ out of the ordinary
 *              └─────────────┴───────────────┴──▶ Aedes, authorizePublish, gate.admit: the long way
 *
 * - It takes nothing the long way would judge otherwise: rights were asked on the long way, at the topic's first message.
 * - QoS 0 and 1, not retained, not on a topic that somebody has subscribed to.
 * - Nothing overtakes: while Aedes has a message of the connection that is not at the gate yet, all that follow go the long
 *   way too; the gate tells senders in the order of arrival, and PUBACKs that are due leave before one of the long way.
 * - Whoever does not take its PUBACKs goes the long way, where Aedes holds it back.
 */
import type { Connection } from './connection.ts'
import { packetType } from './door-stream.ts'
import type { ExpressLane, PublishGate } from './ports.ts'

export interface ExpressOptions {
  readonly gate: PublishGate
  /** Somebody has subscribed to it. */
  isRead(topic: string): boolean
}

/** A topic as it stands in the bytes, and its lane at the gate. */
export interface ExpressTopic {
  readonly bytes: Buffer
  readonly topic: string
  readonly lane: ExpressLane
}

/** PUBLISH without DUP and RETAIN [MQTT-3.3.1]; DUP is for the long way, which looks for what it repeats. */
const qos0 = packetType.publish << 4
const qos1 = qos0 | 0x02
const pubackHead = (packetType.puback << 28) | (2 << 16)
const pubackBytes = 4
/** A device has a handful of topics that are worth it. */
const topicsMax = 8

export interface Express {
  /** As the door stream asks it: for a PUBLISH that stands at `at`, counted in `inFlight` already. */
  take(connection: Connection, bytes: Buffer, at: number, headerBytes: number, end: number): boolean
  /** A PUBACK is due; all of one turn leave together. */
  acknowledge(connection: Connection, packetId: number): void
  /** Those of this connection leave now. */
  flush(connection: Connection): void
}

export function createExpress({ gate, isRead }: ExpressOptions): Express {
  let due: Connection[] = []

  /** The topic at `from` of this connection; undefined for one that has not gone the long way yet. */
  function find(connection: Connection, bytes: Buffer, from: number, to: number) {
    const known = connection.expressTopics
    if (known !== undefined) {
      for (let at = 0; at < known.length; at++) {
        const one = known[at] as ExpressTopic
        if (isSame(one.bytes, bytes, from, to)) return one
      }
      if (known.length >= topicsMax) return undefined
    }
    return learn(connection, bytes, from, to)
  }

  function learn(connection: Connection, bytes: Buffer, from: number, to: number) {
    if (connection.allowedTopics === undefined) return undefined
    const topic = bytes.toString('utf8', from, to)
    if (!connection.allowedTopics.has(topic)) return undefined
    const lane = gate.express?.(connection.identity, topic)
    if (lane === undefined) return undefined
    const found = { bytes: Buffer.from(topic), topic, lane }
    connection.expressTopics ??= []
    connection.expressTopics.push(found)
    return found
  }

  /** The next message asks for another lane. */
  function forget(connection: Connection, gone: ExpressTopic): void {
    connection.expressTopics = connection.expressTopics?.filter((one) => one !== gone)
  }

  function take(
    connection: Connection,
    bytes: Buffer,
    at: number,
    headerBytes: number,
    end: number,
  ): boolean {
    const first = bytes[at] as number
    if (first !== qos1 && first !== qos0) return false
    // Itself counted in: all that came before must be at the gate, none still inside Aedes.
    const { inFlight, waiting, expressInFlight } = connection
    if (inFlight !== waiting.length + expressInFlight + 1) return false
    const topicAt = at + headerBytes + 2
    const topicEnd =
      topicAt + (((bytes[topicAt - 2] as number) << 8) | (bytes[topicAt - 1] as number))
    let payloadAt = topicEnd
    let packetId = 0
    if (first === qos1) {
      payloadAt += 2
      if (payloadAt > end) return false
      packetId = ((bytes[topicEnd] as number) << 8) | (bytes[topicEnd + 1] as number)
      if (packetId === 0) return false // [MQTT-2.3.1-1] is for Aedes to enforce.
    } else if (payloadAt > end) return false
    const found = find(connection, bytes, topicAt, topicEnd)
    if (found === undefined || isRead(found.topic)) return false
    if (connection.isFull) return false
    connection.expressInFlight += 1
    if (found.lane.admit(bytes, payloadAt, end, connection, packetId)) return true
    connection.expressInFlight -= 1
    if (found.lane.isGone) forget(connection, found)
    return false
  }

  function flush(connection: Connection): void {
    if (!connection.isAcknowledgementDue) return
    const { dueId, dueIds } = connection
    let bytes: Buffer | undefined
    if (dueId > 0 && !connection.destroyed) {
      bytes = Buffer.allocUnsafe((1 + (dueIds?.length ?? 0)) * pubackBytes)
      bytes.writeInt32BE(pubackHead | dueId, 0)
      if (dueIds !== undefined)
        for (let i = 0; i < dueIds.length; i++)
          bytes.writeInt32BE(pubackHead | (dueIds[i] as number), (i + 1) * pubackBytes)
    }
    connection.isAcknowledgementDue = false
    connection.dueId = 0
    connection.dueIds = undefined
    connection.answeredExpress(bytes)
    connection.tellIfIdle()
  }

  function flushAll(): void {
    const connections = due
    due = []
    for (const connection of connections) flush(connection)
  }

  return {
    take,
    flush,
    acknowledge(connection, packetId) {
      if (packetId > 0) {
        if (connection.dueId === 0) connection.dueId = packetId
        else if (connection.dueIds === undefined) connection.dueIds = [packetId]
        else connection.dueIds.push(packetId)
      }
      if (connection.isAcknowledgementDue) return
      connection.isAcknowledgementDue = true
      if (due.length === 0) queueMicrotask(flushAll)
      due.push(connection)
    },
  }
}

function isSame(known: Buffer, bytes: Buffer, from: number, to: number): boolean {
  const length = to - from
  if (known.length !== length) return false
  for (let i = length - 1; i >= 0; i--) if (known[i] !== bytes[from + i]) return false
  return true
}
