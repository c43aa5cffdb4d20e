/** Generated from the JSON Schemas by `npm run generate`; not written by hand. */

/**
 * RFC 3339, UTC, exactly three decimals.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "timestamp".
 */
export type Timestamp = string
/**
 * Counts up by one per node, code and channel.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "seq".
 */
export type Seq = number
/**
 * RSMP 3.2 value quality.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "quality".
 */
export type Quality = 'recent' | 'old' | 'undefined' | 'unknown'
/**
 * Kind and number, for example sg/1, dl/2, ln/1.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "component".
 */
export type Component = string
/**
 * One to three levels, normally zone/device.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "node".
 */
export type Node = string
/**
 * A ULID.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "commandId".
 */
export type CommandId = string
/**
 * A stage number as a key.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "stageKey".
 */
export type StageKey = string
/**
 * A plan number as a key.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "planKey".
 */
export type PlanKey = string
/**
 * Cycle length in seconds.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "cycleS".
 */
export type CycleS = number
/**
 * Offset of the cycle's start against the zone's time zero, in seconds.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "offsetS".
 */
export type OffsetS = number

export interface Messages {}
/**
 * Green per stage, in seconds; what the cycle leaves is intergreen.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "greensS".
 */
export interface GreensS {
  /**
   * Green of the stage in seconds, intergreen not counted.
   */
  [k: string]: number
}
/**
 * A detector whose values cannot be right.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "DetectorFault".
 */
export interface DetectorFault {
  /**
   * @minItems 1
   * @maxItems 200
   */
  entries: {
    ts: Timestamp
    component?: Component
    active: boolean
    values: {
      /**
       * What is wrong.
       */
      kind: 'stuck' | 'dead' | 'chattering' | 'drifting' | 'implausible' | 'jump'
      since?: Timestamp
      /**
       * In words.
       */
      text?: string
      node?: Node
    }
  }[]
  /**
   * The entries are all alarms of this code that are active; others are over.
   */
  full?: boolean
}
/**
 * A clock that is off.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "SystemClock".
 */
export interface SystemClock {
  /**
   * @minItems 1
   * @maxItems 200
   */
  entries: {
    ts: Timestamp
    component?: Component
    active: boolean
    values: {
      /**
       * Device clock less true time, in ms.
       */
      offsetMs: number
      node?: Node
    }
  }[]
  /**
   * The entries are all alarms of this code that are active; others are over.
   */
  full?: boolean
}
/**
 * Storage of the gateway: full, unreachable, or refusing.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "SystemStorage".
 */
export interface SystemStorage {
  /**
   * @minItems 1
   * @maxItems 200
   */
  entries: {
    ts: Timestamp
    component?: Component
    active: boolean
    values: {
      /**
       * What is wrong.
       */
      kind:
        | 'ledger-full'
        | 'ledger-disk'
        | 'history-disk'
        | 'sink-unauthorised'
        | 'sink-unreachable'
        | 'residual'
      /**
       * In words.
       */
      text?: string
    }
  }[]
  /**
   * The entries are all alarms of this code that are active; others are over.
   */
  full?: boolean
}
/**
 * A fault of the controller.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "TlcFault".
 */
export interface TlcFault {
  /**
   * @minItems 1
   * @maxItems 200
   */
  entries: {
    ts: Timestamp
    component?: Component
    active: boolean
    values: {
      /**
       * What is wrong.
       */
      kind: 'conflict' | 'lamp' | 'watchdog' | 'power' | 'communication' | 'other'
      /**
       * In words.
       */
      text?: string
    }
  }[]
  /**
   * The entries are all alarms of this code that are active; others are over.
   */
  full?: boolean
}
/**
 * A lamp that fails.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "TlcLamp".
 */
export interface TlcLamp {
  /**
   * @minItems 1
   * @maxItems 200
   */
  entries: {
    ts: Timestamp
    component?: Component
    active: boolean
    values: {
      group: Component
      /**
       * Which lamp.
       */
      color: 'red' | 'yellow' | 'green'
      /**
       * In words.
       */
      text?: string
    }
  }[]
  /**
   * The entries are all alarms of this code that are active; others are over.
   */
  full?: boolean
}
/**
 * Start, stop or pace a status channel.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "Channel".
 */
export interface Channel {
  id: CommandId
  ts: Timestamp
  /**
   * State.
   */
  state: 'on' | 'off'
  /**
   * Interval in ms.
   */
  intervalMs?: number
}
/**
 * Change the mode.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "TlcModeSet".
 */
export interface TlcModeSet {
  id: CommandId
  ts: Timestamp
  expiresAt: Timestamp
  /**
   * Lease: how long the command holds once applied, in ms.
   */
  holdForMs: number
  /**
   * Counts up per junction; a lower epoch than one seen is stale.
   */
  epoch: number
  component?: Component
  values: {
    /**
     * Mode.
     */
    mode: 'normal' | 'flashing' | 'all-red'
    /**
     * Who has control.
     */
    control?: 'central' | 'local'
  }
  /**
   * Who asked.
   */
  issuer: string
}
/**
 * Run this plan.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "TlcPlanSet".
 */
export interface TlcPlanSet {
  id: CommandId
  ts: Timestamp
  expiresAt: Timestamp
  /**
   * Lease: how long the command holds once applied, in ms.
   */
  holdForMs: number
  /**
   * Counts up per junction; a lower epoch than one seen is stale.
   */
  epoch: number
  component?: Component
  values: {
    /**
     * Plan.
     */
    plan: number
  }
  /**
   * Who asked.
   */
  issuer: string
}
/**
 * A vehicle with priority comes.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "TlcPriorityRequest".
 */
export interface TlcPriorityRequest {
  id: CommandId
  ts: Timestamp
  expiresAt: Timestamp
  /**
   * Lease: how long the command holds once applied, in ms.
   */
  holdForMs: number
  /**
   * Counts up per junction; a lower epoch than one seen is stale.
   */
  epoch: number
  component?: Component
  values: {
    /**
     * The stage that serves it.
     */
    stage: number
    /**
     * Kind.
     */
    kind: 'emergency' | 'bus' | 'tram'
    /**
     * Seconds until it reaches the stop line.
     */
    etaS: number
    /**
     * Its id.
     */
    vehicle?: string
  }
  /**
   * Who asked.
   */
  issuer: string
}
/**
 * Go to this stage and hold it while the lease lasts.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "TlcStageSet".
 */
export interface TlcStageSet {
  id: CommandId
  ts: Timestamp
  expiresAt: Timestamp
  /**
   * Lease: how long the command holds once applied, in ms.
   */
  holdForMs: number
  /**
   * Counts up per junction; a lower epoch than one seen is stale.
   */
  epoch: number
  component?: Component
  values: {
    /**
     * Stage.
     */
    stage: number
  }
  /**
   * Who asked.
   */
  issuer: string
}
/**
 * Run this cycle, offset and these greens on the present plan.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "TlcTimingSet".
 */
export interface TlcTimingSet {
  id: CommandId
  ts: Timestamp
  expiresAt: Timestamp
  /**
   * Lease: how long the command holds once applied, in ms.
   */
  holdForMs: number
  /**
   * Counts up per junction; a lower epoch than one seen is stale.
   */
  epoch: number
  component?: Component
  values: {
    cycleS: CycleS
    offsetS: OffsetS
    greensS: GreensS
  }
  /**
   * Who asked.
   */
  issuer: string
}
/**
 * Retained, and the last will.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "Presence".
 */
export interface Presence {
  ts: Timestamp
  /**
   * State.
   */
  state: 'online' | 'shutdown' | 'offline'
  /**
   * Firmware version.
   */
  firmware?: string
  /**
   * Kind of device, for example tlc or det.
   */
  kind?: string
}
/**
 * The gateway tells a device why its message was not understood.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "Reject".
 */
export interface Reject {
  ts: Timestamp
  code: string
  /**
   * @maxItems 10
   */
  errors: {
    /**
     * JSON pointer.
     */
    path: string
    /**
     * What is wrong.
     */
    message: string
  }[]
  /**
   * Topic of the message.
   */
  topic: string
  /**
   * Its beginning.
   */
  sample: string
}
/**
 * An operator gives a junction back to the strategy, a priority system what it asked for itself.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "ReleaseRequest".
 */
export interface ReleaseRequest {
  id: CommandId
  ts: Timestamp
  expiresAt: Timestamp
  target: Node
  values: {}
}
/**
 * An operator asks the gateway for a command.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "TlcModeSetRequest".
 */
export interface TlcModeSetRequest {
  id: CommandId
  ts: Timestamp
  expiresAt: Timestamp
  /**
   * Lease asked for, in ms.
   */
  holdForMs: number
  target: Node
  component?: Component
  values: {
    /**
     * Mode.
     */
    mode: 'normal' | 'flashing' | 'all-red'
    /**
     * Who has control.
     */
    control?: 'central' | 'local'
  }
}
/**
 * An operator asks the gateway for a command.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "TlcPlanSetRequest".
 */
export interface TlcPlanSetRequest {
  id: CommandId
  ts: Timestamp
  expiresAt: Timestamp
  /**
   * Lease asked for, in ms.
   */
  holdForMs: number
  target: Node
  component?: Component
  values: {
    /**
     * Plan.
     */
    plan: number
  }
}
/**
 * An operator or a priority system asks the gateway to let a vehicle through.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "TlcPriorityRequestRequest".
 */
export interface TlcPriorityRequestRequest {
  id: CommandId
  ts: Timestamp
  expiresAt: Timestamp
  /**
   * How long it is waited for after its expected arrival, in ms: a stop, a queue or a wrong guess, five minutes at most. Who is later still asks again.
   */
  holdForMs: number
  target: Node
  component?: Component
  values: {
    /**
     * The stage that serves it.
     */
    stage: number
    /**
     * Kind of vehicle; emergency wants a certificate of the role emergency or operator.
     */
    kind: 'emergency' | 'bus' | 'tram'
    /**
     * Seconds until it reaches the stop line.
     */
    etaS: number
    /**
     * Its id.
     */
    vehicle?: string
  }
}
/**
 * An operator asks the gateway for a command.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "TlcStageSetRequest".
 */
export interface TlcStageSetRequest {
  id: CommandId
  ts: Timestamp
  expiresAt: Timestamp
  /**
   * Lease asked for, in ms.
   */
  holdForMs: number
  target: Node
  component?: Component
  values: {
    /**
     * Stage.
     */
    stage: number
  }
}
/**
 * An operator asks the gateway for a command.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "TlcTimingSetRequest".
 */
export interface TlcTimingSetRequest {
  id: CommandId
  ts: Timestamp
  expiresAt: Timestamp
  /**
   * Lease asked for, in ms.
   */
  holdForMs: number
  target: Node
  component?: Component
  values: {
    cycleS: CycleS
    offsetS: OffsetS
    greensS: GreensS
  }
}
/**
 * What became of a command, by its id.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "Result".
 */
export interface Result {
  ts: Timestamp
  id: CommandId
  /**
   * State.
   */
  state: 'accepted' | 'rejected' | 'applied' | 'released' | 'expired'
  /**
   * Why, above all for rejected.
   */
  reason?: string
}
/**
 * A signalised junction: its signal groups, what may never happen, its stages, plans and lanes. Shared by controller, guard and strategies.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "Junction".
 */
export interface Junction {
  node: Node
  /**
   * For people.
   */
  name?: string
  /**
   * Signal groups.
   */
  groups: {
    [k: string]: {
      /**
       * Minimum green in s.
       */
      minGreenS: number
      /**
       * Yellow in s.
       */
      yellowS: number
      /**
       * Red-yellow in s, 0 where the country has none.
       */
      redYellowS: number
      /**
       * Longest red while a demand may wait, in s.
       */
      maxRedS: number
      /**
       * Whom it serves.
       */
      kind: 'vehicle' | 'pedestrian' | 'cycle' | 'tram'
    }
  }
  /**
   * Pairs that must never be green together (protected green). Symmetric; each pair once.
   *
   * @maxItems 4608
   */
  conflicts: Component[][]
  /**
   * From the end of one group's green to the beginning of the other's green, in s (yellow is inside). Every ordered pair of a conflict is listed.
   *
   * @maxItems 9216
   */
  intergreensS: {
    from: Component
    to: Component
    /**
     * Seconds.
     */
    s: number
  }[]
  /**
   * Stages.
   */
  stages: {
    [k: string]: {
      /**
       * Protected green (G).
       *
       * @maxItems 96
       */
      green: Component[]
      /**
       * Green that gives way (g).
       *
       * @maxItems 96
       */
      permissive: Component[]
    }
  }
  cycleS: {
    /**
     * s
     */
    min: number
    /**
     * s
     */
    max: number
  }
  /**
   * Plans by number.
   */
  plans: {
    [k: string]: {
      cycleS: CycleS
      offsetS: OffsetS
      greensS: GreensS
      /**
       * Stages in the order they are served, each once in a cycle.
       *
       * @minItems 1
       * @maxItems 32
       *
       * Items: Stage.
       */
      stages: number[]
    }
  }
  /**
   * Number of the plan that runs without a command.
   */
  localPlan: number
  /**
   * Approach lanes.
   */
  lanes: {
    [k: string]: {
      /**
       * Groups of the lane's movements.
       *
       * @minItems 1
       * @maxItems 8
       */
      groups: Component[]
      /**
       * Where traffic.queue of this lane comes from: the publishing node and its lane component.
       */
      sensor?: {
        node: Node
        component: Component
      }
      /**
       * Where traffic.count at the stop line comes from.
       */
      detector?: {
        node: Node
        component: Component
      }
      /**
       * Storage upstream of the stop line, in m.
       */
      lengthM: number
      /**
       * km/h
       */
      speedLimitKmh?: number
      /**
       * Lanes of neighbours that vehicles of this lane reach.
       *
       * @maxItems 16
       */
      downstream?: {
        node: Node
        lane: Component
        /**
         * Metres from stop line to stop line.
         */
        distanceM: number
      }[]
    }
  }
}
/**
 * The accounts of the door.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "GatewayAccounts".
 */
export interface GatewayAccounts {
  /**
   * @minItems 1
   * @maxItems 1000
   */
  entries: {
    ts: Timestamp
    seq: Seq
    values: {
      /**
       * Messages received.
       */
      received: number
      /**
       * Stored in the ledger.
       */
      stored: number
      /**
       * Recognised as sent before.
       */
      duplicate: number
      /**
       * Not understood and kept aside.
       */
      quarantined: number
      /**
       * Refused at the gate.
       */
      refused: number
      /**
       * received less the other four; anything but 0 is an alarm.
       */
      residual: number
    }
    quality?: Quality
  }[]
  /**
   * On a replay: this is the last message of it.
   */
  done?: boolean
}
/**
 * The gateway answers a simulator: all up to upTo is decided and delivered. Only in simulated time.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "GatewayClock".
 */
export interface GatewayClock {
  /**
   * @minItems 1
   * @maxItems 1000
   */
  entries: {
    ts: Timestamp
    seq: Seq
    values: {
      upTo: Timestamp
    }
    quality?: Quality
  }[]
  /**
   * On a replay: this is the last message of it.
   */
  done?: boolean
}
/**
 * One step in the life of a command.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "GatewayCommands".
 */
export interface GatewayCommands {
  /**
   * @minItems 1
   * @maxItems 1000
   */
  entries: {
    ts: Timestamp
    seq: Seq
    values: {
      id: CommandId
      junction: Node
      /**
       * Command code.
       */
      code: string
      /**
       * State reached.
       */
      state:
        | 'issued'
        | 'delivered'
        | 'accepted'
        | 'applied'
        | 'released'
        | 'expired'
        | 'rejected'
        | 'superseded'
        | 'reverted'
      /**
       * Why, where there is something to say.
       */
      reason?: string
      /**
       * Who asked.
       */
      issuer: string
    }
    quality?: Quality
  }[]
  /**
   * On a replay: this is the last message of it.
   */
  done?: boolean
}
/**
 * A decision about a junction, why, and what it rests on.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "GatewayControl".
 */
export interface GatewayControl {
  /**
   * @minItems 1
   * @maxItems 1000
   */
  entries: {
    ts: Timestamp
    seq: Seq
    values: {
      junction: Node
      /**
       * Name of the strategy.
       */
      strategy: string
      /**
       * Rung of the ladder.
       */
      rung: 'predictive' | 'plan' | 'local'
      /**
       * What was decided.
       */
      decision: 'keep' | 'timing' | 'stage' | 'plan' | 'mode' | 'release' | 'stand-down'
      /**
       * The reason in a traffic engineer's words.
       */
      why: string
      commandId?: CommandId
      /**
       * Decided beside the one in force and not sent.
       */
      isShadow?: boolean
      /**
       * The command's values.
       */
      values?: {}
      /**
       * Per lane, flow in vehicles per hour.
       */
      forecast?: {
        /**
         * Flow in vehicles per hour.
         */
        [k: string]: number
      }
      /**
       * Id of the model.
       */
      forecastModel?: string
      /**
       * Age of the newest reading it rests on, in ms.
       */
      forecastAgeMs?: number
      /**
       * What the forecasts were made from, so that they can be made again.
       *
       * @minItems 1
       * @maxItems 96
       */
      forecastInputs?: {
        /**
         * Id of the model.
         */
        model: string
        /**
         * First digits of the model file's SHA-256; absent for the profile, which has no file.
         */
        sha256?: string
        /**
         * RFC 3339, UTC, exactly three decimals.
         */
        from: string
        /**
         * RFC 3339, UTC, exactly three decimals.
         */
        to: string
        /**
         * Where they stand in the ledger; nothing from the second on had been seen.
         *
         * @minItems 2
         * @maxItems 2
         */
        offsets?: number[]
        /**
         * How far it was trusted; of several lanes the least.
         */
        confidence: number
        /**
         * Lanes it is for; absent when it is for all.
         *
         * @minItems 1
         * @maxItems 96
         */
        lanes?: Component[]
      }[]
    }
    quality?: Quality
  }[]
  /**
   * On a replay: this is the last message of it.
   */
  done?: boolean
}
/**
 * What the door has seen of each device since the gateway began: gaps, late messages, the clock. Devices whose figures changed, once a minute.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "GatewayDevices".
 */
export interface GatewayDevices {
  /**
   * @minItems 1
   * @maxItems 1000
   */
  entries: {
    ts: Timestamp
    seq: Seq
    values: {
      /**
       * One member per device.
       */
      nodes: {
        [k: string]: {
          /**
           * Messages received.
           */
          messages: number
          /**
           * Recognised as sent before.
           */
          duplicates: number
          /**
           * Not understood and kept aside.
           */
          quarantined: number
          /**
           * Times numbers were missing in the sequence.
           */
          gaps: number
          /**
           * Sequence numbers that did not come, less those that were filled in since.
           */
          missing: number
          /**
           * Entries filled in by replay.
           */
          replayed: number
          /**
           * Times the numbers began anew.
           */
          restarts: number
          /**
           * Messages that came late.
           */
          late: number
          /**
           * Messages from the future.
           */
          future: number
          /**
           * Windows that do not end where windows of their length end.
           */
          misaligned: number
          /**
           * Device clock less the gateway's, in ms, as far as the quickest message of the last minutes tells; absent without one.
           */
          clockOffsetMs?: number
        }
      }
    }
    quality?: Quality
  }[]
  /**
   * On a replay: this is the last message of it.
   */
  done?: boolean
}
/**
 * A forecasting model was let in, refused, seated, unseated or lost: the audit of the models.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "GatewayModels".
 */
export interface GatewayModels {
  /**
   * @minItems 1
   * @maxItems 1000
   */
  entries: {
    ts: Timestamp
    seq: Seq
    values: {
      /**
       * What happened.
       */
      event: string
      /**
       * Id of the model.
       */
      model: string
      /**
       * What it rests on: scores, checks, reasons. Of a change of seat: quantity, from, to, why, pairs, ratio, scores.
       */
      facts: {
        [k: string]: unknown
      }
    }
    quality?: Quality
  }[]
  /**
   * On a replay: this is the last message of it.
   */
  done?: boolean
}
/**
 * A simulator says that everything up to ts has been published. Only in simulated time.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "SimClock".
 */
export interface SimClock {
  /**
   * @minItems 1
   * @maxItems 1000
   */
  entries: {
    ts: Timestamp
    seq: Seq
    values: {
      /**
       * Length of the step in ms.
       */
      stepMs: number
      /**
       * No further step will come.
       */
      hasEnded?: boolean
    }
    quality?: Quality
  }[]
  /**
   * On a replay: this is the last message of it.
   */
  done?: boolean
}
/**
 * What the simulated street costs its drivers so far, beside a twin of the same seed under its local plan.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "SimStreet".
 */
export interface SimStreet {
  /**
   * @minItems 1
   * @maxItems 1000
   */
  entries: {
    ts: Timestamp
    seq: Seq
    values: {
      /**
       * Vehicles that entered so far.
       */
      vehicles: number
      /**
       * Mean delay per vehicle under control, in seconds.
       */
      controlDelayS: number
      /**
       * Mean delay per vehicle in the twin, in seconds.
       */
      localPlanDelayS: number | null
      /**
       * Violations seen by the lamp monitor.
       */
      monitorViolations?: number
    }
    quality?: Quality
  }[]
  /**
   * On a replay: this is the last message of it.
   */
  done?: boolean
}
/**
 * The device about itself.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "SystemHealth".
 */
export interface SystemHealth {
  /**
   * @minItems 1
   * @maxItems 1000
   */
  entries: {
    ts: Timestamp
    seq: Seq
    values: {
      /**
       * Seconds since start.
       */
      uptimeS: number
      /**
       * CPU load in %.
       */
      cpuPercent?: number
      /**
       * Memory in use in %.
       */
      memoryPercent?: number
      /**
       * Temperature in °C.
       */
      temperatureC?: number
      /**
       * The device's own idea of its clock error in ms.
       */
      clockOffsetMs?: number
    }
    quality?: Quality
  }[]
  /**
   * On a replay: this is the last message of it.
   */
  done?: boolean
}
/**
 * What the lamps of each signal group show: G green, g permissive green, y yellow, u red-yellow, r red, R red by fault or blocked, O dark.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "TlcGroups".
 */
export interface TlcGroups {
  /**
   * @minItems 1
   * @maxItems 1000
   */
  entries: {
    ts: Timestamp
    seq: Seq
    values: {
      /**
       * One member per signal group.
       */
      groups: {
        /**
         * Lamp state.
         */
        [k: string]: 'G' | 'g' | 'y' | 'u' | 'r' | 'R' | 'O'
      }
      /**
       * The stage that is green, null while the stages change.
       */
      stage: number | null
      /**
       * While the stages change: the stage to come.
       */
      nextStage?: number | null
      /**
       * How long the stage has been green, in ms; 0 while the stages change.
       */
      stageSinceMs?: number
      /**
       * Cycles since the controller started.
       */
      cycleCounter: number
    }
    quality?: Quality
  }[]
  /**
   * On a replay: this is the last message of it.
   */
  done?: boolean
}
/**
 * How the controller works and who has control.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "TlcMode".
 */
export interface TlcMode {
  /**
   * @minItems 1
   * @maxItems 1000
   */
  entries: {
    ts: Timestamp
    seq: Seq
    values: {
      /**
       * Operating mode.
       */
      mode: 'normal' | 'flashing' | 'dark' | 'all-red' | 'fault'
      /**
       * Who has control.
       */
      control: 'central' | 'local' | 'manual'
      commandId?: CommandId
      /**
       * The stage held by a stage command, null without one.
       */
      stage?: number | null
    }
    quality?: Quality
  }[]
  /**
   * On a replay: this is the last message of it.
   */
  done?: boolean
}
/**
 * The timing the controller runs now and where it came from.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "TlcPlan".
 */
export interface TlcPlan {
  /**
   * @minItems 1
   * @maxItems 1000
   */
  entries: {
    ts: Timestamp
    seq: Seq
    values: {
      /**
       * Number of the plan that is the base.
       */
      plan: number
      cycleS: CycleS
      offsetS: OffsetS
      greensS: GreensS
      /**
       * Who chose it.
       */
      source: 'central' | 'calendar' | 'manual' | 'local' | 'fallback'
      commandId?: CommandId
    }
    quality?: Quality
  }[]
  /**
   * On a replay: this is the last message of it.
   */
  done?: boolean
}
/**
 * Vehicles counted in a window, per detector. ts is the end of the window and is aligned to its length.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "TrafficCount".
 */
export interface TrafficCount {
  /**
   * @minItems 1
   * @maxItems 1000
   */
  entries: {
    ts: Timestamp
    seq: Seq
    values: {
      /**
       * Length of the window in ms.
       */
      windowMs: number
      /**
       * One member per detector.
       */
      detectors: {
        [k: string]: {
          /**
           * Vehicles that passed in the window.
           */
          vehicles: number
          /**
           * Share of the window the detector was occupied, in %.
           */
          occupancy?: number | null
          /**
           * Mean speed in km/h; null when no vehicle passed.
           */
          speed?: number | null
          quality?: Quality
        }
      }
    }
    quality?: Quality
  }[]
  /**
   * On a replay: this is the last message of it.
   */
  done?: boolean
}
/**
 * The queue on each lane as seen now by an area detector, radar or camera.
 *
 * This interface was referenced by `Messages`'s JSON-Schema
 * via the `definition` "TrafficQueue".
 */
export interface TrafficQueue {
  /**
   * @minItems 1
   * @maxItems 1000
   */
  entries: {
    ts: Timestamp
    seq: Seq
    values: {
      /**
       * One member per lane.
       */
      lanes: {
        [k: string]: {
          /**
           * Halting vehicles in range.
           */
          queueVehicles: number
          /**
           * Length of the queue in metres.
           */
          queueMeters: number
          /**
           * Moving vehicles in range.
           */
          approachingVehicles: number
          /**
           * Vehicles that crossed the stop line since the last entry.
           */
          passedVehicles?: number
          /**
           * One member per approaching vehicle, where the sensor measures distance and speed.
           *
           * @maxItems 64
           *
           * Items: Seconds until the vehicle would reach the stop line at its present speed.
           */
          arrivalsS?: number[]
          /**
           * How far upstream the sensor sees, in metres.
           */
          rangeMeters?: number
          /**
           * Vehicles known to wait upstream of the range because it is full.
           */
          blockedVehicles?: number
          quality?: Quality
        }
      }
    }
    quality?: Quality
  }[]
  /**
   * On a replay: this is the last message of it.
   */
  done?: boolean
}
