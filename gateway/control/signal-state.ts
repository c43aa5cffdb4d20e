/**
 * What one controller has shown: its newest lamps, plan and mode, and since when each group has been without
 * green. Plain functions on one record per junction; site-state.ts keeps the records.
 */
import type { Junction, TlcGroups, TlcMode, TlcPlan } from '../../schemas/generated/messages.ts'
import { parseTimestamp } from '../../schemas/time.ts'
import { envelopeOf } from './envelope.ts'
import type {
  GroupKnowledge,
  LampState,
  ObservedMessage,
  SignalKnowledge,
  SignalView,
} from './ports.ts'

type GroupsValues = TlcGroups['entries'][number]['values']
type PlanValues = TlcPlan['entries'][number]['values']
type ModeValues = TlcMode['entries'][number]['values']

export interface Timed<T> {
  readonly atMs: number
  readonly seq: number
  readonly values: T
}

export interface SignalState {
  groups: Timed<GroupsValues> | undefined
  plan: Timed<PlanValues> | undefined
  mode: Timed<ModeValues> | undefined
  known: Record<string, GroupKnowledge>
  readonly faults: Set<string>
}

export function newSignal(): SignalState {
  return {
    groups: undefined,
    plan: undefined,
    mode: undefined,
    known: {},
    faults: new Set(),
  }
}

export function timed<T>(
  entry: { readonly ts: string; readonly seq: number; readonly values: T },
  message: Arrival,
): Timed<T> {
  return { atMs: momentOf(entry.ts, message), seq: entry.seq, values: entry.values }
}

type Arrival = Pick<ObservedMessage, 'receivedAtMs' | 'notes'>

/**
 * When it was so. A clock that runs ahead is not believed: what it dates into the future is as of its arrival, or it
 * would look fresh for as long and stand in the way of everything that comes after the clock was put right.
 */
export function momentOf(ts: string, { receivedAtMs, notes }: Arrival): number {
  const atMs = parseTimestamp(ts) ?? 0
  return notes?.future ? Math.min(atMs, receivedAtMs) : atMs
}

export function newer<T>(known: Timed<T> | undefined, seen: Timed<T>): Timed<T> {
  return known && known.atMs > seen.atMs ? known : seen
}

const isGreen = (lamp: LampState) => lamp === 'G' || lamp === 'g'

export function seeLamps(junction: Junction, signal: SignalState, seen: Timed<GroupsValues>) {
  const before = signal.groups
  if (before && before.atMs > seen.atMs) return
  const known: Record<string, GroupKnowledge> = {}
  for (const [group, lamp] of Object.entries(seen.values.groups)) {
    if (!Object.hasOwn(junction.groups, group)) continue
    const last = signal.known[group]
    known[group] = {
      lamp,
      redSinceAtMs: isGreen(lamp) ? undefined : redSince(junction, group, last, before, seen),
    }
  }
  signal.known = known
  signal.groups = seen
}

/** The earliest moment since which the group may have been without green. */
function redSince(
  junction: Junction,
  group: string,
  last: GroupKnowledge | undefined,
  before: Timed<GroupsValues> | undefined,
  seen: Timed<GroupsValues>,
): number {
  if (last && before) {
    // Where a status is missing in between, it may have turned red right after the one before.
    const turnedAtMs = seen.seq === before.seq + 1 ? seen.atMs : before.atMs
    return last.redSinceAtMs ?? turnedAtMs
  }
  // Never seen before: a controller in its first cycle has just begun, another may be anywhere in its plan.
  if (seen.values.cycleCounter === 0) return seen.atMs
  const localRedS = envelopeOf(junction).localRedS(group)
  return seen.atMs - (Number.isFinite(localRedS) ? localRedS * 1000 : 0)
}

export function signalViewOf(
  junction: Junction,
  signal: SignalState | undefined,
  nowMs: number,
): SignalView | undefined {
  if (!signal?.groups) return undefined
  const { atMs, values } = signal.groups
  const plan = signal.plan?.values
  const local = junction.plans[String(junction.localPlan)]
  const stageSinceMs =
    values.stage === null ? 0 : (values.stageSinceMs ?? 0) + Math.max(0, nowMs - atMs)
  return {
    groups: values.groups,
    stage: values.stage,
    nextStage: values.nextStage ?? null,
    stageSinceMs,
    cycleCounter: values.cycleCounter,
    timing: {
      plan: plan?.plan ?? junction.localPlan,
      cycleS: plan?.cycleS ?? local?.cycleS ?? junction.cycleS.max,
      offsetS: plan?.offsetS ?? local?.offsetS ?? 0,
      greensS: plan?.greensS ?? local?.greensS ?? {},
    },
    seenAtMs: atMs,
  }
}

export function ageOf(signal: SignalState, nowMs: number): number | undefined {
  if (!signal.groups) return undefined
  const newestAtMs = Math.max(signal.groups.atMs, signal.plan?.atMs ?? 0, signal.mode?.atMs ?? 0)
  return Math.max(0, nowMs - newestAtMs)
}

export function knowledgeOf(
  signal: SignalState | undefined,
  nowMs: number,
): SignalKnowledge | undefined {
  if (!signal?.groups) return undefined
  return {
    nowMs,
    seenAtMs: signal.groups.atMs,
    groups: signal.known,
    plan: signal.plan?.values.plan,
    cycleS: signal.plan?.values.cycleS,
    mode: signal.mode?.values.mode ?? 'normal',
    control: signal.mode?.values.control ?? 'central',
  }
}
