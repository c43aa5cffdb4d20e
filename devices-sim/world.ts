/**
 * The world behind the devices: the port that the built-in street and SUMO implement.
 *
 * - A world moves vehicles; it has no signal controllers of its own. Controllers (devices-sim/controller) decide
 *   the lamps, the runner shows them to the world, the world moves on by one step.
 * - One step is: `showLamps` for every junction, `step`, then `readSensor` for every sensor node.
 * - Demand depends on the seed alone, never on the lamps: two worlds opened alike under different control see
 *   the same vehicles at the same moments, which is what makes a twin comparable.
 * - No MQTT, no clock of the machine in here.
 */
import type { OptionSchema } from '../schemas/command-line.ts'
import type { Junction } from '../schemas/generated/messages.ts'

/** G protected green, g green that gives way, y yellow, u red-yellow, r and R red, O dark or flashing. */
export type LampState = 'G' | 'g' | 'y' | 'u' | 'r' | 'R' | 'O'

/** Lamp per signal group of one junction. */
export type Lamps = Readonly<Record<string, LampState>>

/** What a lane sensor (radar, camera) sees at the end of a step. Members as in `traffic.queue`. */
export interface LaneState {
  readonly queueVehicles: number
  readonly queueMeters: number
  readonly approachingVehicles: number
  /** Crossings of the stop line during the step. */
  readonly passedVehicles: number
  /** Seconds to the stop line of each approaching vehicle, where the sensor measures it. */
  readonly arrivalsS?: readonly number[]
  readonly rangeMeters?: number
  readonly blockedVehicles?: number
}

/** What a loop felt during one step; the devices add steps up to windows. */
export interface LoopStep {
  readonly vehicles: number
  /** Time during which a vehicle stood or drove on the loop. */
  readonly occupiedMs: number
  /** Sum of the speeds of the `vehicles`, in km/h. */
  readonly speedSumKmh: number
}

/** A node that senses: which lanes (`ln/…`, for traffic.queue) and which loops (`dl/…`, for traffic.count). */
export interface SensorNode {
  readonly node: string
  readonly lanes: readonly string[]
  readonly detectors: readonly string[]
}

export interface SensorReading {
  /** By lane component of the sensor node. */
  readonly lanes: Readonly<Record<string, LaneState>>
  /** By detector component of the sensor node. */
  readonly detectors: Readonly<Record<string, LoopStep>>
}

/**
 * Sums over all vehicles that wanted to enter so far. Delay is travel time less the time the way takes alone
 * on the road, the wait before an entry that is blocked included, and vehicles still on their way count with
 * what they have lost so far. Mean delay = delayS / demandVehicles.
 */
export interface StreetFigures {
  readonly demandVehicles: number
  readonly enteredVehicles: number
  readonly arrivedVehicles: number
  readonly delayS: number
  /** Time spent standing. */
  readonly waitingS: number
  readonly stops: number
}

export interface World {
  /** One document per signalised junction; `lanes[…].sensor` and `.detector` name the sensor nodes below. */
  readonly junctions: readonly Junction[]
  readonly sensors: readonly SensorNode[]
  /** What whoever runs it should know of it, in words. */
  readonly notes?: readonly string[]
  /** Simulated moment, ms since the epoch; the start of the world before the first step. */
  nowMs(): number
  /** Lamps of a junction, valid until shown anew. */
  showLamps(node: string, lamps: Lamps): void
  /** Moves from now to now + stepMs. Rejects with a coded error when the world is lost (SUMO died). */
  step(stepMs: number): Promise<void> | void
  /** What the node's sensors saw of the last step. */
  readSensor(node: string): SensorReading
  figures(): StreetFigures
  /** No vehicle will come any more and none is on its way, or the scenario's end is reached. */
  hasEnded(): boolean
  /** Frees what the world holds and answers with the final, exact figures. */
  close(): Promise<StreetFigures>
}

/** A kind of world as devices-sim/main.ts dispatches to it: `street/program.ts`, `sumo/main.ts` export one as `program`. */
export interface WorldProgram {
  /** First word of the command line after `npm run sim --`. */
  readonly name: string
  readonly summary: string
  /** The options only this world has. */
  readonly options: Readonly<Record<string, OptionSchema>>
  /** `options` holds the common options (devices-sim/options.ts), the own ones, validated, and `startMs`. */
  open(options: Readonly<Record<string, unknown>>): Promise<OpenedWorld>
}

export interface OpenedWorld {
  readonly world: World
  /** The same demand once more, to be run under its local plans; absent where that costs too much. */
  readonly twin?: World
}
