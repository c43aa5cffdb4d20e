/**
 * The way of a command to its one device: QoS 1, straight to its connection, the outcome by its PUBACK.
 *
 * - Nothing is queued: a device that is not connected and subscribed is `offline`, at once.
 * - `timeout` means its fate is unknown: written, but PUBACK did not come in time or the connection ended first; or it
 *   was stale already and was not written at all. Either way it is not to be relied on.
 * - Never retained, never sent twice. Centers that subscribed get a copy at QoS 1.
 * - A stale command is dropped at every delivery: `isStale` is asked for the device and for each copy.
 */
import type { Client } from 'aedes'
import { decodePayload } from '../schemas/payload.ts'
import { parseTimestamp } from '../schemas/time.ts'
import { isTopic, parseTopic } from '../schemas/topics.ts'
import { takePacketId } from './aedes-internals.ts'
import type { Connection } from './connection.ts'
import { packetType } from './door-stream.ts'
import type { DeliveryOutcome } from './ports.ts'

export interface CommandOutlet {
  deliver(
    connection: Connection | undefined,
    topic: string,
    payload: Buffer,
    timeoutMs: number,
  ): Promise<DeliveryOutcome>
  /** False for a command whose time has passed, and for the copy of what the device was sent directly. */
  mayForward(connection: Connection, topic: string, payload: Buffer): boolean
  /** Takes the PUBACK of a delivery out of the stream. */
  takePuback(connection: Connection, frame: Buffer, headerBytes: number): boolean
  /** The connection is gone: what it had not acknowledged has no outcome. */
  abandon(connection: Connection): void
}

export interface CommandOutletOptions {
  readonly clock: { nowMs(): number }
  /** To those who subscribed, the device itself excepted. */
  copy(topic: string, payload: Buffer): void
}

export function createCommandOutlet({ clock, copy }: CommandOutletOptions): CommandOutlet {
  // Each copy of a command shares its payload: its expiry is read once.
  const expiries = new WeakMap<Buffer, number>()
  const sentDirectly = new WeakSet<Buffer>()

  function isStale(topic: string, payload: Buffer): boolean {
    if (!isCommandTopic(topic)) return false
    let expiresAtMs = expiries.get(payload)
    if (expiresAtMs === undefined) {
      expiresAtMs = readExpiry(payload)
      expiries.set(payload, expiresAtMs)
    }
    return expiresAtMs <= clock.nowMs()
  }

  return {
    mayForward(connection, topic, payload) {
      if (isStale(topic, payload)) return false
      return !(sentDirectly.has(payload) && topic.startsWith(`${connection.clientId}/`))
    },
    deliver(connection, topic, payload, timeoutMs) {
      const client = connection?.client
      if (connection === undefined || client === undefined || connection.destroyed)
        return Promise.resolve('offline')
      if (isStale(topic, payload)) return Promise.resolve('timeout')
      sentDirectly.add(payload)
      const outcome = send(connection, client, topic, payload, timeoutMs)
      copy(topic, payload)
      return outcome
    },
    takePuback(connection, frame, headerBytes) {
      if (frame.length !== headerBytes + 2 || frame[0] !== packetType.puback << 4) return false
      const settle = connection.deliveries?.get(frame.readUInt16BE(headerBytes))
      if (settle === undefined) return false
      settle(true)
      return true
    },
    abandon(connection) {
      if (connection.deliveries === undefined) return
      for (const settle of [...connection.deliveries.values()]) settle(false)
    },
  }
}

function send(
  connection: Connection,
  client: Client,
  topic: string,
  payload: Buffer,
  timeoutMs: number,
): Promise<DeliveryOutcome> {
  return new Promise((resolve) => {
    const packetId = takePacketId(client)
    const settle = (isAcknowledged: boolean) => {
      clearTimeout(timer)
      connection.deliveries?.delete(packetId)
      resolve(isAcknowledged ? 'delivered' : 'timeout')
    }
    const timer = setTimeout(settle, timeoutMs, false)
    timer.unref()
    connection.deliveries ??= new Map()
    connection.deliveries.set(packetId, settle)
    connection.write(encodePublish(topic, payload, packetId))
  })
}

export function isCommandTopic(topic: string): boolean {
  if (!topic.includes('/command/')) return false
  const parsed = parseTopic(topic)
  return isTopic(parsed) && parsed.type === 'command'
}

/** A command without a readable expiry is stale: it should not exist. */
function readExpiry(payload: Buffer): number {
  const decoded = decodePayload(payload)
  if (!('value' in decoded)) return 0
  const { expiresAt } = (decoded.value ?? {}) as { expiresAt?: unknown }
  return typeof expiresAt === 'string' ? (parseTimestamp(expiresAt) ?? 0) : 0
}

/** PUBLISH, QoS 1, not retained [MQTT-3.3]. */
export function encodePublish(topic: string, payload: Buffer, packetId: number): Buffer {
  const topicBytes = Buffer.byteLength(topic)
  let remaining = 2 + topicBytes + 2 + payload.length
  const header = [(packetType.publish << 4) | 0x02]
  do {
    const byte = remaining & 0x7f
    remaining >>= 7
    header.push(remaining > 0 ? byte | 0x80 : byte)
  } while (remaining > 0)
  const frame = Buffer.allocUnsafe(header.length + 2 + topicBytes + 2 + payload.length)
  let at = Buffer.from(header).copy(frame)
  at = frame.writeUInt16BE(topicBytes, at)
  at += frame.write(topic, at)
  at = frame.writeUInt16BE(packetId, at)
  payload.copy(frame, at)
  return frame
}
