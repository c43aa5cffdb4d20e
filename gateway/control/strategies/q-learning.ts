/**
 * Tabular Q-learning: learns on the street which stage to show, from the standing vehicles it causes.
 *
 *   Q(s, a) ← Q(s, a) + α (r + γ max Q(s', ·) − Q(s, a))      s: stage shown and load per stage in four steps
 *                                                            a: next stage     r: −vehicles standing
 *
 * Source: C. Watkins and P. Dayan, "Q-learning", Machine Learning 8 (1992); on signals: Abdulhai, Pringle, Karakoulas
 * (2003). Its chance is a seeded sequence in its memory, so the same views give the same decisions. It starts knowing
 * nothing and explores on real drivers: it is here to be compared with, and for shadow mode.
 */
import type { JunctionView, Strategy } from '../ports.ts'
import { standingVehicles, withSeenLanes } from './seen-lanes.ts'
import { createStageModel, type StageModel } from './stage-model.ts'

export interface QLearningMemory {
  readonly model: StageModel
  readonly values: Readonly<Record<string, readonly number[]>>
  readonly last: { readonly state: string; readonly action: number } | undefined
  /** Standing vehicles since the last choice, and looks. */
  readonly standing: number
  readonly looks: number
  readonly decideAtMs: number
  readonly chance: number
  readonly choices: number
}

const periodMs = 1_000
const decideEveryMs = 5_000
const holdForMs = 15_000
const learningRate = 0.1
const discount = 0.9
/** Share of choices by chance: at first many, later few. */
const explorationFirst = 0.3
const explorationLast = 0.02
const explorationHalf = 200
/** Standing vehicles per stage: none, few, some, many. */
const loadSteps = [1, 4, 9]

export function createQLearning(seed = 1): Strategy<QLearningMemory> {
  return {
    name: 'q-learning',
    periodMs,
    remember: (junction) => ({
      model: createStageModel(junction),
      values: {},
      last: undefined,
      standing: 0,
      looks: 0,
      decideAtMs: 0,
      chance: seed >>> 0,
      choices: 0,
    }),
    decide(view, memory) {
      const { model } = memory
      const { stage, nextStage, stageSinceMs } = view.signal
      const vehicles = standingVehicles(withSeenLanes(view), model)
      const total = vehicles.reduce((sum, each) => sum + each, 0)
      const looked = { ...memory, standing: memory.standing + total, looks: memory.looks + 1 }
      const current = stage === null ? -1 : model.stages.indexOf(stage)
      if (stage === null || current < 0) {
        const coming = nextStage ?? model.stages[0] ?? 1
        return {
          decision: { kind: 'stage', stage: coming, holdForMs, why: 'The stages are changing.' },
          memory: looked,
        }
      }
      const isEarly = stageSinceMs / 1000 < (model.minGreenS[current] ?? 0)
      if (isEarly || view.nowMs < memory.decideAtMs) {
        return { decision: { kind: 'keep', why: 'The next choice is not due.' }, memory: looked }
      }
      return learnAndChoose(view, vehicles, looked, current)
    },
  }
}

function learnAndChoose(
  view: JunctionView,
  vehicles: readonly number[],
  memory: QLearningMemory,
  current: number,
): ReturnType<Strategy<QLearningMemory>['decide']> {
  const { model, last } = memory
  const state = stateOf(vehicles, model, current)
  const here = memory.values[state] ?? model.stages.map(() => 0)
  const reward = -memory.standing / Math.max(1, memory.looks)
  let values = memory.values
  if (last !== undefined) {
    const row = [...(values[last.state] ?? model.stages.map(() => 0))]
    const old = row[last.action] ?? 0
    row[last.action] = old + learningRate * (reward + discount * Math.max(...here) - old)
    values = { ...values, [last.state]: row }
  }
  const first = nextChance(memory.chance)
  const second = nextChance(first)
  const exploration =
    explorationLast + (explorationFirst - explorationLast) / (1 + memory.choices / explorationHalf)
  const isTry = first / 2 ** 32 < exploration
  const known = values[state] ?? here
  const best = known.reduce((top, each, at) => (each > (known[top] ?? 0) ? at : top), current)
  const action = isTry ? Math.floor((second / 2 ** 32) * model.stages.length) : best
  const stage = model.stages[action] ?? model.stages[0] ?? 1
  return {
    decision: {
      kind: 'stage',
      stage,
      holdForMs,
      why: isTry
        ? `Tries stage ${stage} by chance, to learn what it costs with loads ${state}.`
        : `Stage ${stage} has cost least so far with loads ${state}.`,
    },
    memory: {
      ...memory,
      values,
      last: { state, action },
      standing: 0,
      looks: 0,
      decideAtMs: view.nowMs + decideEveryMs,
      chance: second,
      choices: memory.choices + 1,
    },
  }
}

/** `2|0,3,1`: the stage that is green, and the load of each. */
function stateOf(vehicles: readonly number[], model: StageModel, current: number): string {
  const loads = model.stages.map((_, stage) => {
    const standing = vehicles.reduce(
      (sum, each, index) => sum + (model.service[index]?.[stage] ?? 0) * each,
      0,
    )
    return loadSteps.filter((step) => standing >= step).length
  })
  return `${model.stages[current]}|${loads.join(',')}`
}

/** Numerical Recipes' linear congruential generator: enough to explore with, and a plain number to remember. */
function nextChance(seed: number): number {
  return (Math.imul(seed, 1664525) + 1013904223) >>> 0
}
