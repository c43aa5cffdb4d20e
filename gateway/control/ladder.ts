/**
 * How much the gateway dares, junction by junction: predictive → plan → local. A pure state machine.
 *
 *             forecast distrusted · detector lost              controller stale, offline, faulty, taken over ·
 *             telemetry stale · strategy failed                blind · commands refused again and again
 *   predictive ────────────────────────────▶ plan ────────────────────────────▶ local
 *        ▲                                    │ ▲                                │
 *        └── healthyCycles without a reason ──┘ └──── the same, one rung up ─────┘
 *
 * - Down at once, up one rung at a time, and only after whole cycles without any reason to be lower.
 * - At `local` nothing is sent and no lease renewed: the controller's own plan takes over when the lease ends.
 * - A junction is new at `local`, and takes the rung its input allows at the first look: nothing has gone
 *   wrong yet that time would have to heal.
 */
import { liesAhead } from './freshness.ts'

export type Rung = 'predictive' | 'plan' | 'local'

const triggers = [
  'started',
  'controller-offline',
  'controller-stale',
  'controller-fault',
  'local-control',
  'mode',
  'commands-failed',
  'blind',
  'telemetry-stale',
  'detector-lost',
  'forecast-distrusted',
  'strategy-failed',
  'healthy',
] as const
export type Trigger = (typeof triggers)[number]

/** What one look at a junction found. Shares are 0 to 1; undefined where there is nothing to have a share of. */
export interface LadderFacts {
  readonly isReachable: boolean
  /** Age of the newest status of the controller, negative for one dated ahead; undefined when it has shown nothing yet. */
  readonly signalAgeMs: number | undefined
  /** Undefined until the controller has told. */
  readonly mode: 'normal' | 'flashing' | 'dark' | 'all-red' | 'fault' | undefined
  readonly control: 'central' | 'local' | 'manual' | undefined
  /** An operator's command of ours is why the mode is not normal. */
  readonly isModeOurs: boolean
  readonly hasFault: boolean
  /** Commands in a row that were rejected or never shown. */
  readonly failedCommands: number
  /** Of the lanes that have a queue sensor: the share whose newest value is fresh. */
  readonly freshLaneShare: number | undefined
  /** Signal groups of which no lane has a value that can be trusted, though a sensor is there. */
  readonly blindGroups: readonly string[]
  /** Mean confidence of the junction's forecasts; undefined while they have never been worth trusting. */
  readonly forecastConfidence: number | undefined
  readonly strategyFailed: boolean
  /** Present cycle, for the hysteresis. */
  readonly cycleMs: number
}

export interface LadderLimits {
  readonly signalAgeMsMax: number
  readonly failedCommandsMax: number
  readonly freshLaneShareMin: number
  readonly forecastConfidenceMin: number
  readonly healthyCycles: number
}

export const defaultLadderLimits: LadderLimits = {
  signalAgeMsMax: 30_000,
  failedCommandsMax: 4,
  freshLaneShareMin: 0.5,
  forecastConfidenceMin: 0.15,
  healthyCycles: 2,
}

export interface LadderState {
  readonly rung: Rung
  readonly trigger: Trigger
  /** For people. */
  readonly why: string
  readonly sinceMs: number
  /** Since when a higher rung would have been possible without a break. */
  readonly healthySinceMs: number | undefined
}

interface Ceiling {
  readonly rung: Rung
  readonly trigger: Trigger
  readonly why: string
}

export function newLadder(nowMs: number): LadderState {
  return {
    rung: 'local',
    trigger: 'started',
    why: 'nothing has been seen of the junction yet',
    sinceMs: nowMs,
    healthySinceMs: undefined,
  }
}

/** The next state; the same object when nothing changes. */
export function climb(
  state: LadderState,
  facts: LadderFacts,
  nowMs: number,
  limits: LadderLimits,
): LadderState {
  const ceiling = ceilingOf(facts, limits)
  if (state.trigger === 'started') {
    if (ceiling.rung !== 'local') return enter(ceiling, nowMs)
    return ceiling.why === state.why ? state : { ...state, why: ceiling.why }
  }
  const step = heights[ceiling.rung] - heights[state.rung]
  if (step < 0) return enter(ceiling, nowMs)
  if (step === 0) {
    const isNewReason = ceiling.trigger !== state.trigger && ceiling.trigger !== 'healthy'
    const named = isNewReason ? { ...state, trigger: ceiling.trigger, why: ceiling.why } : state
    return named.healthySinceMs === undefined ? named : { ...named, healthySinceMs: undefined }
  }
  if (state.healthySinceMs === undefined || state.healthySinceMs > nowMs) {
    return { ...state, healthySinceMs: nowMs }
  }
  if (nowMs - state.healthySinceMs < limits.healthyCycles * facts.cycleMs) return state
  return {
    rung: state.rung === 'local' ? 'plan' : 'predictive',
    trigger: 'healthy',
    why: `${limits.healthyCycles} cycles without a reason to stay lower`,
    sinceMs: nowMs,
    healthySinceMs: step > 1 ? nowMs : undefined,
  }
}

const heights: Readonly<Record<Rung, number>> = { local: 0, plan: 1, predictive: 2 }

function enter(ceiling: Ceiling, nowMs: number): LadderState {
  return { ...ceiling, sinceMs: nowMs, healthySinceMs: undefined }
}

/** The highest rung the facts allow, and what stands in the way of the next. */
function ceilingOf(facts: LadderFacts, limits: LadderLimits): Ceiling {
  const low = toLocal(facts, limits)
  if (low) return { rung: 'local', trigger: low[0], why: low[1] }
  const middle = toPlan(facts, limits)
  if (middle) return { rung: 'plan', trigger: middle[0], why: middle[1] }
  return { rung: 'predictive', trigger: 'healthy', why: 'all that is needed is there' }
}

type Reason = readonly [Trigger, string]

function toLocal(facts: LadderFacts, limits: LadderLimits): Reason | undefined {
  const { signalAgeMs, mode, control } = facts
  if (!facts.isReachable) return ['controller-offline', 'the controller is not connected']
  if (signalAgeMs === undefined)
    return ['controller-stale', 'the controller has shown no lamps yet']
  if (signalAgeMs > limits.signalAgeMsMax) {
    return ['controller-stale', `the controller has shown nothing for ${seconds(signalAgeMs)}`]
  }
  if (liesAhead(signalAgeMs)) {
    const ahead = seconds(-signalAgeMs)
    return ['controller-stale', `all the controller has shown is dated ${ahead} ahead of our clock`]
  }
  if (mode === undefined || control === undefined) {
    return ['mode', 'the controller has not told its mode yet']
  }
  if (control !== 'central') return ['local-control', `the junction is under ${control} control`]
  if (facts.hasFault || mode === 'fault')
    return ['controller-fault', 'the controller reports a fault']
  if (mode !== 'normal' && !facts.isModeOurs) return ['mode', `the junction is in mode ${mode}`]
  if (facts.failedCommands >= limits.failedCommandsMax) {
    return ['commands-failed', `${facts.failedCommands} commands in a row came to nothing`]
  }
  const isUnforeseen = (facts.forecastConfidence ?? 0) < limits.forecastConfidenceMin
  if (facts.freshLaneShare === 0 && isUnforeseen) {
    return ['blind', 'no lane has a fresh value and no forecast can be trusted']
  }
  return undefined
}

function toPlan(facts: LadderFacts, limits: LadderLimits): Reason | undefined {
  const { freshLaneShare, blindGroups, forecastConfidence } = facts
  if (freshLaneShare !== undefined && freshLaneShare < limits.freshLaneShareMin) {
    const share = Math.round(freshLaneShare * 100)
    return ['telemetry-stale', `only ${share} % of the lanes have a fresh value`]
  }
  if (blindGroups.length > 0) {
    return ['detector-lost', `no detector can be trusted for ${blindGroups.join(', ')}`]
  }
  const isDistrusted =
    forecastConfidence !== undefined && forecastConfidence < limits.forecastConfidenceMin
  if (isDistrusted) {
    const confidence = Math.round(forecastConfidence * 100)
    return ['forecast-distrusted', `the forecast has a confidence of ${confidence} %`]
  }
  if (facts.strategyFailed) return ['strategy-failed', 'the strategy failed']
  return undefined
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1000)} s`
}
