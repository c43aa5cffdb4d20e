/**
 * What control sees, and what a strategy is. A strategy is pure: the same view and memory always give the
 * same decision; all it may keep is the memory it returns.
 */
import type { Junction } from '../../schemas/generated/messages.ts'

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
