/**
 * Webster's fixed-time formula on forecast flows: a cycle and its splits, set anew every minute.
 *
 *   C = (1.5 L + 5) / (1 − Y)          g_i = (C − L) · y_i / Y
 *
 * L is the time lost in a cycle, y_i the critical flow ratio of stage i, Y their sum. Source: F. V. Webster,
 * "Traffic Signal Settings", Road Research Technical Paper 39, HMSO 1958; saturation flow after HCM 2010, ch. 18.
 *
 * It keeps the plan's order of stages and its offset; it does not react to a queue, only to flows. What a lane passes in a
 * stage is learned (discharge.ts). Where the flows are more than the formula is good for, the junction's own plan stays.
 */
import type { Junction } from '../../../schemas/generated/messages.ts'
import { cycleStepSMax } from '../guard.ts'
import type { Decision, JunctionView, Strategy } from '../ports.ts'
import { type Discharge, learnDischarge, meanHeadwayS, newDischarge } from './discharge.ts'
import { countLane, type LaneCount, laneFlow } from './flow-estimate.ts'
import { withSeenLanes } from './seen-lanes.ts'
import { createStageModel, type StageModel } from './stage-model.ts'

export interface WebsterMemory {
  readonly model: StageModel
  readonly discharge: Discharge
  readonly counts: Readonly<Record<string, LaneCount>>
  readonly lastGreensS: Readonly<Record<string, number>> | undefined
  readonly decideAtMs: number
}

/** Vehicles per hour of green on one lane with mixed traffic. */
const saturationPerHour = 1800
/** Above this the formula's cycle runs away and its split rests on counts of whom a full junction let through. */
const degreeMax = 0.8
/** A lane that was blocked for minutes must not claim the junction: it passes at least this share of what its lamps promise. */
const capacityShareMin = 0.5
const decideEveryMs = 60_000
/** Counts need every entry; the plan itself is reckoned once a minute. */
const countEveryMs = 1_000
const holdForMs = 180_000
/** A change of less than this in every green is not worth a transition of the controller. */
const changeMinS = 2

export function createWebster(): Strategy<WebsterMemory> {
  return {
    name: 'webster',
    periodMs: countEveryMs,
    remember(junction) {
      const model = createStageModel(junction)
      const discharge = newDischarge(model)
      return { model, discharge, counts: {}, lastGreensS: undefined, decideAtMs: 0 }
    },
    decide(asked, before) {
      const view = withSeenLanes(asked)
      const memory = { ...before, discharge: learnDischarge(before.discharge, before.model, view) }
      const counts: Record<string, LaneCount> = {}
      for (const lane of memory.model.lanes)
        counts[lane] = countLane(view.lanes[lane], memory.counts[lane])
      if (view.nowMs < memory.decideAtMs) {
        return {
          decision: { kind: 'keep', why: 'Webster plans once a minute; the plan in force holds.' },
          memory: { ...memory, counts },
        }
      }
      const planned = plan(view, { ...memory, counts })
      const isTiming = planned.kind === 'timing'
      return {
        decision: planned,
        memory: {
          ...memory,
          counts,
          lastGreensS: isTiming ? planned.timing.greensS : undefined,
          decideAtMs: view.nowMs + (planned.kind === 'keep' ? countEveryMs : decideEveryMs),
        },
      }
    },
  }
}

function plan(view: JunctionView, memory: WebsterMemory): Decision {
  const { model } = memory
  const order = planOrder(view.junction, model)
  const ratios: number[] = []
  let forecastShare = 0
  let known = 0
  for (const lane of model.lanes) {
    const flow = laneFlow(view, lane, memory.counts[lane])
    ratios.push((flow?.vehiclesPerHour ?? 0) / saturationPerHour)
    if (flow === undefined) continue
    known += 1
    forecastShare += flow.forecastShare
  }
  if (known < model.lanes.length / 2) {
    return {
      kind: 'keep',
      why: 'Too few lanes have a forecast or a count yet; the local plan stays.',
    }
  }
  const critical = criticalRatios(capacities(memory), order, ratios)
  const lostS = order.reduce(
    (sum, stage, at) =>
      sum + (model.intergreenS[stage]?.[order[(at + 1) % order.length] ?? 0] ?? 0),
    0,
  )
  const total = critical.reduce((sum, each) => sum + each, 0)
  if (total > degreeMax) {
    return {
      kind: 'release',
      why:
        `Flows (${sourceOf(forecastShare, known)}) load the junction to ${Math.round(total * 100)} % of saturation, ` +
        'more than the formula is good for: the local plan stays.',
    }
  }
  const shownS = view.signal.timing.cycleS
  const { cycleS, greensS } = websterTiming({
    lostS,
    critical: order.map((stage) => critical[stage] ?? 0),
    minGreenS: order.map((stage) => model.minGreenS[stage] ?? 0),
    // A plan far from the present one is reached in steps, or the guard would refuse it and nothing would change.
    cycleMinS: Math.max(view.junction.cycleS.min, shownS - cycleStepSMax),
    cycleMaxS: Math.min(view.junction.cycleS.max, shownS + cycleStepSMax),
  })
  const greens = Object.fromEntries(
    order.map((stage, at) => [String(model.stages[stage]), greensS[at] ?? 0]),
  )
  const lastS = Object.values(memory.lastGreensS ?? {}).reduce((sum, each) => sum + each, lostS)
  const isSame =
    memory.lastGreensS !== undefined &&
    Math.abs(lastS - shownS) <= cycleStepSMax &&
    Object.entries(greens).every(
      ([stage, s]) => Math.abs(s - (memory.lastGreensS?.[stage] ?? 0)) < changeMinS,
    )
  const kept = isSame ? (memory.lastGreensS ?? greens) : greens
  return {
    kind: 'timing',
    timing: { cycleS: isSame ? lastS : cycleS, offsetS: view.signal.timing.offsetS, greensS: kept },
    holdForMs,
    why:
      `Flows (${sourceOf(forecastShare, known)}) load the junction to ${Math.round(total * 100)} % of saturation with ${Math.round(lostS)} s lost ` +
      `a cycle: Webster's cycle is ${Math.round(isSame ? lastS : cycleS)} s, green ` +
      `${Object.entries(kept)
        .map(([stage, s]) => `stage ${stage} ${Math.round(s)} s`)
        .join(', ')}` +
      `${isSame ? ' (unchanged)' : ''}.`,
  }
}

const sourceOf = (forecastShare: number, known: number) =>
  `${Math.round((100 * forecastShare) / known)} % forecast, rest counted`

function planOrder(junction: Junction, model: StageModel): readonly number[] {
  const plan = junction.plans[String(junction.localPlan)]
  const order = (plan?.stages ?? model.stages).map((stage) => model.stages.indexOf(stage))
  return [...new Set(order.filter((at) => at >= 0))]
}

/**
 * Share of a full lane's flow that each lane has been seen to discharge in each stage, [lane][stage]. Turns that give way,
 * and whoever stands behind them, pass fewer than a table says.
 */
function capacities({
  model,
  discharge,
}: WebsterMemory): Pick<StageModel, 'lanes' | 'stages' | 'service'> {
  const fullS = 3600 / saturationPerHour
  const service = model.service.map((row, lane) =>
    row.map((promised, stage) => {
      const learned = fullS / meanHeadwayS(discharge, model, lane, stage)
      return Math.min(1, Math.max(promised * capacityShareMin, learned))
    }),
  )
  return { lanes: model.lanes, stages: model.stages, service }
}

/**
 * Flow ratio each stage has to carry: lanes with the fewest stages first, what a lane still lacks goes to the
 * stage that serves it best.
 */
export function criticalRatios(
  model: Pick<StageModel, 'lanes' | 'stages' | 'service'>,
  order: readonly number[],
  ratios: readonly number[],
): number[] {
  const critical = model.stages.map(() => 0)
  const needs = model.lanes
    .map((_, lane) => ({
      lane,
      serving: order.filter((stage) => (model.service[lane]?.[stage] ?? 0) > 0),
    }))
    .filter(({ serving }) => serving.length > 0)
    .sort((a, b) => a.serving.length - b.serving.length)
  for (const { lane, serving } of needs) {
    const share = (stage: number) => model.service[lane]?.[stage] ?? 0
    const has = serving.reduce((sum, stage) => sum + share(stage) * (critical[stage] ?? 0), 0)
    const lacks = (ratios[lane] ?? 0) - has
    if (lacks <= 0) continue
    const best = serving.reduce((a, b) => (share(b) > share(a) ? b : a))
    critical[best] = (critical[best] ?? 0) + lacks / share(best)
  }
  return critical
}

/** The formula with its bounds: minimum greens kept, cycle between its limits, whole to a tenth of a second. */
export function websterTiming(input: {
  readonly lostS: number
  readonly critical: readonly number[]
  readonly minGreenS: readonly number[]
  readonly cycleMinS: number
  readonly cycleMaxS: number
}): { cycleS: number; greensS: number[] } {
  const sum = input.critical.reduce((total, each) => total + each, 0)
  const load = Math.min(degreeMax, sum)
  const leastS = input.minGreenS.reduce((total, each) => total + each, input.lostS)
  const wantedS = (1.5 * input.lostS + 5) / (1 - load)
  const cycleS = Math.max(leastS, Math.min(input.cycleMaxS, Math.max(input.cycleMinS, wantedS)))
  const greenS = cycleS - input.lostS
  // Stages at their minimum are set aside; the rest share what is left by their ratios.
  const isAtMin = input.minGreenS.map(() => false)
  for (;;) {
    const taken = input.minGreenS.reduce((total, each, at) => total + (isAtMin[at] ? each : 0), 0)
    const rest = input.critical.reduce((total, each, at) => total + (isAtMin[at] ? 0 : each), 0)
    const open = isAtMin.filter((each) => !each).length
    const share = (at: number) =>
      rest > 0
        ? ((greenS - taken) * (input.critical[at] ?? 0)) / rest
        : (greenS - taken) / Math.max(1, open)
    const short = input.minGreenS.findIndex((each, at) => !isAtMin[at] && share(at) < each)
    if (short < 0) {
      const greensS = input.minGreenS.map(
        (each, at) => Math.round((isAtMin[at] ? each : share(at)) * 10) / 10,
      )
      return { cycleS: greensS.reduce((total, each) => total + each, input.lostS), greensS }
    }
    isAtMin[short] = true
  }
}
