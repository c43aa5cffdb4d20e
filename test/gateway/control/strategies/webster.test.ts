import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cycleStepSMax } from '../../../../gateway/control/guard.ts'
import { createStageModel } from '../../../../gateway/control/strategies/stage-model.ts'
import {
  createWebster,
  criticalRatios,
  websterTiming,
} from '../../../../gateway/control/strategies/webster.ts'
import { crossing, flow, laneView, signalView, viewOf } from './crossing.ts'

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

  test('goes to a cycle far away in steps the guard allows', () => {
    const strategy = createWebster()
    let shownS = 150
    let memory = strategy.remember(crossing)
    const cyclesS: number[] = []
    for (let minute = 1; minute <= 4; minute++) {
      const timing = { plan: 1, cycleS: shownS, offsetS: 0, greensS: {} }
      const answer = strategy.decide(
        viewOf({
          nowMs: minute * 60_000,
          signal: signalView({ timing }),
          flows: { 'ln/1': flow(300), 'ln/2': flow(200) },
        }),
        memory,
      )
      memory = answer.memory
      if (answer.decision.kind !== 'timing') throw new Error(answer.decision.why)
      cyclesS.push(answer.decision.timing.cycleS)
      expect(shownS - answer.decision.timing.cycleS).toBeLessThanOrEqual(cycleStepSMax)
      shownS = answer.decision.timing.cycleS
    }
    expect(cyclesS[0]).toBeCloseTo(150 - cycleStepSMax)
    expect(cyclesS.at(-1)).toBe(crossing.cycleS.min)
  })

  test('leaves a junction that is all but full to its own plan', () => {
    const strategy = createWebster()
    const view = viewOf({ flows: { 'ln/1': flow(900), 'ln/2': flow(700) } })
    const { decision } = strategy.decide(view, strategy.remember(crossing))
    expect(decision.kind).toBe('release')
    expect(decision.why).toContain('load the junction to 89 % of saturation')
  })

  test('gives a lane that is seen to discharge slowly more green for the same flow', () => {
    const strategy = createWebster()
    let memory = strategy.remember(crossing)
    let greens: Readonly<Record<string, number>> = {}
    for (let second = 1; second <= 600; second++) {
      const stage = second % 60 < 30 ? 1 : 2
      const nowMs = second * 1000
      const lane = (own: number, headwayS: number) =>
        laneView({
          queueVehicles: 4,
          queueMeters: 28,
          passedVehicles: stage === own && second % headwayS === 0 ? 1 : 0,
          seenAtMs: nowMs,
        })
      const answer = strategy.decide(
        viewOf({
          nowMs,
          signal: signalView({ stage, stageSinceMs: (second % 30) * 1000 }),
          lanes: { 'ln/1': lane(1, 2), 'ln/2': lane(2, 3) },
          flows: { 'ln/1': flow(450), 'ln/2': flow(450) },
        }),
        memory,
      )
      memory = answer.memory
      if (answer.decision.kind === 'timing') greens = answer.decision.timing.greensS
    }
    const share = (greens['2'] ?? 0) / (greens['1'] ?? 1)
    expect(share).toBeGreaterThan(1.3)
    expect(share).toBeLessThan(1.6)
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
