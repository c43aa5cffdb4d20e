import { expect, test } from 'vitest'
import { parseLatency } from '../../../../gateway/evaluate/control/latency.ts'
import { drawPlot } from '../../../../gateway/evaluate/control/plot.ts'
import {
  type Evaluation,
  isSound,
  summarize,
  tableOf,
} from '../../../../gateway/evaluate/control/report.ts'
import { type RunResult, resultOf } from '../../../../gateway/evaluate/control/run-once.ts'

const run = (strategy: string, seed: number, delayS: number): RunResult => ({
  strategy,
  seed,
  delayS,
  waitingS: 5,
  stops: 1,
  demandVehicles: 100,
  finishedVehicles: 98,
  neverInsertedVehicles: 1,
  worstRedS: 80,
  monitorViolations: 0,
  violations: [],
  commands: { issued: 10, applied: 9, rejected: 1 },
  decision: { count: 10, meanMs: 0.5, p99Ms: 2 },
  outages: [],
  shadows: [],
  wallS: 40,
})
const machine = {
  cpu: 'a core',
  cores: 2,
  node: 'v24.0.0',
  commit: '0123456',
  isDirty: false,
  loadAverage: 0.5,
  at: '2026-11-23T07:00:00.000Z',
}
const evaluationOf = (
  all: readonly RunResult[],
  failures: Evaluation['failures'] = [],
): Evaluation => ({
  scenario: '/x/town.sumocfg',
  machine,
  runs: all,
  failures,
  strategies: summarize(all),
})
const outage = {
  at: '2026-11-23T07:10:00.000Z',
  simulatedS: 40,
  junctions: 1,
  localAfterS: 15,
  controlledAfterS: null,
}
const runs = [
  run('predictive', 1, 20),
  run('predictive', 2, 30),
  run('predictive', 3, 22),
  run('webster', 1, 60),
]

test('a strategy is its mean, its median and its worst seed', () => {
  const [first] = summarize(runs)
  expect(first).toMatchObject({
    strategy: 'predictive',
    seeds: 3,
    delayMeanS: 24,
    delayMedianS: 22,
    delayWorstS: 30,
  })
})

test('the table and the picture show every run', () => {
  const evaluation = evaluationOf(runs)
  const table = tableOf(evaluation)
  for (const text of ['predictive', 'webster', '98/100', '60.00']) expect(table).toContain(text)
  const svg = drawPlot(evaluation)
  expect(svg.match(/<circle/g)).toHaveLength(4)
  expect(svg).toContain('town.sumocfg')
})

test('a run in which the street was alone is told of, not averaged, and makes the whole unsound', () => {
  const summary = {
    delay: { controlS: 90 },
    street: {
      demandVehicles: 100,
      enteredVehicles: 100,
      arrivedVehicles: 100,
      delayS: 9_000,
      waitingS: 0,
      stops: 0,
    },
    monitorViolations: 0,
    violations: [],
    worstRedS: 0,
    outages: [outage],
  }
  const decision = { count: 0, meanMs: 0, p99Ms: 0 }
  const choice = { strategy: 'predictive', seed: 4, shadow: [] }
  const alone = resultOf(choice, { summary, stopped: {}, decision, shadows: [], wallS: 1 })
  const evaluation = evaluationOf([...runs, alone])
  expect(evaluation.strategies[0]).toMatchObject({ seeds: 3, delayMeanS: 24, delayWorstS: 30 })
  expect(tableOf(evaluation)).toMatch(/predictive, seed 4: the street was alone 1 times/)
  expect(isSound(evaluation)).toBe(false)
  expect(isSound(evaluationOf(runs))).toBe(true)
})

test('a run that failed is in the table with its reason, beside those that ended', () => {
  const failure = {
    strategy: 'webster',
    seed: 2,
    code: 'IG_ERR_EVALUATE_RUN_FAILED',
    message: 'no',
  }
  const evaluation = evaluationOf(runs, [failure])
  expect(tableOf(evaluation)).toContain('webster, seed 2: failed, IG_ERR_EVALUATE_RUN_FAILED no')
  expect(tableOf(evaluation)).toContain('60.00')
  expect(isSound(evaluation)).toBe(false)
})

test('a shadow is shown by junction, and how often it agrees with what is in force', () => {
  const shadow = {
    strategy: 'webster',
    agreement: 0.25,
    junctions: { 'sumo/tlc-001': 0.5, 'sumo/tlc-002': null },
  }
  const table = tableOf(evaluationOf([{ ...run('predictive', 1, 20), shadows: [shadow] }]))
  expect(table).toMatch(/predictive +1 +webster +all +25\.0/)
  expect(table).toMatch(/predictive +1 +webster +sumo\/tlc-001 +50\.0/)
  expect(table).toMatch(/predictive +1 +webster +sumo\/tlc-002 +–/)
})

test("latency is read from the gateway's metrics", () => {
  const text = [
    'intergreen_control_decide_seconds_bucket{le="0.001"} 90',
    'intergreen_control_decide_seconds_bucket{le="0.005"} 99',
    'intergreen_control_decide_seconds_bucket{le="+Inf"} 100',
    'intergreen_control_decide_seconds_sum 0.2',
    'intergreen_control_decide_seconds_count 100',
  ].join('\n')
  expect(parseLatency(text)).toEqual({ count: 100, meanMs: 2, p99Ms: 5 })
})
