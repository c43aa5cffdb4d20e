/**
 * What one controller has shown: its newest lamps, plan and mode, and since when each group has been without
 * green. Plain functions on one record per junction; site-state.ts keeps the records.
 */
import type { Junction, TlcGroups, TlcMode, TlcPlan } from '../../schemas/generated/messages.ts'
import { parseTimestamp } from '../../schemas/time.ts'
import { envelopeOf } from './envelope.ts'
import { liesAhead } from './freshness.ts'
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

export function newer<T>(
  known: Timed<T> | undefined,
  seen: Timed<T>,
  { receivedAtMs }: Arrival,
): Timed<T> {
  return known && known.atMs > seen.atMs && !liesAhead(receivedAtMs - known.atMs) ? known : seen
}

const isGreen = (lamp: LampState) => lamp === 'G' || lamp === 'g'

export function seeLamps(
  junction: Junction,
  signal: SignalState,
  seen: Timed<GroupsValues>,
  { receivedAtMs }: Arrival,
) {
  if (signal.groups && signal.groups.atMs > seen.atMs) {
    if (!liesAhead(receivedAtMs - signal.groups.atMs)) return
    dateBack(junction, signal, signal.groups, seen)
  }
  const before = signal.groups
  const known: Record<string, GroupKnowledge> = {}
  for (const group of Object.keys(junction.groups)) {
    const lamp = seen.values.groups[group]
    const last = signal.known[group]
    if (lamp !== undefined) {
      const isServed = isGreen(lamp)
      const redSinceAtMs = isServed ? undefined : redSince(junction, group, last, before, seen)
      known[group] = { lamp, redSinceAtMs }
    } else if (last) {
      // Not named any more: it may have turned red right after it was last seen.
      known[group] = { ...last, redSinceAtMs: last.redSinceAtMs ?? before?.atMs }
    }
  }
  signal.known = known
  signal.groups = seen
}

/**
 * Our clock was put back since the lamps before were seen. What counts by the new one is how long each group had been
 * without green; where a status is missing in between, nobody knows for how long that was, and the plan's longest is taken.
 */
function dateBack(
  junction: Junction,
  signal: SignalState,
  before: Timed<GroupsValues>,
  seen: Timed<GroupsValues>,
) {
  const byMs = before.atMs - seen.atMs
  const isNext = seen.seq === before.seq + 1
  const known: Record<string, GroupKnowledge> = {}
  for (const [group, last] of Object.entries(signal.known)) {
    const { redSinceAtMs } = last
    const sinceAtMs = redSinceAtMs === undefined ? undefined : redSinceAtMs - byMs
    const longestAgoMs = Math.min(sinceAtMs ?? seen.atMs, seen.atMs - localRedMs(junction, group))
    known[group] = { ...last, redSinceAtMs: isNext ? sinceAtMs : longestAgoMs }
  }
  signal.known = known
  signal.groups = { ...before, atMs: seen.atMs }
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
  return seen.atMs - localRedMs(junction, group)
}

/** None for a group that the local plan never serves: no hold of another stage is allowed beside it anyway. */
function localRedMs(junction: Junction, group: string): number {
  const localRedS = envelopeOf(junction).localRedS(group)
  return Number.isFinite(localRedS) ? localRedS * 1000 : 0
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

/** Of the newest status that our clock has reached; negative when it was put back and has reached none again. */
export function ageOf(signal: SignalState, nowMs: number): number | undefined {
  if (!signal.groups) return undefined
  const { groups, plan, mode } = signal
  const ages = [groups, plan, mode].flatMap((it) => (it ? [nowMs - it.atMs] : []))
  const reached = ages.filter((ageMs) => !liesAhead(ageMs))
  return reached.length === 0 ? Math.max(...ages) : Math.max(0, Math.min(...reached))
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
    mode: signal.mode?.values.mode,
    control: signal.mode?.values.control,
  }
}
