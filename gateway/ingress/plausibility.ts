/**
 * Judges counts beyond their schema: what each detector showed before decides how its next window is to be taken.
 *
 * - The value stays; its quality changes, and `onFault` hears when a fault begins and when it is over.
 * - Memory is bounded: a detector too many pushes out the one that has been silent longest.
 * - A window that is not newer than the last one (a copy, or filled in later) is judged by nothing it would disturb.
 */
import type { TrafficCount } from '../../schemas/generated/messages.ts'
import { formatTimestamp } from '../../schemas/time.ts'
import type { Topic } from '../../schemas/topics.ts'
import {
  assess,
  type DetectorMemory,
  type FaultKind,
  faultKinds,
  recall,
} from './detector-checks.ts'
import type { ActiveFault } from './fault-file.ts'
import type { Notes, PlausibilityJudge } from './ports.ts'

export interface DetectorFaultNotice {
  readonly node: string
  readonly component: string
  readonly kind: FaultKind
  readonly isActive: boolean
  /** End of the window that decided. */
  readonly atMs: number
  readonly sinceMs: number
  readonly text: string
}

export interface PlausibilityOptions {
  readonly onFault?: (fault: DetectorFaultNotice) => void
  readonly detectorsMax?: number
}

export interface Plausibility extends PlausibilityJudge {
  /** Quality by component of the message's newest doubtful entry, or undefined; faults go to `onFault`. */
  judge(topic: Topic, value: unknown, receivedAtMs: number): Notes['qualities'] | undefined
  /** Faults that were active when the gateway stopped, so that their end is told. */
  restore(faults: readonly ActiveFault[]): void
}

const detectorsMaxDefault = 50_000 // About 40 MiB; more than one gateway serves.

export function createPlausibility(options: PlausibilityOptions = {}): Plausibility {
  const { detectorsMax = detectorsMaxDefault, onFault } = options
  const memories = new Map<string, DetectorMemory>()
  const restored = new Map<string, DetectorMemory['scores']>()

  function keep(key: string, memory: DetectorMemory): void {
    memories.delete(key) // Set anew it is the youngest, so the first is the one silent longest.
    memories.set(key, memory)
    if (memories.size <= detectorsMax) return
    const oldest = memories.keys().next().value
    if (oldest !== undefined) memories.delete(oldest)
  }

  function judgeEntry(
    topic: Topic,
    entry: TrafficCount['entries'][number],
    qualities: Record<string, 'undefined' | 'unknown'>,
  ): void {
    const atMs = Date.parse(entry.ts)
    const { windowMs, detectors } = entry.values
    for (const component in detectors) {
      const { vehicles, occupancy = null, speed = null } = detectors[component]!
      // A detector that counts in windows of two lengths is two streams.
      const key = `${topic.node} ${component} ${windowMs}`
      const known = memories.get(key)
      if (known && atMs <= known.last.atMs) continue
      const { memory, quality, raised, cleared } = assess(known ?? recalled(key), {
        atMs,
        windowMs,
        vehicles,
        occupancy,
        speed,
      })
      keep(key, memory)
      if (quality) qualities[component] = quality
      for (const [isActive, findings] of [
        [true, raised],
        [false, cleared],
      ] as const)
        for (const finding of findings)
          onFault?.({ node: topic.node, component, isActive, atMs, ...finding })
    }
  }

  /** The first window of a detector that had faults before the restart. */
  function recalled(key: string): DetectorMemory | undefined {
    const name = key.slice(0, key.lastIndexOf(' '))
    const scores = restored.get(name)
    if (scores === undefined) return undefined
    restored.delete(name)
    const never = { atMs: 0, windowMs: 0, vehicles: 0, occupancy: null, speed: null }
    return {
      last: never,
      sameCount: 0,
      lastVehicleAtMs: Number.POSITIVE_INFINITY,
      vehiclesSeen: 0,
      occupiedSinceMs: undefined,
      ghostCount: 0,
      mean: 0,
      variance: 0,
      windows: 0,
      scores,
    }
  }

  return {
    concerns: (code) => code === 'traffic.count',
    judge(topic, value) {
      if (topic.code !== 'traffic.count') return undefined
      const qualities: Record<string, 'undefined' | 'unknown'> = {}
      for (const entry of (value as TrafficCount).entries) judgeEntry(topic, entry, qualities)
      for (const _ in qualities) return qualities
      return undefined
    },
    restore(faults) {
      const byDetector = Map.groupBy(faults, ({ node, component }) => `${node} ${component}`)
      for (const [name, found] of byDetector) {
        const known = found.flatMap(({ kind, sinceMs }) => {
          const ours = faultKinds.find((one) => one === kind)
          return ours ? [{ kind: ours, sinceMs }] : []
        })
        if (known.length > 0) restored.set(name, recall(known))
      }
    },
  }
}

/** The alarm detector.fault of a notice, as the device itself would publish it. */
export function detectorFaultMessage(fault: DetectorFaultNotice) {
  const { component, kind, isActive, atMs, sinceMs, text } = fault
  const values = { kind, since: formatTimestamp(sinceMs), text: text.slice(0, textLengthMax) }
  return { entries: [{ ts: formatTimestamp(atMs), component, active: isActive, values }] }
}

const textLengthMax = 256 // schemas/alarm/detector.fault.schema.json
