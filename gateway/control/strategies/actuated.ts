/**
 * Actuated extension: a stage stays while vehicles follow each other closely, and ends at a gap or at its maximum.
 * The next stage in the plan's order that somebody waits for comes next.
 *
 * Source: FHWA Traffic Signal Timing Manual (2nd ed., NCHRP 812), ch. 6: passage time, gap-out, max-out, phase skip.
 * It reacts to gaps alone: who waits elsewhere matters only as "somebody does", never how many. A lane that is not seen
 * calls its stage in every round and extends nothing, as a cabinet answers a detector that failed (minimum recall).
 */
import type { JunctionView, Strategy } from '../ports.ts'
import { withSeenLanes } from './seen-lanes.ts'
import { createStageModel, describeLanes, type StageModel } from './stage-model.ts'

const holdForMs = 15_000
/** A vehicle nearer than this to the line extends the green. */
const passageS = 3
/** Longest green while others wait, as SUMO's and most cabinets' default. */
const maxGreenS = 50

export function createActuated(): Strategy<StageModel> {
  return {
    name: 'actuated',
    periodMs: 1_000,
    remember: createStageModel,
    decide(view, model) {
      const { stage, why } = choose(withSeenLanes(view), model)
      return { decision: { kind: 'stage', stage, holdForMs, why }, memory: model }
    },
  }
}

function choose(view: JunctionView, model: StageModel): { stage: number; why: string } {
  const { stage, nextStage, stageSinceMs } = view.signal
  const current = stage === null ? -1 : model.stages.indexOf(stage)
  if (stage === null || current < 0) {
    return { stage: nextStage ?? model.stages[0] ?? 1, why: 'The stages are changing.' }
  }
  const ageS = stageSinceMs / 1000
  if (ageS < (model.minGreenS[current] ?? 0)) return { stage, why: 'Minimum green runs.' }
  const at = Math.max(0, model.localOrder.indexOf(current))
  const coming = model.localOrder
    .map((_, step) => model.localOrder[(at + 1 + step) % model.localOrder.length] as number)
    .find((next) => next !== current && waitingFor(view, model, current, next).length > 0)
  if (coming === undefined) return { stage, why: `Nobody waits elsewhere; stage ${stage} rests.` }
  const next = model.stages[coming] ?? stage
  const waiting = describeLanes(waitingFor(view, model, current, coming))
  if (ageS >= maxGreenS)
    return {
      stage: next,
      why: `Stage ${stage} reached its maximum of ${maxGreenS} s; ${waiting} waits.`,
    }
  const extending = model.lanes.filter((lane, index) => {
    const isOnlyHere = (model.service[index]?.[coming] ?? 0) === 0
    const firstS = view.lanes[lane]?.arrivalsS?.[0] ?? Number.POSITIVE_INFINITY
    const isClose = firstS <= passageS || (view.lanes[lane]?.queueVehicles ?? 0) > 0
    return isOnlyHere && isClose && (model.service[index]?.[current] ?? 0) > 0
  })
  if (extending.length > 0) {
    return {
      stage,
      why: `Stage ${stage} is extended: ${describeLanes(extending)} still flows within ${passageS} s.`,
    }
  }
  return { stage: next, why: `A gap in stage ${stage}; ${waiting} waits, stage ${next} comes.` }
}

/** Lanes with demand, or unseen, that the next stage serves better than the present one. */
function waitingFor(
  view: JunctionView,
  model: StageModel,
  current: number,
  next: number,
): string[] {
  return model.lanes.filter((lane, index) => {
    const seen = view.lanes[lane]
    const hasDemand = seen === undefined || seen.queueVehicles + seen.approachingVehicles > 0
    const share = (stage: number) => model.service[index]?.[stage] ?? 0
    return hasDemand && share(next) > share(current)
  })
}
