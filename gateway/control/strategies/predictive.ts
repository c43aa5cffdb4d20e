/**
 * The default strategy: looks ahead, reckons what every sensible sequence of stages would cost the vehicles in
 * sight, and takes the first step of the cheapest. Asked every second, so a plan lives only until the next look.
 *
 *   queues and arrivals seen ─┐
 *   learned discharge (lane, stage) ─┼─▶ candidates: stay t, then stage a for d, then stage b … ─▶ least delay
 *   way between stages (intergreen) ─┘
 *
 * The idea is the rolling horizon of OPAC (Gartner 1983), PRODYN (Henry et al. 1983) and COP/RHODES (Sen and Head
 * 1997); what is learned, and how blocked lanes and starving ones are treated, is in docs/control.md.
 * Parameters are physical and the same everywhere; everything that differs between streets is learned.
 */
import type { Junction } from '../../../schemas/generated/messages.ts'
import type { Decision, JunctionView, Strategy } from '../ports.ts'
import { type Discharge, learnDischarge, newDischarge } from './discharge.ts'
import { cheapestSequence } from './look-ahead.ts'
import { type PredictiveParameters, predictiveParameters } from './parameters.ts'
import { withSeenLanes } from './seen-lanes.ts'
import { createStageModel, describeLanes, type StageModel } from './stage-model.ts'

export interface PredictiveMemory {
  readonly model: StageModel
  readonly discharge: Discharge
}

const periodMs = 1_000
/** A lease a few decisions long: silence for this long and the junction is back on its local plan. */
const holdForMs = 15_000

export function createPredictive(
  changes: Partial<PredictiveParameters> = {},
): Strategy<PredictiveMemory> {
  const parameters = { ...predictiveParameters, ...changes }
  return {
    name: 'predictive',
    periodMs,
    remember(junction: Junction) {
      const model = createStageModel(junction)
      return { model, discharge: newDischarge(model) }
    },
    decide(asked, memory) {
      const view = withSeenLanes(asked)
      const discharge = learnDischarge(memory.discharge, memory.model, view)
      return {
        decision: choose(view, memory.model, discharge, parameters),
        memory: { model: memory.model, discharge },
      }
    },
  }
}

function choose(
  view: JunctionView,
  model: StageModel,
  discharge: Discharge,
  parameters: PredictiveParameters,
): Decision {
  const { stage, nextStage, stageSinceMs } = view.signal
  if (stage === null) {
    const coming = nextStage ?? model.stages[0] ?? 1
    return hold(coming, `The stages are changing; stage ${coming} is on its way.`)
  }
  const current = model.stages.indexOf(stage)
  if (current < 0) return { kind: 'keep', why: `Stage ${stage} is not in the junction's data.` }
  const ageS = stageSinceMs / 1000
  if (ageS < (model.minGreenS[current] ?? 0)) {
    return hold(stage, `Stage ${stage} is still within its minimum green.`)
  }
  const best = cheapestSequence({ view, model, discharge, parameters, current, ageS })
  const next = model.stages[best.stage] ?? stage
  const waiting = model.lanes.filter((lane) => (view.lanes[lane]?.queueVehicles ?? 0) > 0)
  const queues = waiting.map((lane) => `${lane} ${view.lanes[lane]?.queueVehicles}`).join(', ')
  const unseen = model.lanes.filter((lane) => view.lanes[lane] === undefined)
  const scene =
    (queues === '' ? 'nobody is seen to wait' : `waiting: ${queues}`) +
    (unseen.length === 0 ? '' : `; not seen, usual flow expected: ${describeLanes(unseen)}`)
  if (best.stage === current) {
    return hold(
      stage,
      `Stage ${stage} stays: ${scene}; every change now would cost more than it saves in the next ` +
        `${parameters.horizonS} s (${best.stayCostS.toFixed(0)} vehicle-seconds if it stayed).`,
    )
  }
  const saves = best.stayCostS - best.costS
  if (best.afterS > 0) {
    return hold(
      stage,
      `Stage ${stage} stays about ${best.afterS} s more, then stage ${next}: ${scene}; that saves ` +
        `${saves.toFixed(0)} vehicle-seconds against staying.`,
    )
  }
  return hold(
    next,
    `Stage ${next} now: ${scene}; over the next ${parameters.horizonS} s it saves ${saves.toFixed(0)} ` +
      `vehicle-seconds against staying in stage ${stage}.`,
  )
}

function hold(stage: number, why: string): Decision {
  return { kind: 'stage', stage, holdForMs, why }
}
