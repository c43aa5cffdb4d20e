/**
 * From a decision to the command that carries it out: lease and expiry chosen, fitted into the envelope, and
 * dropped where it would change nothing. Pure.
 *
 * The guard judges afterwards all the same: this is where a sensible wish is made a permissible one, not where
 * it is permitted.
 */
import type { Junction } from '../../schemas/generated/messages.ts'
import type { NodeId } from '../../schemas/ids.ts'
import { envelopeOf, tightestRed } from './envelope.ts'
import { countChanges, holdForMsMax, isRecent, stageChangesPerWindowMax } from './guard.ts'
import type { ControlCommand, Decision, IssuedCommand, SignalKnowledge } from './ports.ts'

export interface Intent {
  readonly code: ControlCommand['code']
  readonly component?: string
  readonly values: Readonly<Record<string, unknown>>
  readonly holdForMs: number
  readonly why: string
}

/** The least lease worth sending: less would be over before its renewal is in force. */
const leaseMsMin = 4_000
/** A command that asks for what is shown already is in force at once or not at all. */
const renewalExpiryMs = 5_000
/** Beyond the minimum green that may still run: the way there and back and the controller's step. */
const stageExpiryMs = 8_000
const timingExpiryMs = 30_000
/** A lease is renewed when this share of it is left, or when the next look but one would come too late. */
const renewAtShare = 0.4
const renewAtShareMax = 0.8
/** A renewal that prolongs a lease by less is not worth sending. */
const renewalGainMsMin = 1_000

/** Leases of what an operator or a vehicle asks for, renewed while the ask holds. */
export const askLeaseMs: Readonly<Record<Intent['code'], number>> = {
  'tlc.stage.set': 15_000,
  'tlc.priority.request': 15_000,
  'tlc.mode.set': 30_000,
  'tlc.timing.set': 180_000,
  'tlc.plan.set': 180_000,
}

export function intentOf(decision: Decision): Intent | undefined {
  if (decision.kind === 'keep' || decision.kind === 'release') return undefined
  const { holdForMs, why } = decision
  return { ...orderOf(decision), holdForMs, why }
}

function orderOf(
  decision: Exclude<Decision, { kind: 'keep' | 'release' }>,
): Pick<Intent, 'code' | 'values'> {
  switch (decision.kind) {
    case 'timing':
      return { code: 'tlc.timing.set', values: { ...decision.timing } }
    case 'stage':
      return { code: 'tlc.stage.set', values: { stage: decision.stage } }
    case 'plan':
      return { code: 'tlc.plan.set', values: { plan: decision.plan } }
  }
}

export type Fitted =
  | { readonly kind: 'fits'; readonly intent: Intent }
  /** It cannot be held any longer; this is what relieves the group that would wait too long. */
  | { readonly kind: 'instead'; readonly intent: Intent }
  | { readonly kind: 'never'; readonly why: string }

export function expiryOf(
  intent: Intent,
  junction: Junction,
  shownStage: number | null | undefined,
): number {
  if (intent.code === 'tlc.stage.set' || intent.code === 'tlc.mode.set') {
    if (intent.values.stage === shownStage && shownStage !== null) return renewalExpiryMs
    return stageExpiryMs + envelopeOf(junction).longestMinGreenS * 1000
  }
  return timingExpiryMs
}

/** A hold that fits: its lease cut to what maximum red leaves, or another stage where nothing is left. */
export function fitInto(
  intent: Intent,
  junction: Junction,
  knowledge: SignalKnowledge,
  shownStage: number | null | undefined,
): Fitted {
  const capped = { ...intent, holdForMs: Math.min(intent.holdForMs, holdForMsMax[intent.code]) }
  const isAllRed = intent.code === 'tlc.mode.set' && intent.values.mode === 'all-red'
  if (intent.code !== 'tlc.stage.set' && !isAllRed) return { kind: 'fits', intent: capped }
  const stage = isAllRed ? null : (intent.values.stage as number)
  const leftMs = holdLeftMs(capped, junction, knowledge, stage, shownStage)
  // A short ask is a short ask; only what maximum red cuts short can be too short.
  if (leftMs >= Math.min(capped.holdForMs, leaseMsMin)) {
    const holdForMs = Math.min(capped.holdForMs, Math.floor(leftMs / 1000) * 1000)
    return { kind: 'fits', intent: { ...capped, holdForMs } }
  }
  const waiting = tightestRed(junction, knowledge, stage, noLease)?.group ?? ''
  return relief(capped, junction, knowledge, shownStage, waiting)
}

const noLease = { startsInMs: 0, holdForMs: 0 }

function holdLeftMs(
  intent: Intent,
  junction: Junction,
  knowledge: SignalKnowledge,
  stage: number | null,
  shownStage: number | null | undefined,
): number {
  const startsInMs = expiryOf(intent, junction, shownStage)
  const tightest = tightestRed(junction, knowledge, stage, { startsInMs, holdForMs: 0 })
  if (!tightest) return Number.POSITIVE_INFINITY
  return (tightest.maxRedS - tightest.reachS) * 1000
}

/** The stage that serves the waiting group and leaves the others most time. */
function relief(
  intent: Intent,
  junction: Junction,
  knowledge: SignalKnowledge,
  shownStage: number | null | undefined,
  waiting: string,
): Fitted {
  let best: { readonly intent: Intent; readonly leftMs: number } | undefined
  for (const [stage, groups] of envelopeOf(junction).served) {
    if (!groups.has(waiting)) continue
    const other: Intent = {
      code: 'tlc.stage.set',
      values: { stage },
      holdForMs: leaseMsMin,
      why: `${waiting} is near its maximum red: stage ${stage} is called for it`,
    }
    const leftMs = holdLeftMs(other, junction, knowledge, stage, shownStage)
    if (!best || leftMs > best.leftMs) best = { intent: other, leftMs }
  }
  if (best && best.leftMs >= leaseMsMin) return { kind: 'instead', intent: best.intent }
  const why = `${waiting} is near its maximum red and no stage can be held any longer`
  return { kind: 'never', why: `${why}; asked was: ${intent.why}` }
}

/** Whether the newest command of the slot already says the same, and for how long still. */
export function isInForce(
  intent: Intent,
  issuer: string,
  newest: IssuedCommand | undefined,
  nowMs: number,
  periodMs: number,
): boolean {
  if (!newest || newest.code !== intent.code || newest.issuer !== issuer) return false
  if (JSON.stringify(newest.values) !== JSON.stringify(intent.values)) return false
  if (newest.appliedAtMs === undefined) return true // On its way; it ends by itself if nothing comes of it.
  const leftMs = newest.appliedAtMs + newest.holdForMs - nowMs
  // What ends soon anyway needs no renewal to end a second later.
  if (leftMs >= intent.holdForMs - renewalGainMsMin) return true
  const { holdForMs } = newest
  const renewAtMs = Math.max(holdForMs * renewAtShare, periodMs * 2)
  return leftMs > Math.min(renewAtMs, holdForMs * renewAtShareMax)
}

/** Changes of stage that the rate bound still leaves in this minute. */
export function stageChangesLeft(
  history: readonly IssuedCommand[],
  stage: unknown,
  nowMs: number,
): number {
  const recent = history.filter((issued) => isRecent(issued, nowMs))
  const targets = recent.flatMap((it) => (it.code === 'tlc.stage.set' ? [it.values.stage] : []))
  return stageChangesPerWindowMax - countChanges([...targets, stage])
}

export function commandOf(
  intent: Intent,
  junction: NodeId,
  issuer: string,
  expiresInMs: number,
): ControlCommand {
  return {
    junction,
    code: intent.code,
    ...(intent.component === undefined ? {} : { component: intent.component }),
    values: intent.values,
    issuer,
    holdForMs: intent.holdForMs,
    expiresInMs,
  }
}

/** Commands of one slot replace each other on the device. */
export const slotOf = {
  'tlc.timing.set': 'timing',
  'tlc.plan.set': 'timing',
  'tlc.stage.set': 'stage',
  'tlc.priority.request': 'stage',
  'tlc.mode.set': 'mode',
} as const
