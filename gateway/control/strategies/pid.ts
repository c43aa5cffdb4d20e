/**
 * A PID controller on queue imbalance: once a cycle it compares each stage's share of the standing vehicles with its
 * share of the green, and shifts green towards the stages that fall short.
 *
 *   e_i = q_i / Σq − g_i / Σg        Δg_i = Σg · (Kp e_i + Ki ∫e_i + Kd Δe_i)
 *
 * Source: K. J. Åström and R. M. Murray, "Feedback Systems", ch. 10 (PID, anti-windup by clamping). It keeps cycle,
 * order and offset of the plan. A feedback on queues is late by a cycle, and one gain fits no two junctions.
 */
import type { JunctionView, Strategy } from '../ports.ts'
import { standingVehicles, withSeenLanes } from './seen-lanes.ts'
import { createStageModel, type StageModel } from './stage-model.ts'

export interface PidMemory {
  readonly model: StageModel
  readonly greensS: readonly number[] | undefined
  readonly integral: readonly number[]
  readonly error: readonly number[]
  /** Standing vehicles per stage, summed over the looks since the last change. */
  readonly standing: readonly number[]
  readonly looks: number
  readonly decideAtMs: number
}

const periodMs = 1_000
const holdForMs = 180_000
const gain = { p: 0.5, i: 0.1, d: 0.1 }
const integralMax = 1

export function createPid(): Strategy<PidMemory> {
  return {
    name: 'pid',
    periodMs,
    remember(junction) {
      const model = createStageModel(junction)
      const zero = model.localOrder.map(() => 0)
      return {
        model,
        greensS: undefined,
        integral: zero,
        error: zero,
        standing: zero,
        looks: 0,
        decideAtMs: 0,
      }
    },
    decide(view, memory) {
      const vehicles = standingVehicles(withSeenLanes(view), memory.model)
      const standing = memory.standing.map(
        (sum, at) => sum + standingOf(vehicles, memory.model, memory.model.localOrder[at] ?? 0),
      )
      const looked = { ...memory, standing, looks: memory.looks + 1 }
      if (memory.decideAtMs === 0) {
        const decideAtMs = view.nowMs + view.signal.timing.cycleS * 1000
        return {
          decision: { kind: 'keep', why: 'The first cycle is watched.' },
          memory: { ...looked, decideAtMs },
        }
      }
      if (view.nowMs < memory.decideAtMs) {
        return { decision: { kind: 'keep', why: 'Green is shifted once a cycle.' }, memory: looked }
      }
      return shift(view, looked)
    },
  }
}

function shift(view: JunctionView, memory: PidMemory): ReturnType<Strategy<PidMemory>['decide']> {
  const { model } = memory
  const order = model.localOrder
  const keys = order.map((stage) => String(model.stages[stage]))
  const greensS = memory.greensS ?? keys.map((key) => view.signal.timing.greensS[key] ?? 0)
  const totalS = greensS.reduce((sum, each) => sum + each, 0)
  const standing = memory.standing.reduce((sum, each) => sum + each, 0)
  const error = greensS.map((green, at) =>
    standing === 0 || totalS === 0 ? 0 : (memory.standing[at] ?? 0) / standing - green / totalS,
  )
  const integral = error.map((each, at) =>
    Math.max(-integralMax, Math.min(integralMax, (memory.integral[at] ?? 0) + each)),
  )
  const wantedS = greensS.map((green, at) => {
    const change =
      gain.p * (error[at] ?? 0) +
      gain.i * (integral[at] ?? 0) +
      gain.d * ((error[at] ?? 0) - (memory.error[at] ?? 0))
    return Math.max(model.minGreenS[order[at] ?? 0] ?? 0, green + totalS * change)
  })
  const newS = rescale(
    wantedS,
    order.map((stage) => model.minGreenS[stage] ?? 0),
    totalS,
  )
  const cycleS = view.signal.timing.cycleS
  const means = keys.map(
    (key, at) =>
      `stage ${key} ${((memory.standing[at] ?? 0) / Math.max(1, memory.looks)).toFixed(1)}`,
  )
  return {
    decision: {
      kind: 'timing',
      timing: {
        cycleS,
        offsetS: view.signal.timing.offsetS,
        greensS: Object.fromEntries(keys.map((key, at) => [key, newS[at] ?? 0])),
      },
      holdForMs,
      why: `Standing vehicles over the last cycle: ${means.join(', ')}; green follows that share.`,
    },
    memory: {
      ...memory,
      greensS: newS,
      error,
      integral,
      standing: memory.standing.map(() => 0),
      looks: 0,
      decideAtMs: view.nowMs + cycleS * 1000,
    },
  }
}

/** Scales what is above the minimum so that the sum is kept. */
function rescale(wantedS: readonly number[], minS: readonly number[], totalS: number): number[] {
  const least = minS.reduce((sum, each) => sum + each, 0)
  const above = wantedS.reduce((sum, each, at) => sum + each - (minS[at] ?? 0), 0)
  const scale = above <= 0 ? 0 : Math.max(0, totalS - least) / above
  return wantedS.map(
    (each, at) => Math.round(((minS[at] ?? 0) + (each - (minS[at] ?? 0)) * scale) * 10) / 10,
  )
}

function standingOf(vehicles: readonly number[], model: StageModel, stage: number): number {
  return vehicles.reduce((sum, each, index) => sum + (model.service[index]?.[stage] ?? 0) * each, 0)
}
