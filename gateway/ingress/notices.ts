/**
 * Reject notices: the device is told on its own topic why a message was not understood (DESIGN: `<node>/reject`).
 *
 * - Per node a few at once, then one every so often: a device gone mad does not make us write to it as often.
 * - Bounded memory: the nodes that had none for longest are forgotten, which at worst gives one notice more.
 */
import type { CodedError } from '../../schemas/coded-error.ts'
import { isNodeId } from '../../schemas/ids.ts'
import { encodePayload } from '../../schemas/payload.ts'
import { formatTimestamp } from '../../schemas/time.ts'
import type { IngressLimits } from './limits.ts'
import type { Arrival, Notify } from './ports.ts'

const nodesMax = 10_000
const sampleBytes = 200 // With each byte as one character it stays under the schema's 256.
const topicLength = 300
const messageLength = 500
const pathLength = 300

interface Allowance {
  left: number
  atMs: number
}

export class Notices {
  readonly #limits: IngressLimits
  readonly #notify: Notify
  readonly #allowances = new Map<string, Allowance>()

  constructor(limits: IngressLimits, notify: Notify) {
    this.#limits = limits
    this.#notify = notify
  }

  send(arrival: Arrival, error: CodedError, path: string, nowMs: number): void {
    const node = speaker(arrival)
    if (!isNodeId(node) || !this.#mayTell(node, nowMs)) return
    const payload = {
      ts: formatTimestamp(nowMs),
      code: error.code,
      errors: [{ path: path.slice(0, pathLength), message: error.message.slice(0, messageLength) }],
      topic: arrival.topic.slice(0, topicLength),
      sample: arrival.payload.toString('latin1', 0, sampleBytes),
    }
    this.#notify(node, encodePayload(payload))
  }

  #mayTell(node: string, nowMs: number): boolean {
    const { noticesBurst, noticeEveryMs } = this.#limits
    const allowance = this.#allowances.get(node) ?? { left: noticesBurst, atMs: nowMs }
    const earned = Math.floor((nowMs - allowance.atMs) / noticeEveryMs)
    if (earned > 0) {
      allowance.left = Math.min(noticesBurst, allowance.left + earned)
      allowance.atMs += earned * noticeEveryMs
    }
    this.#allowances.delete(node)
    this.#allowances.set(node, allowance)
    if (this.#allowances.size > nodesMax) {
      this.#allowances.delete(this.#allowances.keys().next().value as string)
    }
    if (allowance.left === 0) return false
    allowance.left -= 1
    return true
  }
}

/** Who speaks on the connection: devices and simulated devices by client id, others by their certificate. */
export function speaker({ identity, clientId }: Arrival): string {
  return identity.role === 'device' || identity.role === 'simulator' ? clientId : identity.name
}
