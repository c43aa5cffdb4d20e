/**
 * What control sees, and what a strategy is. A strategy is pure: the same view and memory always give the
 * same decision; all it may keep is the memory it returns.
 */
import type { AskerRole } from '../../schemas/askers.ts'
import type { CodedError } from '../../schemas/coded-error.ts'
import type { GatewayControl, Junction, Result } from '../../schemas/generated/messages.ts'
import type { CommandId, NodeId } from '../../schemas/ids.ts'
import type { MessageType } from '../../schemas/topics.ts'
import type { Counter, Gauge, Histogram } from '../kit/metrics.ts'

export type LampState = 'G' | 'g' | 'y' | 'u' | 'r' | 'R' | 'O'

export interface TimingPlan {
  readonly plan: number
  readonly cycleS: number
  readonly offsetS: number
  /** Green per stage number (as text), intergreen not counted. */
  readonly greensS: Readonly<Record<string, number>>
}

/** What the controller's own statuses say. */
export interface SignalView {
  readonly groups: Readonly<Record<string, LampState>>
  /** Green stage; null while the stages change. */
  readonly stage: number | null
  /** The stage to come while they change. */
  readonly nextStage: number | null
  readonly stageSinceMs: number
  readonly cycleCounter: number
  readonly timing: TimingPlan
  readonly seenAtMs: number
}

/** The newest traffic.queue of a lane. */
export interface LaneView {
  readonly queueVehicles: number
  readonly queueMeters: number
  readonly approachingVehicles: number
  /** Crossings of the stop line since the entry before, where the sensor counts them. */
  readonly passedVehicles: number | undefined
  /** Seconds to the stop line of each approaching vehicle, where the sensor measures it. */
  readonly arrivalsS: readonly number[] | undefined
  readonly blockedVehicles: number
  readonly rangeMeters: number | undefined
  readonly seenAtMs: number
  readonly isTrusted: boolean
}

/** Forecast flow of a lane, vehicles per hour, from the stop-line detector. */
export interface LaneFlow {
  readonly vehiclesPerHour5: number
  readonly vehiclesPerHour15: number
  readonly confidence: number
  readonly model: string
  readonly newestReadingAtMs: number
  readonly input?: FlowInput
}

/** What a forecast was made from, for whoever wants to make it again. */
export interface FlowInput {
  readonly sha256?: string
  readonly fromMs: number
  readonly toMs: number
  readonly offsets?: readonly [from: number, to: number]
}

/** Everything a strategy may know about one junction at one moment: a plain value. */
export interface JunctionView {
  readonly nowMs: number
  readonly junction: Junction
  readonly signal: SignalView
  /** By lane component; absent when nothing was ever seen. */
  readonly lanes: Readonly<Record<string, LaneView>>
  readonly flows: Readonly<Record<string, LaneFlow>>
  /** What neighbours show, by node, where their statuses are known. */
  readonly neighbours: Readonly<
    Record<
      string,
      { readonly signal: SignalView; readonly lanes: Readonly<Record<string, LaneView>> }
    >
  >
}

export type Decision =
  | { readonly kind: 'keep'; readonly why: string }
  | {
      readonly kind: 'timing'
      readonly timing: Omit<TimingPlan, 'plan'>
      readonly holdForMs: number
      readonly why: string
    }
  | {
      readonly kind: 'stage'
      readonly stage: number
      readonly holdForMs: number
      readonly why: string
    }
  | {
      readonly kind: 'plan'
      readonly plan: number
      readonly holdForMs: number
      readonly why: string
    }
  | { readonly kind: 'release'; readonly why: string }

export interface Strategy<Memory = unknown> {
  readonly name: string
  /** How often it wants to be asked, in ms of the gateway's clock. */
  readonly periodMs: number
  /** Memory of a junction it has not seen. */
  remember(junction: Junction): Memory
  decide(
    view: JunctionView,
    memory: Memory,
  ): { readonly decision: Decision; readonly memory: Memory }
}

/** How one signal group stood when it was last seen. */
export interface GroupKnowledge {
  readonly lamp: LampState
  /** Moment since which it may have been without green; undefined while it is green. */
  readonly redSinceAtMs: number | undefined
}

/** What the gateway knows of a controller, for the guard: plain values, the moment of asking included. */
export interface SignalKnowledge {
  readonly nowMs: number
  /** Newest tlc.groups. */
  readonly seenAtMs: number
  readonly groups: Readonly<Record<string, GroupKnowledge>>
  /** Number of the plan it runs; undefined until it has told. */
  readonly plan: number | undefined
  readonly cycleS: number | undefined
  /** Undefined until it has told. */
  readonly mode: 'normal' | 'flashing' | 'dark' | 'all-red' | 'fault' | undefined
  readonly control: 'central' | 'local' | 'manual' | undefined
}

/** A decoded message in ledger order. */
export interface ObservedMessage {
  readonly node: string
  readonly type: MessageType
  readonly code: string
  readonly channel?: string
  readonly value: unknown
  readonly receivedAtMs: number
  readonly notes?: {
    readonly late?: true
    /** Dated well ahead of its arrival. */
    readonly future?: true
    readonly replay?: true
    /** Of a request: the role in the certificate it came with, as the gate saw it. */
    readonly askerRole?: AskerRole
    readonly qualities?: Readonly<Record<string, 'recent' | 'old' | 'undefined' | 'unknown'>>
  }
}

/** The slice of the prediction room's Forecaster that control reads. */
export interface FlowForecaster {
  forecast(
    node: string,
    component: string,
    quantity: 'vehiclesPer5Min',
    nowMs: number,
  ):
    | {
        readonly newestReadingAtMs: number
        readonly model: string
        readonly confidence: number
        readonly input?: FlowInput
        readonly horizons: readonly { readonly horizonMin: number; readonly p50: number }[]
      }
    | undefined
}

/** A command as control decides and as the guard judges it. */
export interface ControlCommand {
  readonly junction: NodeId
  readonly code:
    | 'tlc.timing.set'
    | 'tlc.stage.set'
    | 'tlc.plan.set'
    | 'tlc.mode.set'
    | 'tlc.priority.request'
  readonly component?: string
  readonly values: Readonly<Record<string, unknown>>
  readonly issuer: string
  readonly holdForMs: number
  readonly expiresInMs: number
}

/** A command that was issued, as the commands room keeps it. */
export interface IssuedCommand {
  readonly id: CommandId
  readonly junction: NodeId
  readonly code: ControlCommand['code']
  readonly values: Readonly<Record<string, unknown>>
  readonly issuer: string
  readonly issuedAtMs: number
  readonly expiresAtMs: number
  readonly holdForMs: number
  readonly state: string
  readonly reason?: string
  readonly appliedAtMs?: number
}

/** The commands room, as control needs it. */
export interface CommandsPort {
  issue(command: ControlCommand): IssuedCommand | CodedError
  newest(junction: string, slot: 'timing' | 'stage' | 'mode'): IssuedCommand | undefined
  issues(junction: string): readonly IssuedCommand[]
  isReachable(junction: string): boolean
  onTransition(listener: (transition: CommandTransition) => void): () => void
}

export interface CommandTransition {
  readonly record: IssuedCommand
  /** Undefined for the first one, to `issued`. */
  readonly from: string | undefined
  readonly event: string
}

/** One entry of the status gateway.control, without its seq. */
export interface ControlRecord {
  readonly atMs: number
  readonly values: GatewayControl['entries'][number]['values']
}

/** Where control says what it decided and answers who asked. */
export interface ControlOutput {
  /** To gateway/<name>/status/gateway.control. */
  decided(record: ControlRecord): void
  /** To <operator>/result/<code>. */
  answer(operator: NodeId, code: string, result: Result): void
}

export interface ControlMetrics {
  /** intergreen_control_decisions_total{outcome} */
  readonly decisions: Counter<'outcome'>
  /** intergreen_control_decide_seconds: view, strategy and guard of one junction, measured. */
  readonly decideSeconds: Histogram
  /** intergreen_control_guard_refused_total{issuer}: strategy, operator, emergency, priority, ladder */
  readonly guardRefused: Counter<'issuer'>
  /** intergreen_control_junctions{rung} */
  readonly junctions: Gauge<'rung'>
  /** intergreen_control_steps_total{to,trigger} */
  readonly steps: Counter<'to' | 'trigger'>
  /** intergreen_control_requests_total{outcome} */
  readonly requests: Counter<'outcome'>
}
