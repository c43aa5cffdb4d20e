/** What is known of a scenario once it is read: its roads, its signalised junctions, its hour. Shapes only. */
import type { Junction } from '../../schemas/generated/messages.ts'

export interface LaneRoad {
  readonly id: string
  readonly lengthM: number
  readonly speedMaxMps: number
  /** Where the lane leads: next lane and the internal lane in between ('' where there is none). */
  readonly links: readonly { readonly to: string; readonly via: string; readonly lengthM: number }[]
}

export interface Network {
  readonly beginS: number
  /** Negative where the scenario has no end of its own. */
  readonly endS: number
  readonly stepS: number
  readonly roads: ReadonlyMap<string, LaneRoad>
  readonly sites: readonly Site[]
  /** Lights that keep running SUMO's own program, and why. */
  readonly leftAlone: readonly { readonly lightId: string; readonly why: string }[]
}

/** One signalised junction: the shared data, and how to find its parts in SUMO. */
export interface Site {
  readonly lightId: string
  readonly junction: Junction
  /** One for each 64 lanes. */
  readonly detectorNodes: readonly string[]
  /** SUMO lane id by lane component. */
  readonly laneIds: ReadonlyMap<string, string>
  /** Signal group by link index, for the state string SUMO wants. */
  readonly groupOfLink: readonly string[]
  /** What SUMO's lamps show that no group of ours does. */
  readonly letters: {
    /** By link index: the letter it shows in every phase, red where there is none. */
    readonly always: readonly string[]
    readonly perStage: readonly StageLetters[]
  }
}

export interface StageLetters {
  readonly green: ReadonlySet<string>
  readonly permissive: ReadonlySet<string>
  /** By link index. */
  readonly state: string
}
