/**
 * Decision records for the status gateway.control: what was decided, why, and the forecast it rests on.
 *
 * - One record whenever the decision changes or a command leaves, and one a minute while nothing changes, so
 *   that a reader who comes late sees where things stand.
 * - A shadow's records run beside those in force and do not disturb them.
 */
import type { GatewayControl } from '../../schemas/generated/messages.ts'
import type { NodeId } from '../../schemas/ids.ts'
import { formatTimestamp } from '../../schemas/time.ts'
import { type Intent, intentOf } from './intent.ts'
import type { ControlOutput, Decision, IssuedCommand, JunctionView, LaneFlow } from './ports.ts'

type RecordValues = GatewayControl['entries'][number]['values']

export interface Recorded {
  readonly strategy: string
  readonly rung: RecordValues['rung']
  readonly decision: RecordValues['decision']
  readonly why: string
  readonly values?: Readonly<Record<string, unknown>>
  readonly commandId?: string
  readonly isShadow?: boolean
  /** Said even though it reads like the one before. */
  readonly isForced?: boolean
  readonly view?: JunctionView
}

/** How long an unchanged decision goes unrepeated. */
const repeatMs = 60_000
const whyLengthMax = 1000
/** Of a model file's checksum: enough to tell two files apart. */
const checksumDigits = 16

export function createDecisionRecorder(output: ControlOutput): {
  record(junction: NodeId, atMs: number, recorded: Recorded): void
} {
  const last = new Map<string, { readonly text: string; readonly atMs: number }>()

  return {
    record(junction, atMs, recorded) {
      const { strategy, rung, decision, values, commandId, isShadow = false } = recorded
      const key = isShadow ? `${junction} ${strategy}` : junction
      const text = JSON.stringify([strategy, rung, decision, values])
      const before = last.get(key)
      const isNews = before?.text !== text || Math.abs(atMs - before.atMs) >= repeatMs
      if (!isNews && commandId === undefined && !recorded.isForced) return
      last.set(key, { text, atMs })
      output.decided({
        atMs,
        values: {
          junction,
          strategy,
          rung,
          decision,
          why: recorded.why.slice(0, whyLengthMax),
          ...(commandId === undefined ? {} : { commandId }),
          ...(isShadow ? { isShadow } : {}),
          ...(values === undefined ? {} : { values }),
          ...(recorded.view ? forecastOf(recorded.view) : {}),
        },
      })
    },
  }
}

function forecastOf(
  view: JunctionView,
): Pick<RecordValues, 'forecast' | 'forecastModel' | 'forecastAgeMs' | 'forecastInputs'> {
  const flows = Object.entries(view.flows)
  if (flows.length === 0) return {}
  const newestAtMs = Math.max(...flows.map(([, flow]) => flow.newestReadingAtMs))
  return {
    forecast: Object.fromEntries(
      flows.map(([lane, flow]) => [lane, Math.max(0, Math.round(flow.vehiclesPerHour15))]),
    ),
    forecastModel: flows[0]?.[1].model ?? '',
    forecastAgeMs: Math.max(0, Math.round(view.nowMs - newestAtMs)),
    ...inputsOf(flows),
  }
}

type RecordInput = NonNullable<RecordValues['forecastInputs']>[number]

/** What the lanes' forecasts were made from. Mostly it is one thing for all: then the lanes are not listed. */
function inputsOf(flows: readonly (readonly [lane: string, LaneFlow])[]) {
  const groups = new Map<string, { input: RecordInput; lanes: string[]; confidence: number }>()
  for (const [lane, { model, confidence, input }] of flows) {
    if (!input) continue
    const { sha256, fromMs, toMs, offsets } = input
    const key = `${model} ${fromMs} ${toMs} ${offsets?.[1]}`
    const group = groups.get(key)
    if (group) {
      group.lanes.push(lane)
      group.confidence = Math.min(group.confidence, confidence)
      if (offsets && group.input.offsets)
        group.input.offsets[0] = Math.min(group.input.offsets[0]!, offsets[0])
      continue
    }
    const window = { from: formatTimestamp(fromMs), to: formatTimestamp(toMs) }
    groups.set(key, {
      input: {
        model,
        ...(sha256 ? { sha256: sha256.slice(0, checksumDigits) } : {}),
        ...window,
        ...(offsets ? { offsets: [...offsets] } : {}),
        confidence: 0,
      },
      lanes: [lane],
      confidence,
    })
  }
  if (groups.size === 0) return {}
  const isOne = groups.size === 1 && [...groups.values()][0]!.lanes.length === flows.length
  return {
    forecastInputs: [...groups.values()].map(({ input, lanes, confidence }) => ({
      ...input,
      confidence: Math.round(confidence * 100) / 100,
      ...(isOne ? {} : { lanes }),
    })),
  }
}

/** What became of a wish. */
export type Outcome =
  | {
      readonly kind: 'issued'
      readonly why: string
      readonly command: IssuedCommand
      /** Another stage than the one wished for, because a group had waited long enough. */
      readonly isRelief: boolean
    }
  | { readonly kind: 'in-force'; readonly why: string; readonly isRelief: boolean }
  | { readonly kind: 'held-back' | 'refused' | 'undeliverable'; readonly why: string }

const decisionOf = {
  'tlc.timing.set': 'timing',
  'tlc.plan.set': 'plan',
  'tlc.stage.set': 'stage',
  'tlc.priority.request': 'stage',
  'tlc.mode.set': 'mode',
} as const

/** What the record says: the decision as taken, or what became of it instead. */
export function recordOf(
  decision: Decision | undefined,
  outcome: Outcome | undefined,
  asked?: Intent,
): {
  decision: Decision['kind'] | 'mode'
  why: string
  values?: Readonly<Record<string, unknown>>
  commandId?: string
} {
  if (outcome?.kind === 'issued') {
    const { code, values, id } = outcome.command
    return { decision: decisionOf[code], why: outcome.why, values, commandId: id }
  }
  const isDropped = outcome !== undefined && outcome.kind !== 'in-force'
  const intent = decision ? intentOf(decision) : asked
  if (!intent) return { decision: decision?.kind ?? 'keep', why: decision?.why ?? '' }
  if (isDropped) return { decision: 'keep', why: outcome.why, values: intent.values }
  return { decision: decisionOf[intent.code], why: intent.why, values: intent.values }
}
