import { expect, test } from 'vitest'
import { parseLatency } from '../../../../gateway/evaluate/control/latency.ts'
import { drawPlot } from '../../../../gateway/evaluate/control/plot.ts'
import { summarize, tableOf } from '../../../../gateway/evaluate/control/report.ts'
import type { RunResult } from '../../../../gateway/evaluate/control/run-once.ts'

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
  wallS: 40,
})
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
  const evaluation = { scenario: '/x/town.sumocfg', runs, strategies: summarize(runs) }
  const table = tableOf(evaluation)
  for (const text of ['predictive', 'webster', '98/100', '60.00']) expect(table).toContain(text)
  const svg = drawPlot(evaluation)
  expect(svg.match(/<circle/g)).toHaveLength(4)
  expect(svg).toContain('town.sumocfg')
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
