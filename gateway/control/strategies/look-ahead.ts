/**
 * Tries the sequences of up to three stages the horizon has room for and reckons the delay of each: every lane a
 * queue at its stop line, its vehicles arriving when the sensor says, leaving one headway apart while it is green.
 *
 * Pure arithmetic. Vehicles still there at the horizon have cost what they waited until then, and what they will still wait
 * at least: they leave one after another, however green the lane.
 */
import type { JunctionView, LaneView } from '../ports.ts'
import {
  type Discharge,
  headwayS,
  presentHeadwayS,
  stalledForS,
  usualPerSecond,
} from './discharge.ts'
import { busyTimes, followedAtS } from './giving-way.ts'
import type { PredictiveParameters } from './parameters.ts'
import type { StageModel } from './stage-model.ts'

export interface LookAheadInput {
  readonly view: JunctionView
  readonly model: StageModel
  readonly discharge: Discharge
  readonly parameters: PredictiveParameters
  /** Index of the stage that is green, and for how long it has been. */
  readonly current: number
  readonly ageS: number
}

export interface Sequence {
  /** Index of the stage to go to, the current one to stay. */
  readonly stage: number
  readonly afterS: number
  readonly costS: number
  readonly stayCostS: number
}

/** When a stage may end, seconds from now or from its beginning: fine at first, coarser later. */
const staysS = [0, 1, 2, 3, 4, 5, 7, 9, 12, 15, 18]
const greensBeyondMinS = [0, 2, 4, 7, 10, 15]
const stagesMax = 3

interface LaneAhead {
  /** Seconds from now each vehicle is at the line, nearest first. */
  readonly arrivalsS: readonly number[]
  /** How many vehicles each of them stands for: 1 for those seen, less for those only expected. */
  readonly weights: readonly number[]
  /** Seconds until the next crosses in the present green, where it has stalled. */
  readonly stalledForS: number
  /** 1, and more the longer somebody has stood without anybody crossing. */
  readonly urgency: number
  /** Per stage: while nobody is to be given way to, and while somebody is. */
  readonly headwayS: readonly number[]
  readonly heldUpS: readonly number[]
  /** Seconds between those left at the horizon, when they leave at last. */
  readonly laterHeadwayS: number
  /** Per stage: the lanes it gives way to, where they cross earlier in the list. */
  readonly givesWayTo: readonly (readonly LaneAhead[])[]
  /** Whether others give way to it, and then when it crosses in the sequence just reckoned. */
  readonly isGivenWay: boolean
  readonly crossingsS: number[]
}

interface Window {
  stage: number
  beginS: number
  endS: number
}

export function cheapestSequence(input: LookAheadInput): Sequence {
  const { model, parameters, current } = input
  const lanes = lanesAhead(input)
  const horizonS = parameters.horizonS
  const windows: Window[] = Array.from({ length: stagesMax }, () => ({
    stage: current,
    beginS: 0,
    endS: horizonS,
  }))
  const cost = (count: number, limit: number) => sequenceCost(input, lanes, windows, count, limit)
  const first = windows[0] as Window
  first.endS = horizonS
  const stayCostS = cost(1, Number.POSITIVE_INFINITY)
  let best: Sequence = { stage: current, afterS: 0, costS: stayCostS, stayCostS }
  let bound = stayCostS - parameters.gainMinS

  const extend = (depth: number, firstStage: number, afterS: number) => {
    const before = windows[depth - 1] as Window
    const own = windows[depth] as Window
    for (let stage = 0; stage < model.stages.length; stage++) {
      if (stage === before.stage) continue
      const beginS = before.endS + (model.intergreenS[before.stage]?.[stage] ?? 0)
      if (beginS >= horizonS) continue
      own.stage = stage
      own.beginS = beginS
      own.endS = horizonS
      const chosen = depth === 1 ? stage : firstStage
      const costS = cost(depth + 1, bound)
      if (costS < bound) {
        bound = costS
        best = { stage: chosen, afterS, costS, stayCostS }
      }
      if (depth + 1 >= stagesMax) continue
      for (const beyondS of greensBeyondMinS) {
        own.endS = beginS + (model.minGreenS[stage] ?? 0) + beyondS
        if (own.endS >= horizonS) break
        extend(depth + 1, chosen, afterS)
        own.stage = stage
        own.beginS = beginS
      }
    }
  }
  for (const stayS of staysS) {
    if (stayS >= horizonS) break
    first.endS = stayS
    extend(1, current, stayS)
  }
  return best
}

/** Expected vehicles come in portions of this length. */
const portionS = 2

function lanesAhead(input: LookAheadInput): LaneAhead[] {
  const { model } = input
  const ahead = model.lanes.map((_, index) => laneAhead(input, index))
  const givenWay = new Set(model.givesWayTo.flat(2))
  const known = ahead.flatMap((lane, index) => {
    if (lane === undefined) return []
    const isGivenWay = givenWay.has(index)
    return [{ ...lane, index, isGivenWay, givesWayTo: [] as LaneAhead[][], crossingsS: [] }]
  })
  for (const lane of known) {
    lane.givesWayTo = (model.givesWayTo[lane.index] ?? []).map((others) =>
      known.filter(({ index }) => others.includes(index)),
    )
  }
  // Those who are given way to come first, so that their crossings are known.
  return known.sort((a, b) => Number(b.isGivenWay) - Number(a.isGivenWay))
}

type LaneAlone = Omit<LaneAhead, 'givesWayTo' | 'isGivenWay' | 'crossingsS'>

function laneAhead(input: LookAheadInput, index: number): LaneAlone | undefined {
  const { view, model, discharge, parameters } = input
  const lane = model.lanes[index] ?? ''
  const seen = view.lanes[lane]
  const speedMps = (view.junction.lanes[lane]?.speedLimitKmh ?? 50) / 3.6
  const seenS = (seen?.rangeMeters ?? 0) / speedMps
  const arrivalsS = seen === undefined ? [] : arrivalsOf(seen, seenS)
  const weights = arrivalsS.map(() => 1)
  // Of a lane that is not seen: whole vehicles believed to stand there, and a part of one.
  for (let left = discharge.believed[index] ?? 0; seen === undefined && left > 0; left -= 1) {
    arrivalsS.push(0)
    weights.push(Math.min(1, left))
  }
  const perPortion = usualPerSecond(discharge, view, index, lane) * portionS
  for (
    let atS = seenS + portionS / 2;
    perPortion > 0 && atS < parameters.horizonS;
    atS += portionS
  ) {
    arrivalsS.push(atS)
    weights.push(perPortion)
  }
  if (arrivalsS.length === 0) return undefined
  const isBlocked = leadsIntoFullLane(view, lane)
  const headways = (isHeldUp: boolean) =>
    model.stages.map((_, stage) => {
      const believed = stage === input.current ? presentHeadwayS : headwayS
      const own = believed(discharge, model, index, stage, isHeldUp)
      return isBlocked && own !== Number.POSITIVE_INFINITY ? blockedHeadwayS : own
    })
  const freeS = headways(false)
  const starvingS = Math.max(0, (discharge.waitedS[index] ?? 0) - parameters.patienceS)
  const urgency = Math.min(urgencyMax, 1 + starvingS / parameters.patienceS)
  return {
    arrivalsS,
    weights,
    urgency,
    stalledForS: stalledForS(discharge, model, index, input.current),
    headwayS: freeS,
    heldUpS: headways(true),
    laterHeadwayS: Math.min(laterHeadwayMaxS, ...freeS),
  }
}

/** A queue no green moves, be it a sensor that is stuck, must not take over the junction. */
const urgencyMax = 3

/** As a full lane empties, however slow this one is now: by its own rate a blocked lane would keep its green until nothing moves. */
const laterHeadwayMaxS = 2

/** Where the lane ahead is full, a green passes hardly anybody, however long the queue. */
const blockedHeadwayS = 12
/** A queue that fills the way from stop line to stop line but for this leaves no room to drive into. */
const roomM = 15

/** Every lane of a neighbour that this lane leads to is full back to here. */
function leadsIntoFullLane(view: JunctionView, lane: string): boolean {
  const reached = view.junction.lanes[lane]?.downstream ?? []
  const known = reached.flatMap(({ node, lane: there, distanceM }) => {
    const seen = view.neighbours[node]?.lanes[there]
    return seen === undefined ? [] : [seen.queueMeters >= distanceM - roomM]
  })
  return known.length > 0 && known.length === reached.length && known.every(Boolean)
}

/** Approaching vehicles of which no arrival is known are taken to come evenly over the way the sensor sees. */
const unknownArrivalsWithinS = 15

const outsideHeadwayS = 2

function arrivalsOf(lane: LaneView, seenS: number): number[] {
  const waiting = Array<number>(lane.queueVehicles).fill(0)
  const moving = lane.arrivalsS ?? []
  const unknown = Math.max(0, lane.approachingVehicles - moving.length)
  const even = Array.from(
    { length: unknown },
    (_, at) => ((at + 1) * unknownArrivalsWithinS) / (unknown + 1),
  )
  // Who waits outside because the range is full comes as soon as there is room: at the range's far end, one after another.
  const outside = Array.from(
    { length: lane.blockedVehicles },
    (_, at) => seenS + at * outsideHeadwayS,
  )
  return [...waiting, ...[...moving, ...even, ...outside].sort((a, b) => a - b)]
}

function sequenceCost(
  { parameters, ageS }: LookAheadInput,
  lanes: readonly LaneAhead[],
  windows: readonly Window[],
  count: number,
  limit: number,
): number {
  const { horizonS, startupS, yellowUsedS } = parameters
  let costS = 0
  for (const lane of lanes) {
    const arrivals = lane.arrivalsS
    let next = 0
    let freeS = 0
    let left = 0
    lane.crossingsS.length = 0
    let wasGreen = false
    let lastEndS = 0
    for (let at = 0; at < count && next < arrivals.length; at++) {
      const window = windows[at] as Window
      const headway = lane.headwayS[window.stage] as number
      if (headway === Number.POSITIVE_INFINITY) {
        wasGreen = false
        continue
      }
      const openS =
        at === 0
          ? Math.max(startupS - ageS, lane.stalledForS)
          : wasGreen
            ? lastEndS
            : window.beginS + startupS
      if (openS > freeS) freeS = openS
      const after = at + 1 < count ? (windows[at + 1] as Window) : undefined
      const staysGreen =
        after !== undefined && lane.headwayS[after.stage] !== Number.POSITIVE_INFINITY
      const endS =
        after === undefined ? horizonS : staysGreen ? after.beginS : window.endS + yellowUsedS
      const busyS = busyTimesOf(lane.givesWayTo[window.stage] ?? [])
      const heldUp = lane.heldUpS[window.stage] as number
      while (next < arrivals.length) {
        const arrivalS = arrivals[next] as number
        const crossS = Math.max(arrivalS, freeS)
        if (crossS > endS) break
        const weight = lane.weights[next] as number
        costS += lane.urgency * weight * (crossS - arrivalS)
        if (lane.isGivenWay) lane.crossingsS.push(crossS)
        freeS =
          busyS.length === 0
            ? crossS + weight * headway
            : followedAtS(crossS, weight, headway, heldUp, busyS)
        next += 1
      }
      wasGreen = true
      lastEndS = endS
    }
    for (; next < arrivals.length && (arrivals[next] as number) < horizonS; next++) {
      const waitS = horizonS - (arrivals[next] as number)
      costS += lane.urgency * (lane.weights[next] as number) * waitS
      left += lane.weights[next] as number
    }
    costS += ((left * (left + 1)) / 2) * lane.laterHeadwayS
    if (costS > limit) return costS
  }
  return costS
}

const nobodyS: readonly number[] = []

function busyTimesOf(lanes: readonly LaneAhead[]): readonly number[] {
  return lanes.length === 0 ? nobodyS : busyTimes(lanes.flatMap((lane) => lane.crossingsS))
}
