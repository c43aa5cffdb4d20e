/**
 * What the street shows now, gathered from statuses in ledger order: the newest of each controller and lane,
 * and faults; and from it the view of a junction that a strategy decides on.
 *
 * - Bounded by the junction documents: what concerns no junction of ours is not kept.
 * - Seeing the same message twice, or an older one late, changes nothing.
 * - Whether a controller can be reached is not known here: the broker is asked for that.
 * - Time is the device's, but never later than its message came; ages are reckoned against the moment a view is
 *   asked for.
 */
import type {
  DetectorFault,
  Junction,
  TlcFault,
  TlcGroups,
  TlcMode,
  TlcPlan,
  TrafficQueue,
} from '../../schemas/generated/messages.ts'
import { isFresh, liesAhead } from './freshness.ts'
import type { Junctions } from './junctions.ts'
import type {
  FlowForecaster,
  JunctionView,
  LaneFlow,
  LaneView,
  ObservedMessage,
  SignalKnowledge,
  SignalView,
} from './ports.ts'
import {
  ageOf,
  knowledgeOf,
  momentOf,
  newer,
  newSignal,
  type SignalState,
  seeLamps,
  signalViewOf,
  type Timed,
  timed,
} from './signal-state.ts'

export interface SiteLimits {
  /** A lane whose newest value is older than this is not trusted. */
  readonly laneAgeMsMax: number
  /** A forecast is asked for again after this long. */
  readonly flowRefreshMs: number
}

const defaultSiteLimits: SiteLimits = { laneAgeMsMax: 30_000, flowRefreshMs: 15_000 }

export interface SiteState {
  observe(message: ObservedMessage): void
  /** Undefined until the controller has shown its lamps. */
  view(node: string, nowMs: number): JunctionView | undefined
  knowledge(node: string, nowMs: number): SignalKnowledge | undefined
  condition(node: string, nowMs: number): Condition
}

/** What the ladder wants to know of a junction's input. */
export interface Condition {
  readonly signalAgeMs: number | undefined
  /** Undefined until the controller has told. */
  readonly mode: TlcMode['entries'][number]['values']['mode'] | undefined
  readonly control: TlcMode['entries'][number]['values']['control'] | undefined
  readonly hasFault: boolean
  readonly freshLaneShare: number | undefined
  readonly blindGroups: readonly string[]
  /** Undefined until the forecasts of the junction have been worth trusting once; a lost one counts as 0. */
  readonly forecastConfidence: number | undefined
  readonly cycleMs: number
}

/** From here on a forecast has been worth something, and its loss is news. A young one has yet to get here. */
const forecastTrustedAt = 0.3
/** Faults kept per controller; more kinds and components than this are one fault all the same. */
const faultsMax = 64
const usualCycleMs = 90_000

export function createSiteState(options: {
  readonly junctions: Junctions
  readonly forecaster: FlowForecaster
  readonly limits?: Partial<SiteLimits>
}): SiteState {
  const { junctions, forecaster } = options
  const limits = { ...defaultSiteLimits, ...options.limits }
  const signals = new Map<string, SignalState>()
  /** Newest value of each sensor component we have a lane for, by `node component`. */
  const sensors = new Map<string, Timed<Omit<LaneView, 'isTrusted'>> & { isGood: boolean }>()
  const faultyDetectors = new Set<string>()
  const flows = new Map<
    string,
    { readonly askedAtMs: number; readonly flow: LaneFlow | undefined }
  >()
  /** Lanes with a forecast at best, by junction, once their mean confidence was worth trusting. */
  const trustedLanes = new Map<string, number>()
  const wanted = new Set<string>()
  const neighboursOf = new Map<string, readonly string[]>()

  for (const [node, junction] of junctions) {
    signals.set(node, newSignal())
    for (const { sensor, detector } of Object.values(junction.lanes)) {
      if (sensor) wanted.add(`${sensor.node} ${sensor.component}`)
      if (detector) wanted.add(`${detector.node} ${detector.component}`)
    }
    neighboursOf.set(node, neighbours(junction, junctions))
  }

  function observe(message: ObservedMessage) {
    if (message.type === 'status') observeStatus(message)
    else if (message.type === 'alarm') observeAlarm(message)
  }

  function observeStatus(message: ObservedMessage) {
    if (message.code === 'traffic.queue') {
      for (const entry of (message.value as TrafficQueue).entries) seeQueues(message, entry)
      return
    }
    const signal = signals.get(message.node)
    if (!signal) return
    switch (message.code) {
      case 'tlc.groups':
        for (const entry of (message.value as TlcGroups).entries) {
          seeLamps(junctions.get(message.node) as Junction, signal, timed(entry, message), message)
        }
        break
      case 'tlc.plan':
        for (const entry of (message.value as TlcPlan).entries) {
          signal.plan = newer(signal.plan, timed(entry, message), message)
        }
        break
      case 'tlc.mode':
        for (const entry of (message.value as TlcMode).entries) {
          signal.mode = newer(signal.mode, timed(entry, message), message)
        }
        break
    }
  }

  function seeQueues(message: ObservedMessage, entry: TrafficQueue['entries'][number]) {
    const atMs = momentOf(entry.ts, message)
    for (const [component, lane] of Object.entries(entry.values.lanes)) {
      const key = `${message.node} ${component}`
      const known = sensors.get(key)
      if (!wanted.has(key)) continue
      if (known && known.atMs > atMs && !liesAhead(message.receivedAtMs - known.atMs)) continue
      const quality =
        message.notes?.qualities?.[component] ?? lane.quality ?? entry.quality ?? 'recent'
      sensors.set(key, {
        atMs,
        seq: entry.seq,
        isGood: quality === 'recent',
        values: {
          queueVehicles: lane.queueVehicles,
          queueMeters: lane.queueMeters,
          approachingVehicles: lane.approachingVehicles,
          passedVehicles: lane.passedVehicles,
          arrivalsS: lane.arrivalsS,
          blockedVehicles: lane.blockedVehicles ?? 0,
          rangeMeters: lane.rangeMeters,
          seenAtMs: atMs,
        },
      })
    }
  }

  function observeAlarm(message: ObservedMessage) {
    if (message.code === 'tlc.fault') {
      const { entries, full } = message.value as TlcFault
      const faults = signals.get(message.node)?.faults
      if (!faults) return
      if (full) faults.clear()
      for (const { component = '', values, active } of entries) {
        mark(faults, `${values.kind} ${component}`, active)
      }
    } else if (message.code === 'detector.fault') {
      const { entries, full } = message.value as DetectorFault
      if (full) {
        for (const key of faultyDetectors) {
          if (key.startsWith(`${message.node} `)) faultyDetectors.delete(key)
        }
      }
      for (const { component = '', active } of entries) {
        const key = `${message.node} ${component}`
        if (wanted.has(key)) mark(faultyDetectors, key, active, wanted.size)
      }
    }
  }

  function lanesOf(junction: Junction, nowMs: number): Record<string, LaneView> {
    const lanes: Record<string, LaneView> = {}
    for (const [lane, { sensor }] of Object.entries(junction.lanes)) {
      const key = sensor && `${sensor.node} ${sensor.component}`
      const seen = key === undefined ? undefined : sensors.get(key)
      if (key === undefined || !seen) continue
      const isOfNow = isFresh(nowMs - seen.atMs, limits.laneAgeMsMax)
      lanes[lane] = {
        ...seen.values,
        isTrusted: seen.isGood && isOfNow && !faultyDetectors.has(key),
      }
    }
    return lanes
  }

  function flowsOf(junction: Junction, nowMs: number): Record<string, LaneFlow> {
    const found: Record<string, LaneFlow> = {}
    for (const [lane, { detector }] of Object.entries(junction.lanes)) {
      if (!detector) continue
      const key = `${detector.node} ${detector.component}`
      let asked = flows.get(key)
      if (!asked || Math.abs(nowMs - asked.askedAtMs) >= limits.flowRefreshMs) {
        const flow = flowFrom(forecaster, detector, nowMs)
        asked = { askedAtMs: nowMs, flow }
        flows.set(key, asked)
      }
      if (asked.flow) found[lane] = asked.flow
    }
    return found
  }

  function confidenceOf(junction: Junction, nowMs: number): number | undefined {
    const found = Object.values(flowsOf(junction, nowMs))
    const total = found.reduce((sum, flow) => sum + flow.confidence, 0)
    const most = Math.max(found.length, trustedLanes.get(junction.node) ?? 0)
    const isTrusted = trustedLanes.has(junction.node) || total >= forecastTrustedAt * most
    if (most === 0 || !isTrusted) return undefined
    trustedLanes.set(junction.node, most)
    return total / most
  }

  return {
    observe,
    view(node, nowMs) {
      const junction = junctions.get(node)
      const signal = junction && signalViewOf(junction, signals.get(node), nowMs)
      if (!signal) return undefined
      const around: Record<string, { signal: SignalView; lanes: Record<string, LaneView> }> = {}
      for (const name of neighboursOf.get(node) ?? []) {
        const neighbour = junctions.get(name) as Junction
        const shown = signalViewOf(neighbour, signals.get(name), nowMs)
        if (shown) around[name] = { signal: shown, lanes: lanesOf(neighbour, nowMs) }
      }
      return {
        nowMs,
        junction,
        signal,
        lanes: lanesOf(junction, nowMs),
        flows: flowsOf(junction, nowMs),
        neighbours: around,
      }
    },
    knowledge: (node, nowMs) => knowledgeOf(signals.get(node), nowMs),
    condition(node, nowMs) {
      const junction = junctions.get(node) as Junction
      const signal = signals.get(node) as SignalState
      const sensed = Object.entries(junction.lanes).filter(([, lane]) => lane.sensor)
      const lanes = lanesOf(junction, nowMs)
      const fresh = sensed.filter(([lane]) => {
        const seen = lanes[lane]
        return seen !== undefined && isFresh(nowMs - seen.seenAtMs, limits.laneAgeMsMax)
      })
      return {
        signalAgeMs: ageOf(signal, nowMs),
        mode: signal.mode?.values.mode,
        control: signal.mode?.values.control,
        hasFault: signal.faults.size > 0,
        freshLaneShare: sensed.length === 0 ? undefined : fresh.length / sensed.length,
        blindGroups: blindGroups(sensed, lanes),
        forecastConfidence: confidenceOf(junction, nowMs),
        cycleMs: (signal.plan?.values.cycleS ?? usualCycleMs / 1000) * 1000,
      }
    },
  }
}

/** Nodes of our own whose lanes this junction feeds, or that feed its lanes. */
function neighbours(junction: Junction, all: Junctions): string[] {
  const names = new Set<string>()
  const targets = (from: Junction) =>
    Object.values(from.lanes).flatMap(({ downstream = [] }) => downstream.map((it) => it.node))
  for (const node of targets(junction)) if (all.has(node)) names.add(node)
  for (const [node, other] of all) if (targets(other).includes(junction.node)) names.add(node)
  names.delete(junction.node)
  return [...names].sort()
}

function blindGroups(
  sensed: readonly (readonly [string, Junction['lanes'][string]])[],
  lanes: Readonly<Record<string, LaneView>>,
): string[] {
  const sighted = new Map<string, boolean>()
  for (const [lane, { groups }] of sensed) {
    for (const group of groups) {
      sighted.set(group, (sighted.get(group) ?? false) || lanes[lane]?.isTrusted === true)
    }
  }
  return [...sighted].filter(([, isSighted]) => !isSighted).map(([group]) => group)
}

/** Windows of 5 minutes in an hour. */
const windowsPerHour = 12

function flowFrom(
  forecaster: FlowForecaster,
  detector: { readonly node: string; readonly component: string },
  nowMs: number,
): LaneFlow | undefined {
  const forecast = forecaster.forecast(detector.node, detector.component, 'vehiclesPer5Min', nowMs)
  if (!forecast) return undefined
  const at = (horizonMin: number) =>
    forecast.horizons.find((horizon) => horizon.horizonMin === horizonMin)?.p50
  const p5 = at(5) ?? forecast.horizons[0]?.p50
  if (p5 === undefined) return undefined
  return {
    vehiclesPerHour5: p5 * windowsPerHour,
    vehiclesPerHour15: (at(15) ?? p5) * windowsPerHour,
    confidence: forecast.confidence,
    model: forecast.model,
    newestReadingAtMs: forecast.newestReadingAtMs,
    ...(forecast.input ? { input: forecast.input } : {}),
  }
}

function mark(marks: Set<string>, key: string, isActive: boolean, max = faultsMax) {
  if (!isActive) marks.delete(key)
  else if (marks.size < max) marks.add(key)
}
