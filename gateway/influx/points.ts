/**
 * A record of the ledger as points. No input or output; the same record gives the same points, with one
 * exception that is only ever more, never other: lamps, stages and the ordinary quality are written when they
 * change, and the memory of what they were begins empty.
 *
 * - Time is the entry's `ts`, so that a record met twice, or filled in later, is the same point.
 * - The ordinary quality is written once after another one, and else left out: a point without the field is `recent`.
 * - A record whose code has no mapping gives no point; that is not an error.
 * - Memory is bounded: it forgets everything when it is full, and some unchanged lamps are written again.
 */

import type {
  DetectorFault,
  GatewayAccounts,
  GatewayCommands,
  GatewayControl,
  GatewayDevices,
  GatewayModels,
  Presence,
  Result,
  SimStreet,
  SystemHealth,
  TlcGroups,
  TlcMode,
  TlcPlan,
  TrafficCount,
  TrafficQueue,
} from '../../schemas/generated/messages.ts'
import { type NodeId, zoneOf } from '../../schemas/ids.ts'
import { decodePayload } from '../../schemas/payload.ts'
import type { Topic } from '../../schemas/topics.ts'
import { alarmNode } from '../kit/alarm-node.ts'
import { createTopicCache } from '../kit/topic-cache.ts'
import { createSeries, onOneLine } from './line.ts'
import { lampCodes, measurements, qualityCodes } from './measurements.ts'
import type { FieldValue, Measurement, Point, Quality, Series, SourceRecord } from './ports.ts'

export interface PointMapper {
  /** Appends the record's points to `out`. */
  map(record: SourceRecord, out: Point[]): void
  /** Something of this node was not of ordinary quality lately: its next record has to be mapped here. */
  isMarked(node: NodeId): boolean
}

const seriesMax = 200_000 // About 60 MiB of heads and tags; more series than one gateway serves.
const repeatMs = 60_000 // An unchanged lamp is written once a minute, so that a plot of an hour finds it.
/** Only these lengths make a series of their own: a device must not make series by varying its window. */
const windowTags: ReadonlyMap<number, string> = new Map(
  [1, 5, 10, 15, 20, 30, 60, 120, 300, 600, 900, 1800, 3600].map((s) => [s * 1000, `${s}s`]),
)

type Values = Readonly<Record<string, FieldValue>>
type Add = (measurement: Measurement, tags: Values, atMs: number, values: Values) => void
interface Context {
  readonly topic: Topic
  readonly record: SourceRecord
  readonly add: Add
  /** True when the value differs from the newest one of that name, or that one is a minute old. */
  readonly hasChanged: (name: string, value: string, atMs: number) => boolean
}
type Mapping<T = never> = (context: Context, message: T) => void

export function createPointMapper(): PointMapper {
  const topicOf = createTopicCache()
  const known = new Map<string, Series>()
  const newest = new Map<string, { value: string; atMs: number }>()
  /** Series whose newest quality is not the ordinary one, by node. */
  const marked = new Map<NodeId, Set<Series>>()

  function seriesOf(measurement: Measurement, topic: Topic, tags: Values): Series {
    let key = `${measurement.name} ${topic.node}`
    for (const name in tags) key += ` ${tags[name]}`
    const found = known.get(key)
    if (found) return found
    const all = { node: topic.node, zone: zoneOf(topic.node), ...tags } as Record<string, string>
    const series = createSeries(measurement, all)
    if (known.size >= seriesMax) known.clear()
    known.set(key, series)
    return series
  }

  function qualityToTell(node: NodeId, series: Series, code: FieldValue): FieldValue {
    if (code === undefined) return undefined
    const ofNode = marked.get(node)
    if (code === qualityCodes.recent) {
      if (!ofNode?.delete(series)) return undefined
      if (ofNode.size === 0) marked.delete(node)
      return code
    }
    if (ofNode) ofNode.add(series)
    else {
      if (marked.size >= seriesMax) marked.clear()
      marked.set(node, new Set([series]))
    }
    return code
  }

  function hasChanged(name: string, value: string, atMs: number): boolean {
    const last = newest.get(name)
    if (last && last.value === value && atMs - last.atMs < repeatMs && atMs >= last.atMs)
      return false
    if (newest.size >= seriesMax) newest.clear()
    // What is filled in later is written, but does not count as the newest.
    if (!last || atMs >= last.atMs) newest.set(name, { value, atMs })
    return true
  }

  return {
    isMarked: (node) => marked.size > 0 && marked.has(node),
    map(record, out) {
      const topic = topicOf(record.topic)
      const mapping = topic && mappingOf(topic)
      if (!topic || !mapping) return
      const decoded = decodePayload(record.payload)
      if ('error' in decoded) return
      const add: Add = (measurement, tags, atMs, values) => {
        // The gateway tells of others: a command or a decision of its junction, an alarm of its device.
        const about = typeof tags.node === 'string' ? { ...topic, node: tags.node as never } : topic
        const series = seriesOf(measurement, about, tags)
        const told = (name: string) =>
          name === 'quality' ? qualityToTell(about.node, series, values.quality) : values[name]
        out.push({ series, values: measurement.fields.map(({ name }) => told(name)), atMs })
      }
      mapping({ topic, record, add, hasChanged }, decoded.value as never)
    },
  }
}

function mappingOf(topic: Topic): Mapping | undefined {
  switch (topic.type) {
    case 'status':
    case 'replay':
      return statuses[topic.code]
    case 'alarm':
      return alarm
    case 'result':
      return result
    case 'presence':
      return presence
    default:
      return undefined
  }
}

const statuses: Readonly<Record<string, Mapping>> = {
  'traffic.count': (context, message: TrafficCount) => {
    for (const entry of message.entries) {
      const atMs = Date.parse(entry.ts)
      const { windowMs, detectors } = entry.values
      const window = windowTags.get(windowMs) ?? 'other'
      for (const component in detectors) {
        const value = detectors[component]!
        context.add(measurements.trafficCount, { component, window }, atMs, {
          vehicles: value.vehicles,
          occupancy: value.occupancy ?? undefined,
          speed: value.speed ?? undefined,
          quality: qualityOf(context.record, component, value.quality, entry.quality),
          window_ms: windowMs,
        })
      }
    }
  },
  'traffic.queue': (context, message: TrafficQueue) => {
    for (const entry of message.entries) {
      const atMs = Date.parse(entry.ts)
      const { lanes } = entry.values
      for (const component in lanes) {
        const value = lanes[component]!
        context.add(measurements.trafficQueue, { component }, atMs, {
          queue_vehicles: value.queueVehicles,
          queue_meters: value.queueMeters,
          approaching_vehicles: value.approachingVehicles,
          passed_vehicles: value.passedVehicles,
          blocked_vehicles: value.blockedVehicles,
          range_meters: value.rangeMeters,
          quality: qualityOf(context.record, component, value.quality, entry.quality),
        })
      }
    }
  },
  'tlc.groups': (context, message: TlcGroups) => {
    const { node } = context.topic
    for (const entry of message.entries) {
      const atMs = Date.parse(entry.ts)
      const { groups, stage, nextStage, cycleCounter } = entry.values
      for (const component in groups) {
        const lamp = groups[component]!
        if (!context.hasChanged(`${node} ${component}`, lamp, atMs)) continue
        context.add(measurements.tlcGroups, { component }, atMs, { state: lampCodes[lamp] })
      }
      const stages = { stage: stage ?? 0, next_stage: nextStage ?? 0, cycle_counter: cycleCounter }
      if (!context.hasChanged(node, `${stages.stage} ${stages.next_stage}`, atMs)) continue
      context.add(measurements.tlcStage, {}, atMs, stages)
    }
  },
  'tlc.plan': (context, message: TlcPlan) => {
    for (const entry of message.entries) {
      const atMs = Date.parse(entry.ts)
      const { plan, cycleS, offsetS, greensS, source } = entry.values
      context.add(measurements.tlcPlan, {}, atMs, {
        plan,
        cycle_s: cycleS,
        offset_s: offsetS,
        source,
        is_central: source === 'central',
      })
      for (const stage in greensS)
        context.add(measurements.tlcGreen, { stage }, atMs, { green_s: greensS[stage] })
    }
  },
  'tlc.mode': (context, message: TlcMode) => {
    for (const entry of message.entries) {
      const { mode, control, stage } = entry.values
      context.add(measurements.tlcMode, {}, Date.parse(entry.ts), {
        mode,
        control,
        is_normal: mode === 'normal',
        is_central: control === 'central',
        held_stage: stage ?? 0,
      })
    }
  },
  'system.health': (context, message: SystemHealth) => {
    for (const entry of message.entries) {
      const { uptimeS, cpuPercent, memoryPercent, temperatureC, clockOffsetMs } = entry.values
      context.add(measurements.health, {}, Date.parse(entry.ts), {
        uptime_s: uptimeS,
        cpu_percent: cpuPercent,
        memory_percent: memoryPercent,
        temperature_c: temperatureC,
        clock_offset_ms: clockOffsetMs,
      })
    }
  },
  'gateway.commands': (context, message: GatewayCommands) => {
    for (const entry of message.entries) {
      const { id, junction, code, state, reason, issuer } = entry.values
      context.add(measurements.command, { code, node: junction, state }, Date.parse(entry.ts), {
        count: 1,
        id,
        issuer: onOneLine(issuer),
        reason: reason && onOneLine(reason),
      })
    }
  },
  'gateway.control': (context, message: GatewayControl) => {
    for (const entry of message.entries) {
      const { junction, strategy, rung, decision, why, commandId, isShadow } = entry.values
      // A shadow may be the strategy that decides at the same moment.
      const role = isShadow ? 'shadow' : 'in-force'
      const tags = { node: junction, role, rung, strategy }
      context.add(measurements.decision, tags, Date.parse(entry.ts), {
        count: 1,
        decision,
        why: onOneLine(why),
        command_id: commandId,
        is_shadow: isShadow ?? false,
        forecast_age_ms: entry.values.forecastAgeMs,
        forecast_model: entry.values.forecastModel && onOneLine(entry.values.forecastModel),
      })
    }
  },
  'gateway.accounts': (context, message: GatewayAccounts) => {
    for (const entry of message.entries)
      context.add(measurements.accounts, {}, Date.parse(entry.ts), entry.values)
  },
  'gateway.devices': (context, message: GatewayDevices) => {
    for (const entry of message.entries) {
      const atMs = Date.parse(entry.ts)
      for (const [node, figures] of Object.entries(entry.values.nodes)) {
        const { clockOffsetMs, ...counts } = figures
        const values = { ...counts, clock_offset_ms: clockOffsetMs }
        context.add(measurements.devices, { node }, atMs, values)
      }
    }
  },
  'gateway.models': (context, message: GatewayModels) => {
    for (const { ts, values } of message.entries) {
      const { event, model, facts } = values
      const text = (value: unknown) => (typeof value === 'string' ? onOneLine(value) : undefined)
      const number = (value: unknown) => (typeof value === 'number' ? value : undefined)
      const quantity = text(facts.quantity) ?? ''
      context.add(measurements.model, { event, model, quantity }, Date.parse(ts), {
        count: 1,
        from: text(facts.from),
        why: text(facts.why ?? facts.reason),
        pairs: number(facts.pairs),
        ratio: number(facts.ratio),
        facts: onOneLine(JSON.stringify(facts)),
      })
    }
  },
  'sim.street': (context, message: SimStreet) => {
    for (const entry of message.entries) {
      context.add(measurements.street, {}, Date.parse(entry.ts), {
        vehicles: entry.values.vehicles,
        control_delay_s: entry.values.controlDelayS,
        local_plan_delay_s: entry.values.localPlanDelayS ?? undefined,
        monitor_violations: entry.values.monitorViolations,
      })
    }
  },
}

/** All alarms share their shape; `kind` is the vocabulary each has (a lamp's is its color). */
function alarm(context: Context, message: DetectorFault) {
  for (const entry of message.entries) {
    const values = entry.values as Readonly<Record<string, string | undefined>>
    const tags = {
      node: alarmNode(context.topic.node, values),
      code: context.topic.code,
      component: entry.component ?? values.group ?? '',
      kind: values.kind ?? values.color ?? '',
    }
    const text = values.text === undefined ? undefined : onOneLine(values.text)
    context.add(measurements.alarm, tags, Date.parse(entry.ts), { active: entry.active, text })
  }
}

function result(context: Context, message: Result) {
  const tags = { code: context.topic.code, state: message.state }
  context.add(measurements.commandResult, tags, Date.parse(message.ts), {
    count: 1,
    id: message.id,
    reason: message.reason === undefined ? undefined : onOneLine(message.reason),
  })
}

function presence(context: Context, message: Presence) {
  const { state } = message
  const values = { online: state === 'online', state }
  context.add(measurements.presence, {}, Date.parse(message.ts), values)
}

/** The worst of what the device says of the value, of the entry, and what the door noticed. */
function qualityOf(
  record: SourceRecord,
  component: string,
  ...said: readonly (Quality | undefined)[]
): number {
  let code: number = record.notes?.replay || isReplay(record) ? qualityCodes.old : 0
  for (const quality of said) if (quality) code = Math.max(code, qualityCodes[quality])
  const noted = record.notes?.qualities?.[component]
  return noted ? Math.max(code, qualityCodes[noted]) : code
}

function isReplay(record: SourceRecord): boolean {
  return record.topic.includes('/replay/')
}
