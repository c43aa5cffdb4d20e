/**
 * The gateway as a node of its own: `gateway/<name>` with presence, statuses and alarms, shaped like any device's.
 * What it says goes straight to subscribers and, where it is history, to whoever keeps it; it passes no gate.
 */
import { type NodeId, parseNodeId } from '../../schemas/ids.ts'
import { encodePayload } from '../../schemas/payload.ts'
import { formatTimestamp } from '../../schemas/time.ts'
import { topics } from '../../schemas/topics.ts'

export interface OwnNodePorts {
  publish(topic: string, payload: Buffer, options: { qos: 0 | 1; retain: boolean }): void
  /** Keeps what is history. */
  keep(topic: string, message: object, atMs: number): void
  nowMs(): number
}

export interface OwnNode {
  readonly node: NodeId
  /** The time it speaks of: the wall's, before a simulator has told another. */
  nowMs(): number
  presence(state: 'online' | 'shutdown'): void
  status(
    code: string,
    atMs: number,
    values: object,
    options?: { qos?: 0 | 1; keep?: boolean },
  ): void
  alarm(code: string, kind: string, active: boolean, text: string): void
  /** A detector somebody in the house does not believe any more, or believes again. */
  detectorFault(fault: DetectorFaultReport): void
  /** A device's clock is off, or right again. */
  deviceClock(device: string, offsetMs: number, active: boolean): void
  /** To somebody else's topic: results to operators, reject notices to devices. */
  tell(topic: string, message: object, qos: 0 | 1): void
}

export interface DetectorFaultReport {
  readonly node: string
  readonly component: string
  readonly kind: string
  readonly isActive: boolean
  readonly atMs: number
  readonly sinceMs: number
  readonly text: string
}

export function createOwnNode(name: string, ports: OwnNodePorts): OwnNode {
  const node = parseNodeId(`gateway/${name}`)
  const seqs = new Map<string, number>()
  const raised = new Set<string>()
  const next = (code: string) => {
    const seq = seqs.get(code) ?? 0
    seqs.set(code, seq + 1)
    return seq
  }
  return {
    node,
    nowMs: ports.nowMs,
    presence(state) {
      const payload = encodePayload({ ts: formatTimestamp(ports.nowMs()), state, kind: 'gateway' })
      ports.publish(topics.presence(node), payload, { qos: 1, retain: true })
    },
    status(code, atMs, values, { qos = 0, keep = false } = {}) {
      const topic = topics.status(node, code)
      const entry = { ts: formatTimestamp(atMs), seq: next(code), values }
      const message = { entries: [entry] }
      ports.publish(topic, encodePayload(message), { qos, retain: false })
      if (keep) ports.keep(topic, message, atMs)
    },
    alarm(code, kind, active, text) {
      // An alarm speaks when it comes and when it goes, not as long as it stands.
      if (active === raised.has(kind)) return
      if (active) raised.add(kind)
      else raised.delete(kind)
      const atMs = ports.nowMs()
      const entry = { ts: formatTimestamp(atMs), active, values: { kind, text } }
      const topic = topics.alarm(node, code)
      const message = { entries: [entry] }
      ports.publish(topic, encodePayload(message), { qos: 1, retain: false })
      ports.keep(topic, message, atMs)
    },
    detectorFault({ node: detector, component, kind, isActive, atMs, sinceMs, text }) {
      const values = { kind, node: detector, since: formatTimestamp(sinceMs), text }
      const entry = { ts: formatTimestamp(atMs), component, active: isActive, values }
      const topic = topics.alarm(node, 'detector.fault')
      const message = { entries: [entry] }
      ports.publish(topic, encodePayload(message), { qos: 1, retain: false })
      ports.keep(topic, message, atMs)
    },
    deviceClock(device, offsetMs, active) {
      const atMs = ports.nowMs()
      const entry = { ts: formatTimestamp(atMs), active, values: { offsetMs, node: device } }
      const topic = topics.alarm(node, 'system.clock')
      const message = { entries: [entry] }
      ports.publish(topic, encodePayload(message), { qos: 1, retain: false })
      ports.keep(topic, message, atMs)
    },
    tell(topic, message, qos) {
      ports.publish(topic, encodePayload(message), { qos, retain: false })
    },
  }
}
