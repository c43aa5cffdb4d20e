/**
 * Max-pressure: every five seconds the stage whose lanes hold most, less what already stands where they lead to.
 *
 * Source: P. Varaiya, "Max pressure control of a network of signalized intersections", Transportation Research C 36
 * (2013); Tassiulas and Ephremides 1992. Three mends from experience: pressure is floored at zero (subtracting all
 * downstream queues starves lanes with several movements), giving way counts a quarter, a tie keeps the stage.
 */
import type { JunctionView, Strategy } from '../ports.ts'
import { standingVehicles, withSeenLanes } from './seen-lanes.ts'
import { createStageModel, type StageModel } from './stage-model.ts'

export interface MaxPressureMemory {
  readonly model: StageModel
  readonly decideAtMs: number
}

const periodMs = 1_000
const decideEveryMs = 5_000
const holdForMs = 15_000

export function createMaxPressure(): Strategy<MaxPressureMemory> {
  return {
    name: 'max-pressure',
    periodMs,
    remember: (junction) => ({ model: createStageModel(junction), decideAtMs: 0 }),
    decide(view, memory) {
      const { model } = memory
      const { stage, nextStage, stageSinceMs } = view.signal
      const current = stage === null ? -1 : model.stages.indexOf(stage)
      if (stage === null || current < 0) {
        const coming = nextStage ?? model.stages[0] ?? 1
        return {
          decision: { kind: 'stage', stage: coming, holdForMs, why: 'The stages are changing.' },
          memory,
        }
      }
      const isEarly = stageSinceMs / 1000 < (model.minGreenS[current] ?? 0)
      if (isEarly || view.nowMs < memory.decideAtMs) {
        return { decision: { kind: 'keep', why: 'The next choice is not due.' }, memory }
      }
      const seen = withSeenLanes(view)
      const standing = standingVehicles(seen, model)
      const pressures = model.stages.map((_, at) => pressureOf(seen, model, standing, at))
      const best = pressures.reduce(
        (top, each, at) => (each > (pressures[top] ?? 0) ? at : top),
        current,
      )
      const listed = model.stages
        .map((number, at) => `${number}: ${(pressures[at] ?? 0).toFixed(1)}`)
        .join(', ')
      return {
        decision: {
          kind: 'stage',
          stage: model.stages[best] ?? stage,
          holdForMs,
          why: `Pressure per stage, standing vehicles less those downstream: ${listed}.`,
        },
        memory: { model, decideAtMs: view.nowMs + decideEveryMs },
      }
    },
  }
}

function pressureOf(
  view: JunctionView,
  model: StageModel,
  standing: readonly number[],
  stage: number,
): number {
  return model.lanes.reduce((sum, lane, index) => {
    const share = model.service[index]?.[stage] ?? 0
    if (share === 0) return sum
    return sum + share * Math.max(0, (standing[index] ?? 0) - standingBehind(view, lane))
  }, 0)
}

/** Mean queue of the neighbours' lanes this lane leads to; nothing where none is known. */
function standingBehind(view: JunctionView, lane: string): number {
  const reached = view.junction.lanes[lane]?.downstream ?? []
  const queues = reached.map((to) => view.neighbours[to.node]?.lanes[to.lane]?.queueVehicles ?? 0)
  return queues.length === 0 ? 0 : queues.reduce((sum, each) => sum + each, 0) / queues.length
}
