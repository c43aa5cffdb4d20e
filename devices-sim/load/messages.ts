/**
 * Messages of the real kinds, as a device of each kind would send them, plus the ways in which they go wrong.
 * Deterministic for a seed but for the time in them.
 */
import type { NodeId } from '../../schemas/ids.ts'
import { formatTimestamp } from '../../schemas/time.ts'
import { topics } from '../../schemas/topics.ts'
import type { Random } from '../random.ts'

/** ok: stored. late: stored, though its time is old. malformed: quarantined. duplicate: known already. */
export type MessageClass = 'ok' | 'late' | 'malformed' | 'duplicate'

export interface LoadMessage {
  readonly topic: string
  readonly payload: string
  readonly class: MessageClass
}

export interface MessageShares {
  readonly malformedShare: number
  readonly duplicateShare: number
  readonly lateShare: number
}

export interface MessageSource {
  next(nowMs: number): LoadMessage
}

const lateByMs = 600_000
const countWindowMs = 60_000
/** Of each hundred messages of a detector this many are minutes and health; the rest are queues. */
const countsPerHundred = 6
const healthPerHundred = 1

/** Every third device is a signal controller, the others are detectors, as at a crossing. */
export function createMessageSource(
  node: NodeId,
  index: number,
  shares: MessageShares,
  random: Random,
): MessageSource {
  const isController = index % 3 === 0
  const seqs = { queue: 0, count: 0, groups: 0, health: 0 }
  let previous: LoadMessage | undefined

  function values(): { code: string; channel?: string; seq: number; text: string } {
    const pick = random() * 100
    if (pick < healthPerHundred) {
      return { code: 'system.health', seq: seqs.health++, text: `{"uptimeS":${seqs.health}}` }
    }
    if (isController) {
      const stage = 1 + (seqs.groups % 3)
      return { code: 'tlc.groups', seq: seqs.groups++, text: groupsText(stage, seqs.groups) }
    }
    if (pick < healthPerHundred + countsPerHundred) {
      return { code: 'traffic.count', channel: '1min', seq: seqs.count++, text: countText(random) }
    }
    return { code: 'traffic.queue', channel: 'live', seq: seqs.queue++, text: queueText(random) }
  }

  return {
    next(nowMs) {
      if (previous && previous.class === 'ok' && random() < shares.duplicateShare) {
        previous = { ...previous, class: 'duplicate' }
        return previous
      }
      const isLate = random() < shares.lateShare
      const { code, channel, seq, text } = values()
      const atMs = isLate ? nowMs - lateByMs : nowMs
      // A device that is due more than one count a minute tells the same minute again, with the next number.
      const ts = formatTimestamp(code === 'traffic.count' ? windowEndMs(atMs) : atMs)
      const payload = `{"entries":[{"ts":"${ts}","seq":${seq},"values":${text}}]}`
      const topic = topics.status(node, code, channel)
      previous =
        random() < shares.malformedShare
          ? { topic, payload: spoil(payload, random), class: 'malformed' }
          : { topic, payload, class: isLate ? 'late' : 'ok' }
      return previous
    },
  }
}

/** Of the youngest window that is over. */
const windowEndMs = (atMs: number) => Math.floor(atMs / countWindowMs) * countWindowMs

function queueText(random: Random): string {
  const lane = () => {
    const queue = Math.floor(random() * 15)
    return `{"queueVehicles":${queue},"queueMeters":${queue * 7},"approachingVehicles":${Math.floor(random() * 8)}}`
  }
  return `{"lanes":{"ln/1":${lane()},"ln/2":${lane()}}}`
}

function countText(random: Random): string {
  const loop = () => {
    const vehicles = Math.floor(random() * 20)
    const speed = vehicles === 0 ? 'null' : (20 + Math.round(random() * 300) / 10).toFixed(1)
    return `{"vehicles":${vehicles},"occupancy":${(random() * 40).toFixed(1)},"speed":${speed}}`
  }
  return `{"windowMs":${countWindowMs},"detectors":{"dl/1":${loop()},"dl/2":${loop()},"dl/3":${loop()}}}`
}

function groupsText(stage: number, counter: number): string {
  const lamp = (of: number) => (of === stage ? 'G' : 'r')
  const groups = [1, 2, 3].map((of) => `"sg/${of}":"${lamp(of)}"`).join(',')
  return `{"groups":{${groups}},"stage":${stage},"cycleCounter":${Math.floor(counter / 3)}}`
}

function spoil(payload: string, random: Random): string {
  const way = Math.floor(random() * 3)
  if (way === 0) return payload.slice(0, Math.max(1, Math.floor(payload.length * random() * 0.9)))
  if (way === 1) return payload.replace('"values"', '"valuse"')
  return payload.replace(/"seq":\d+/, '"seq":-1')
}
