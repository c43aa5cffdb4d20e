/**
 * What the street has taught about how lanes empty: seconds per vehicle, per lane and stage, from the crossings
 * counted while somebody wanted to cross. Protected or giving way, a shared lane or a turn pocket: the rate says it.
 * A lane that gives way has two: one while those it gives way to flow, one while their way is free.
 *
 * Pure: `learnDischarge` returns what is known after one more view. Nothing is set by scenario; before anything
 * is seen a lane is taken to discharge like any other lane with those lamps.
 */
import type { JunctionView, LaneView } from '../ports.ts'
import { laneFlow } from './flow-estimate.ts'
import { gapS } from './giving-way.ts'
import type { StageModel } from './stage-model.ts'

export interface Discharge {
  /** Seconds of green with somebody at the line, and crossings in them; [lane][cellOf(stage, held up)], fading. */
  readonly greenS: readonly (readonly number[])[]
  readonly crossed: readonly (readonly number[])[]
  /** Crossings per second, whatever the lamps, over the last minutes; what comes next where nobody is seen yet. */
  readonly flow: readonly number[]
  /** Seconds each lane's sensor has counted crossings, up to the memory of the flow. */
  readonly observedS: readonly number[]
  /** Seconds somebody has stood on the lane and nobody crossed. */
  readonly waitedS: readonly number[]
  /** Where a lane is not seen: vehicles believed to stand there, by its usual flow and its greens since it was. */
  readonly believed: readonly number[]
  /** Of the present green alone: seconds with somebody standing on the lane, and crossings in them, fading within seconds. */
  readonly presentGreenS: readonly number[]
  readonly presentCrossed: readonly number[]
  /** Of the present green: for how long somebody has stood and nobody crossed. */
  readonly stalledS: readonly number[]
  /** Whether somebody wanted to cross at the last view, and the stage then. */
  readonly wanted: readonly boolean[]
  /** Whether somebody stood at the line or was about to cross it. */
  readonly flowing: readonly boolean[]
  readonly stage: number | null
  readonly atMs: number
  /** Of each lane's newest entry. */
  readonly seenAtMs: readonly number[]
}

/** Seconds per vehicle before anything was seen: 1800 vehicles per hour of green. */
const priorHeadwayS = 2
/** How many seconds of green the first guess weighs. */
const priorWeightS = 20
/** Fading per second of green with demand: about the last five minutes of it count. */
const fading = 0.997
/** Per second: what the present green shows counts for about its last fourteen seconds. */
const presentFading = 0.93
/** How many seconds of the present green the learned rate weighs beside them. */
const learnedWeightS = 8
/** Not counted after the beginning of green: reaction and start. */
const startS = 2
/** Somebody is at the line when he could cross within this. */
const atLineS = 1.5
/** However badly a green seems to work, it is believed to pass a vehicle this often: else it would never be tried again. */
const headwayMaxS = 12
const headwayMinS = 1
/** Room a standing vehicle takes; a queue longer than its vehicles need does not begin at the line. */
const vehicleSpaceM = 8
/** Views farther apart than this teach nothing. */
const stepMaxMs = 2_500
/** An entry that covers more than this does not say in which part of it somebody crossed. */
const entryMaxS = 10
/** Nobody believes in more vehicles than a sensor's 200 m would hold. */
const believedMax = 25

export function newDischarge(model: StageModel): Discharge {
  return {
    greenS: model.service.map((row) => [...row, ...row].map(() => priorWeightS)),
    crossed: model.service.map((row, lane) => [
      ...row.map((share, stage) => priorCrossings(isYielding(model, lane, stage) ? 1 : share)),
      ...row.map(priorCrossings),
    ]),
    flow: model.lanes.map(() => 0),
    observedS: model.lanes.map(() => 0),
    waitedS: model.lanes.map(() => 0),
    believed: model.lanes.map(() => 0),
    presentGreenS: model.lanes.map(() => 0),
    presentCrossed: model.lanes.map(() => 0),
    stalledS: model.lanes.map(() => 0),
    wanted: model.lanes.map(() => false),
    flowing: model.lanes.map(() => false),
    stage: null,
    atMs: 0,
    seenAtMs: model.lanes.map(() => -1),
  }
}

const priorCrossings = (share: number) => (priorWeightS * share) / priorHeadwayS

const isYielding = (model: StageModel, lane: number, stage: number) =>
  (model.givesWayTo[lane]?.[stage]?.length ?? 0) > 0

/** Column of a lane's rates: while it is held up by those it gives way to, or not. */
const cellOf = (model: StageModel, stage: number, isHeldUp: boolean) =>
  isHeldUp ? model.stages.length + stage : stage

export function learnDischarge(known: Discharge, model: StageModel, view: JunctionView): Discharge {
  const { stage, stageSinceMs } = view.signal
  const at = stage === null ? -1 : model.stages.indexOf(stage)
  const stepS = (view.nowMs - known.atMs) / 1000
  const wanted = model.lanes.map((lane) => wantsToCross(view.lanes[lane]))
  const flowing = model.lanes.map((lane) => isFlowing(view.lanes[lane]))
  const seenAtMs = model.lanes.map(
    (lane, index) => view.lanes[lane]?.seenAtMs ?? known.seenAtMs[index] ?? -1,
  )
  // An entry looked at twice counts once: its crossings, and the time in which they happened.
  const toldS = seenAtMs.map((atMs, lane) => {
    const lastMs = known.seenAtMs[lane] ?? -1
    return lastMs < 0 ? 0 : Math.max(0, atMs - lastMs) / 1000
  })
  const passed = model.lanes.map((lane, index) =>
    seenAtMs[index] === known.seenAtMs[index] ? 0 : (view.lanes[lane]?.passedVehicles ?? 0),
  )
  const flow = followFlow(known, view, model, passed, toldS, stepS)
  const believed = believe(known, view, model, at, stepS)
  const base = { wanted, flowing, stage, atMs: view.nowMs, seenAtMs, believed, ...flow }
  const isSteady = at >= 0 && stage === known.stage && stageSinceMs > startS * 1000
  if (!isSteady || stepS <= 0 || stepS * 1000 > stepMaxMs) {
    const none = model.lanes.map(() => 0)
    return { ...known, ...base, presentGreenS: none, presentCrossed: none, stalledS: none }
  }
  // Wherever the queue stands: one that has a gap before it, behind a lane that is shut, does not move either. A sensor
  // that does not count crossings, or has told nothing new, says nothing about it.
  const isStanding = (lane: number) => {
    const seen = view.lanes[model.lanes[lane] ?? '']
    if (seen?.passedVehicles === undefined || seen.seenAtMs === known.seenAtMs[lane]) return false
    const isServed = (model.service[lane]?.[at] ?? 0) > 0
    return isServed && (known.wanted[lane] === true || seen.queueVehicles > 0)
  }
  // However often it is looked at: what a sensor tells is about the time since it last told something.
  const ofThisGreenS = (lane: number) => Math.min(toldS[lane] ?? 0, stageSinceMs / 1000)
  const present = (values: readonly number[], amount: (lane: number) => number) =>
    values.map(
      (value, lane) => value * presentFading ** stepS + (isStanding(lane) ? amount(lane) : 0),
    )
  const update = (rows: Discharge['greenS'], amount: (lane: number) => number) =>
    rows.map((row, lane) => {
      if (!known.wanted[lane] || (model.service[lane]?.[at] ?? 0) === 0) return row
      if (view.lanes[model.lanes[lane] ?? '']?.passedVehicles === undefined) return row
      const overS = toldS[lane] ?? 0
      if (overS <= 0 || overS > entryMaxS || overS * 1000 > stageSinceMs) return row
      const isHeldUp = model.givesWayTo[lane]?.[at]?.some((other) => known.flowing[other]) ?? false
      const cell = cellOf(model, at, isHeldUp)
      return row.map((value, index) =>
        index === cell ? value * fading ** overS + amount(lane) : value,
      )
    })
  return {
    ...base,
    greenS: update(known.greenS, (lane) => toldS[lane] ?? 0),
    crossed: update(known.crossed, (lane) => passed[lane] ?? 0),
    presentGreenS: present(known.presentGreenS, ofThisGreenS),
    presentCrossed: present(known.presentCrossed, (lane) => passed[lane] ?? 0),
    stalledS: known.stalledS.map((value, lane) => {
      if (seenAtMs[lane] === known.seenAtMs[lane]) return value
      return isStanding(lane) && (passed[lane] ?? 0) === 0 ? value + ofThisGreenS(lane) : 0
    }),
  }
}

/** Smoothing of the flow: long enough for two cycles or three. */
const flowMemoryS = 300
const gapMaxS = 30

function followFlow(
  known: Discharge,
  view: JunctionView,
  model: StageModel,
  passed: readonly number[],
  toldS: readonly number[],
  stepS: number,
): Pick<Discharge, 'flow' | 'observedS' | 'waitedS'> {
  if (stepS <= 0 || known.atMs === 0 || stepS > gapMaxS) {
    return { flow: known.flow, observedS: known.observedS, waitedS: known.waitedS }
  }
  // Only time the sensor has told of: a queue that nobody has looked at again has not been seen to wait, and what it was
  // before a silence says nothing about the silence.
  const overS = toldS.map((each) => (each > gapMaxS ? 0 : each))
  const seen = (lane: number) => view.lanes[model.lanes[lane] ?? '']
  const countedOverS = overS.map((each, lane) =>
    seen(lane)?.passedVehicles === undefined ? 0 : each,
  )
  const observedS = known.observedS.map((each, lane) =>
    Math.min(flowMemoryS, each + (countedOverS[lane] ?? 0)),
  )
  return {
    observedS,
    waitedS: known.waitedS.map((each, lane) => {
      const isStanding = (seen(lane)?.queueVehicles ?? 0) > 0
      return isStanding && (passed[lane] ?? 0) === 0 ? each + (overS[lane] ?? 0) : 0
    }),
    flow: known.flow.map((each, lane) => {
      const lastS = countedOverS[lane] ?? 0
      if (lastS <= 0) return each
      const weight = Math.min(1, lastS / (observedS[lane] ?? lastS))
      return each + ((passed[lane] ?? 0) / lastS - each) * weight
    }),
  }
}

/** Counts of a shorter time are too few; until then a forecast is better. */
const countedS = 60

/**
 * Vehicles a second who usually come. Where the lane is seen its own count of the last minutes is nearer to the next half minute
 * than a forecast of five; where it is not, or not for long, the forecast stands in as far as it can be trusted.
 */
export function usualPerSecond(
  { flow, observedS: observed }: Discharge,
  view: JunctionView,
  index: number,
  lane: string,
): number {
  const perSecond = flow[index] ?? 0
  const observedS = observed[index] ?? 0
  if (view.lanes[lane] !== undefined && observedS >= countedS) return perSecond
  const blended = laneFlow(view, lane, { perSecond, observedS, inRange: 0, atMs: 0 })
  return blended === undefined ? perSecond : blended.vehiclesPerHour / 3600
}

/** Without a sight of the lane: who usually comes has come, and its greens have let go whom they usually let go. */
function believe(
  known: Discharge,
  view: JunctionView,
  model: StageModel,
  at: number,
  stepS: number,
): readonly number[] {
  const isStep = known.atMs > 0 && stepS > 0 && stepS <= gapMaxS
  return model.lanes.map((lane, index) => {
    if (view.lanes[lane] !== undefined) return 0
    const before = known.believed[index] ?? 0
    if (!isStep) return before
    const come = usualPerSecond(known, view, index, lane) * stepS
    const gone = at < 0 ? 0 : stepS / headwayS(known, model, index, at, false)
    return Math.min(believedMax, Math.max(0, before + come - gone))
  })
}

/** Seconds per vehicle, while those it gives way to flow or do not; Infinity where the lane has red. */
export function headwayS(
  known: Discharge,
  model: StageModel,
  lane: number,
  stage: number,
  isHeldUp: boolean,
): number {
  if ((model.service[lane]?.[stage] ?? 0) === 0) return Number.POSITIVE_INFINITY
  const cell = cellOf(model, stage, isHeldUp)
  const greenS = known.greenS[lane]?.[cell] ?? priorWeightS
  const crossed = known.crossed[lane]?.[cell] ?? 0
  return Math.min(headwayMaxS, Math.max(headwayMinS, greenS / Math.max(0.001, crossed)))
}

/** The same over all its green in that stage, held up or not: what a plan that foresees nobody can count on. */
export function meanHeadwayS(
  known: Discharge,
  model: StageModel,
  lane: number,
  stage: number,
): number {
  if (!isYielding(model, lane, stage)) return headwayS(known, model, lane, stage, false)
  const sum = (rows: Discharge['greenS']) =>
    [false, true].reduce((total, is) => total + (rows[lane]?.[cellOf(model, stage, is)] ?? 0), 0)
  const meanS = sum(known.greenS) / Math.max(0.001, sum(known.crossed))
  return Math.min(headwayMaxS, Math.max(headwayMinS, meanS))
}

/**
 * The same for what is left of the present green. A lane that has just been seen to stand in its green, behind a turner or
 * a blocked exit, is not believed to flow with the next second: else a green would be kept a little longer for ever.
 * Where the lane gives way to somebody, his crossings foretell it better.
 */
export function presentHeadwayS(
  known: Discharge,
  model: StageModel,
  lane: number,
  stage: number,
  isHeldUp: boolean,
): number {
  const learnedS = headwayS(known, model, lane, stage, isHeldUp)
  if (learnedS === Number.POSITIVE_INFINITY || isYielding(model, lane, stage)) return learnedS
  const greenS = learnedWeightS + (known.presentGreenS[lane] ?? 0)
  const crossed = learnedWeightS / learnedS + (known.presentCrossed[lane] ?? 0)
  return Math.max(learnedS, greenS / crossed)
}

/**
 * Seconds until the next is believed to cross in the present green: when nobody has for longer than a headway, as long again
 * as it has been too long.
 */
export function stalledForS(
  known: Discharge,
  model: StageModel,
  lane: number,
  stage: number,
): number {
  if (isYielding(model, lane, stage)) return 0
  const usualS = headwayS(known, model, lane, stage, false)
  return Math.max(0, (known.stalledS[lane] ?? 0) - usualS)
}

function wantsToCross(lane: LaneView | undefined): boolean {
  if (lane === undefined) return false
  const reachesLine = lane.queueMeters <= lane.queueVehicles * vehicleSpaceM + vehicleSpaceM
  return (
    (lane.queueVehicles > 0 && reachesLine) ||
    (lane.arrivalsS?.[0] ?? Number.POSITIVE_INFINITY) < atLineS
  )
}

function isFlowing(lane: LaneView | undefined): boolean {
  const isClose = (lane?.arrivalsS?.[0] ?? Number.POSITIVE_INFINITY) < gapS
  return isClose || (lane?.passedVehicles ?? 0) > 0 || wantsToCross(lane)
}
