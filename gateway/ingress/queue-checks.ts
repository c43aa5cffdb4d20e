/**
 * Can this lane's queue be right? Held against itself, its lane, and the vehicles counted at its stop line.
 *
 *   implausible  longer than the sensor sees or the lane can hold; metres without a vehicle; more vehicles than fit
 *   stuck        the same queue for half an hour while vehicles pass; a full lane may show that and be right
 *   dead         never a vehicle, halting or moving, while a hundred pass
 *
 * - Only lanes that junction documents name: those are the ones somebody acts on. Everything else on `traffic.queue` is
 *   taken as it comes, at the price of an ordinary message (express.ts).
 * - The value stays; its quality changes, and `onFault` hears when a fault begins and when it is over.
 * - Bounded by the junction documents; an entry that is not newer than the last is judged by nothing.
 */
import type { Junction, TrafficQueue } from '../../schemas/generated/messages.ts'
import type { ActiveFault } from './fault-file.ts'
import type { DetectorFaultNotice } from './plausibility.ts'
import type { Notes } from './ports.ts'

export type QueueFaultKind = 'implausible' | 'stuck' | 'dead'
type Quality = NonNullable<Notes['qualities']>[string]
type Lane = Junction['lanes'][string]
type Shown = TrafficQueue['entries'][number]['values']['lanes'][string]

export interface QueueChecks {
  /** Quality by lane component where the newest entry is doubtful, or undefined. */
  judge(
    node: string,
    entries: TrafficQueue['entries'],
  ): Readonly<Record<string, Quality>> | undefined
  /** So many vehicles passed a stop line's detector. */
  count(node: string, component: string, vehicles: number): void
  /** Faults that were active when the gateway stopped, so that their end is told. */
  restore(faults: readonly ActiveFault[]): void
}

const minuteMs = 60_000
/** A halting car and the gap before it; tailbacks are denser than this nowhere. */
const vehicleMetersMin = 3.5
/** What a sensor may be off by in one entry: a long vehicle, a rounding, an edge of the range. */
const toleranceMeters = 15
const toleranceShare = 1.1
/** A queue runs past its own storage before a sensor without a range of its own is disbelieved. */
const overflowShare = 1.5
/** Entries that contradict themselves, net of good ones, until a fault begins, and good ones until it is over. */
const raiseAt = 5
const worstScore = 30
/** Longer than any cycle: a queue that stands is discharged and grows again. */
const sameMsMin = 30 * minuteMs
const samePassedMin = 30
/** A lane this full is filled up as fast as it empties. */
const fullShare = 0.7
const unseenPassedMin = 100
const unseenMsMin = 30 * minuteMs

const kinds: readonly string[] = ['implausible', 'stuck', 'dead'] satisfies QueueFaultKind[]

interface Watched {
  readonly node: string
  readonly component: string
  readonly lane: Lane
  atMs: number
  /** Contradictions less good entries. */
  bad: number
  /** The same queue since, and vehicles counted meanwhile. */
  queueVehicles: number
  queueMeters: number
  sameSinceMs: number
  samePassed: number
  /** Nobody seen since, and vehicles counted meanwhile. */
  unseenSinceMs: number
  unseenPassed: number
  readonly active: Map<QueueFaultKind, number>
}

export function createQueueChecks(
  junctions: ReadonlyMap<string, Junction>,
  onFault: (fault: Omit<DetectorFaultNotice, 'kind'> & { readonly kind: QueueFaultKind }) => void,
): QueueChecks {
  const bySensor = new Map<string, Watched>()
  const byDetector = new Map<string, Watched[]>()
  for (const { lanes } of junctions.values()) {
    for (const lane of Object.values(lanes)) {
      if (!lane.sensor) continue
      const { node, component } = lane.sensor
      const watched = createWatched(node, component, lane)
      bySensor.set(keyOf(node, component), watched)
      if (!lane.detector) continue
      const key = keyOf(lane.detector.node, lane.detector.component)
      byDetector.set(key, [...(byDetector.get(key) ?? []), watched])
    }
  }

  function tell(one: Watched, kind: QueueFaultKind, isActive: boolean, text: string): void {
    const sinceMs = isActive ? one.atMs : (one.active.get(kind) ?? one.atMs)
    if (isActive) one.active.set(kind, sinceMs)
    else one.active.delete(kind)
    const { node, component, atMs } = one
    onFault({ node, component, kind, isActive, atMs, sinceMs, text })
  }

  /** Tells when a fault begins or is over. */
  function settle(
    one: Watched,
    kind: QueueFaultKind,
    finding: { readonly isFault: boolean; readonly isOver: boolean; readonly text: string },
  ): void {
    const isActive = one.active.has(kind)
    if (!isActive && finding.isFault) tell(one, kind, true, finding.text)
    else if (isActive && finding.isOver) tell(one, kind, false, 'plausible again')
  }

  function judgeLane(one: Watched, atMs: number, shown: Shown): Quality | undefined {
    if (atMs <= one.atMs) return undefined
    follow(one, atMs, shown)
    const contradiction = contradictionIn(one.lane, shown)
    one.bad = Math.min(Math.max(one.bad + (contradiction ? 1 : -1), 0), worstScore)
    settle(one, 'implausible', {
      isFault: one.bad >= raiseAt,
      isOver: one.bad === 0,
      text: contradiction ?? '',
    })
    const sameMs = atMs - one.sameSinceMs
    settle(one, 'stuck', {
      isFault: sameMs >= sameMsMin && one.samePassed >= samePassedMin && isPartlyFull(one, shown),
      isOver: sameMs === 0,
      text: `a queue of ${shown.queueVehicles} for ${Math.floor(sameMs / minuteMs)} min while ${one.samePassed} vehicles passed`,
    })
    settle(one, 'dead', {
      isFault: one.unseenPassed >= unseenPassedMin && atMs - one.unseenSinceMs >= unseenMsMin,
      isOver: one.unseenSinceMs === atMs,
      text: `it saw nobody while ${one.unseenPassed} vehicles passed`,
    })
    if (contradiction) return 'undefined'
    return one.active.size > 0 ? 'unknown' : undefined
  }

  return {
    judge(node, entries) {
      let qualities: Record<string, Quality> | undefined
      for (const { ts, values } of entries) {
        for (const component in values.lanes) {
          const one = bySensor.get(keyOf(node, component))
          if (!one) continue
          const quality = judgeLane(one, Date.parse(ts), values.lanes[component]!)
          if (!quality) continue
          qualities ??= {}
          qualities[component] = quality
        }
      }
      return qualities
    },
    count(node, component, vehicles) {
      for (const one of byDetector.get(keyOf(node, component)) ?? []) {
        one.samePassed += vehicles
        one.unseenPassed += vehicles
      }
    },
    restore(faults) {
      for (const { node, component, kind, sinceMs } of faults) {
        const one = bySensor.get(keyOf(node, component))
        if (!one || !kinds.includes(kind)) continue
        one.active.set(kind as QueueFaultKind, sinceMs)
        if (kind === 'implausible') one.bad = worstScore
      }
    },
  }
}

function createWatched(node: string, component: string, lane: Lane): Watched {
  return {
    ...{ node, component, lane, atMs: 0, bad: 0, queueVehicles: -1, queueMeters: -1 },
    ...{ sameSinceMs: 0, samePassed: 0, unseenSinceMs: 0, unseenPassed: 0 },
    active: new Map(),
  }
}

function follow(one: Watched, atMs: number, shown: Shown): void {
  const { queueVehicles, queueMeters, approachingVehicles } = shown
  const isFirst = one.atMs === 0
  const isSame = queueVehicles === one.queueVehicles && queueMeters === one.queueMeters
  if (isFirst || !isSame) {
    one.sameSinceMs = atMs
    one.samePassed = 0
  }
  if (isFirst || queueVehicles > 0 || approachingVehicles > 0) {
    one.unseenSinceMs = atMs
    one.unseenPassed = 0
  }
  one.atMs = atMs
  one.queueVehicles = queueVehicles
  one.queueMeters = queueMeters
}

function isPartlyFull({ lane }: Watched, shown: Shown): boolean {
  const { queueVehicles, queueMeters, rangeMeters = lane.lengthM, blockedVehicles = 0 } = shown
  const mostMeters = fullShare * Math.min(lane.lengthM, rangeMeters)
  return queueVehicles > 0 && queueMeters < mostMeters && blockedVehicles === 0
}

/** In words, or undefined. */
function contradictionIn(lane: Lane, shown: Shown): string | undefined {
  const { queueVehicles, queueMeters, rangeMeters } = shown
  const most = (rangeMeters ?? overflowShare * lane.lengthM) * toleranceShare + toleranceMeters
  if (queueMeters > most)
    return `a queue of ${queueMeters} m on a lane of ${lane.lengthM} m${rangeMeters === undefined ? '' : `, seen to ${rangeMeters} m`}`
  if (queueVehicles === 0 && queueMeters > toleranceMeters)
    return `a queue of ${queueMeters} m without a vehicle`
  if (queueVehicles * vehicleMetersMin > queueMeters * toleranceShare + toleranceMeters)
    return `${queueVehicles} vehicles in a queue of ${queueMeters} m`
  return undefined
}

function keyOf(node: string, component: string): string {
  return `${node} ${component}`
}
