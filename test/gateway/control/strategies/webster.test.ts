import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createStageModel } from '../../../../gateway/control/strategies/stage-model.ts'
import {
  createWebster,
  criticalRatios,
  websterTiming,
} from '../../../../gateway/control/strategies/webster.ts'
import { crossing, flow, laneView, viewOf } from './crossing.ts'

describe('webster', () => {
  test("gives the cycle of Webster's own formula", () => {
    const { cycleS, greensS } = websterTiming({
      lostS: 10,
      critical: [0.3, 0.2],
      minGreenS: [5, 5],
      cycleMinS: 20,
      cycleMaxS: 180,
    })
    expect(cycleS).toBeCloseTo((1.5 * 10 + 5) / (1 - 0.5), 1)
    expect(greensS[0]).toBeCloseTo(18, 1)
    expect(greensS[1]).toBeCloseTo(12, 1)
  })

  test('any flows give a cycle within its bounds whose greens and lost time add up', () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            y: fc.double({ min: 0, max: 1.5, noNaN: true }),
            min: fc.integer({ min: 4, max: 10 }),
          }),
          {
            minLength: 2,
            maxLength: 6,
          },
        ),
        fc.integer({ min: 4, max: 30 }),
        (stages, lostS) => {
          const { cycleS, greensS } = websterTiming({
            lostS,
            critical: stages.map(({ y }) => y),
            minGreenS: stages.map(({ min }) => min),
            cycleMinS: 30,
            cycleMaxS: 120,
          })
          expect(greensS.reduce((sum, each) => sum + each, lostS)).toBeCloseTo(cycleS, 5)
          const isShort = greensS.some((each, at) => each < (stages[at]?.min ?? 0) - 1e-9)
          expect(isShort).toBe(false)
          expect(cycleS).toBeLessThanOrEqual(120 + 0.5)
        },
      ),
    )
  })

  test('a lane that two stages serve asks only for what the first leaves over', () => {
    const model = createStageModel(crossing)
    const critical = criticalRatios(
      model,
      [0, 1],
      model.lanes.map((_, lane) => (lane === 0 ? 0.4 : 0.1)),
    )
    expect(critical[0]).toBeCloseTo(0.4)
    expect(critical[1]).toBeCloseTo(0.1)
  })

  test('plans from the forecast and says on what it rests', () => {
    const strategy = createWebster()
    const view = viewOf({ flows: { 'ln/1': flow(900), 'ln/2': flow(300) } })
    const { decision } = strategy.decide(view, strategy.remember(crossing))
    expect(decision.kind).toBe('timing')
    if (decision.kind !== 'timing') return
    expect(decision.timing.greensS['1']).toBeGreaterThan(decision.timing.greensS['2'] ?? 0)
    expect(decision.why).toContain('100 % forecast')
  })

  test('keeps the local plan while it knows no flows', () => {
    const strategy = createWebster()
    expect(strategy.decide(viewOf({}), strategy.remember(crossing)).decision.kind).toBe('keep')
  })

  test('counts for itself where there is no forecast', () => {
    const strategy = createWebster()
    let memory = strategy.remember(crossing)
    let kind = 'keep'
    for (let second = 0; second < 120; second++) {
      const nowMs = second * 1000
      const lanes = {
        'ln/1': laneView({ passedVehicles: second % 4 === 0 ? 1 : 0, seenAtMs: nowMs }),
        'ln/2': laneView({ passedVehicles: second % 12 === 0 ? 1 : 0, seenAtMs: nowMs }),
      }
      const answer = strategy.decide(viewOf({ nowMs, lanes }), memory)
      memory = answer.memory
      if (answer.decision.kind === 'timing') kind = 'timing'
    }
    expect(kind).toBe('timing')
  })
})
