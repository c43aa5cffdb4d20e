/**
 * Which messages go on to subscribers, in place of Aedes' own `publish`.
 *
 * - A device's message is routed only when the gate forwards it and a center subscribed to something that matches:
 *   telemetry without an audience costs one lookup.
 * - Presence is retained (the gate having accepted it), nothing else ever is.
 * - A publisher never waits for subscribers: each has its own buffer, its own limit and its own drain timeout.
 * - Nothing is queued for who is offline: every session is clean.
 */
import type { Aedes, Client } from 'aedes'
import { internalsOf, type PublishDone, type RoutedPacket } from './aedes-internals.ts'
import { forwarded, type GatedPacket } from './publish-hook.ts'
import { matchesFilter } from './topic-filter.ts'

export interface Router {
  /** A filter of a center, operator or other reader came (`+1`) or went (`-1`). */
  countReader(filter: string, change: 1 | -1): void
  /** To every subscriber that matches. */
  send(topic: string, payload: Buffer, options: { qos: 0 | 1; retain: boolean }): void
  /** Somebody has subscribed to it. */
  isRead(topic: string): boolean
  /** To readers, when there are any. */
  forward(packet: GatedPacket): void
}

/** Topics whose audience is remembered; beyond it all are forgotten and asked again. */
const remembered = 65_536
const nobodyWaits = () => {}

export interface RouterOptions {
  readonly retainedMax: number
  /** A filter found its first reader, or lost its last. */
  readonly readersChanged?: ((filter: string, isRead: boolean) => void) | undefined
}

export function createRouter(aedes: Aedes, options: RouterOptions): Router {
  const { retainedMax, readersChanged = () => {} } = options
  const internals = internalsOf(aedes)
  const publishOfAedes = internals.publish.bind(aedes)
  const readers = new Map<string, number>()
  const hasReader = new Map<string, boolean>()
  const retained = new Set<string>()

  function isRead(topic: string): boolean {
    if (readers.size === 0) return false
    const known = hasReader.get(topic)
    if (known !== undefined) return known
    if (hasReader.size >= remembered) hasReader.clear()
    const found = [...readers.keys()].some((filter) => matchesFilter(filter, topic))
    hasReader.set(topic, found)
    return found
  }

  function emit(topic: string, payload: Buffer, qos: 0 | 1, retain: boolean): void {
    internals.counter += 1
    const packet: RoutedPacket = {
      cmd: 'publish',
      brokerId: internals.id,
      brokerCounter: internals.counter,
      topic,
      payload,
      qos,
      retain: false,
      dup: false,
    }
    if (retain) keep({ ...packet, retain: true })
    internals.mq.emit(packet, nobodyWaits)
  }

  function keep(packet: RoutedPacket): void {
    if (packet.payload.length === 0) retained.delete(packet.topic)
    else if (retained.size >= retainedMax && !retained.has(packet.topic)) return
    else retained.add(packet.topic)
    void internals.persistence.storeRetained(packet)
  }

  function forward(packet: GatedPacket): void {
    if (!packet[forwarded]) return
    const payload = packet.payload as Buffer
    const qos = packet.qos === 0 ? 0 : 1
    if (isRead(packet.topic)) emit(packet.topic, payload, qos, packet.retain)
    else if (packet.retain) {
      internals.counter += 1
      keep({
        cmd: 'publish',
        brokerId: internals.id,
        brokerCounter: internals.counter,
        topic: packet.topic,
        payload,
        qos,
        retain: true,
        dup: false,
      })
    }
  }

  internals.publish = (packet, client: Client | PublishDone | null, done?: PublishDone) => {
    const { topic } = packet as GatedPacket
    const finish = typeof client === 'function' ? client : (done ?? nobodyWaits)
    if (topic.startsWith('$SYS/')) {
      // The heartbeat tells Aedes that the wills it holds are its own; the other $SYS messages have no reader here.
      if (topic.endsWith('/heartbeat')) publishOfAedes(packet, null, finish)
      else finish()
      return
    }
    forward(packet as GatedPacket)
    // Inside the parser's loop (QoS 0) the next read must not begin before this one has ended.
    if ((packet as GatedPacket).qos === 0) process.nextTick(finish)
    else finish()
  }

  return {
    countReader(filter, change) {
      const before = readers.get(filter) ?? 0
      const count = before + change
      if (count > 0) readers.set(filter, count)
      else readers.delete(filter)
      hasReader.clear()
      if (before === 0 || count === 0) readersChanged(filter, count > 0)
    },
    isRead,
    send: (topic, payload, { qos, retain }) => emit(topic, payload, qos, retain),
    forward,
  }
}
