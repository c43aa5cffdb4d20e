import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Strategy } from '../../../../gateway/control/ports.ts'
import { createStrategy, strategyNames } from '../../../../gateway/control/strategies/registry.ts'
import { crossing, laneView, signalView, viewOf } from './crossing.ts'

const count = fc.integer({ min: 0, max: 25 })
const moment = fc.record({
  queues: fc.tuple(count, count),
  passed: fc.tuple(fc.integer({ min: 0, max: 1 }), fc.integer({ min: 0, max: 1 })),
  arrivals: fc.array(fc.double({ min: 0, max: 20, noNaN: true }), { maxLength: 6 }),
  stage: fc.constantFrom(1, 2, null),
  ageS: fc.integer({ min: 0, max: 70 }),
})

function run(
  strategy: Strategy,
  moments: readonly (typeof moment extends fc.Arbitrary<infer T> ? T : never)[],
) {
  let memory = strategy.remember(crossing)
  return moments.map((each, index) => {
    const nowMs = 1_000_000 + index * 1000
    const lane = (at: 0 | 1) =>
      laneView({
        queueVehicles: each.queues[at],
        approachingVehicles: each.arrivals.length,
        arrivalsS: [...each.arrivals].sort((a, b) => a - b),
        passedVehicles: each.passed[at],
        seenAtMs: nowMs,
      })
    const view = viewOf({
      nowMs,
      signal: signalView({
        stage: each.stage,
        nextStage: each.stage === null ? 2 : null,
        stageSinceMs: each.ageS * 1000,
      }),
      lanes: { 'ln/1': lane(0), 'ln/2': lane(1) },
    })
    const answer = strategy.decide(view, memory)
    memory = answer.memory
    return answer.decision
  })
}

describe.each([...strategyNames])('%s', (name) => {
  test('asks for nothing the junction does not have, always says why, and repeats itself exactly', () => {
    fc.assert(
      fc.property(fc.array(moment, { minLength: 1, maxLength: 90 }), (moments) => {
        const decisions = run(createStrategy(name) as Strategy, moments)
        for (const decision of decisions) {
          expect(decision.why.length).toBeGreaterThan(5)
          if (decision.kind === 'stage') expect([1, 2]).toContain(decision.stage)
          if (decision.kind !== 'timing') continue
          const { cycleS, greensS } = decision.timing
          const isShort = Object.values(greensS).some((green) => green < 5)
          expect(isShort).toBe(false)
          const sumS = Object.values(greensS).reduce((sum, green) => sum + green, 8)
          expect(Math.abs(sumS - cycleS)).toBeLessThan(0.5)
        }
        expect(run(createStrategy(name) as Strategy, moments)).toEqual(decisions)
      }),
      { numRuns: 40 },
    )
  })
})

test('a name that is none gives no strategy', () => {
  expect(createStrategy('magic')).toBeUndefined()
  expect(createStrategy('toString')).toBeUndefined()
})

describe('what each is for', () => {
  const asked = (name: string, change: Parameters<typeof viewOf>[0]) => {
    const strategy = createStrategy(name) as Strategy
    return strategy.decide(viewOf({ nowMs: 1_000_000, ...change }), strategy.remember(crossing))
      .decision
  }

  test('actuated extends for a vehicle close behind and ends at the gap', () => {
    const waiting = laneView({ queueVehicles: 1 })
    const close = laneView({ approachingVehicles: 1, arrivalsS: [2] })
    const far = laneView({ approachingVehicles: 1, arrivalsS: [9] })
    expect(asked('actuated', { lanes: { 'ln/1': close, 'ln/2': waiting } })).toMatchObject({
      stage: 1,
    })
    expect(asked('actuated', { lanes: { 'ln/1': far, 'ln/2': waiting } })).toMatchObject({
      stage: 2,
    })
  })

  test('actuated ends at its maximum however close they follow', () => {
    const close = laneView({ approachingVehicles: 1, arrivalsS: [1] })
    const decision = asked('actuated', {
      signal: signalView({ stageSinceMs: 51_000 }),
      lanes: { 'ln/1': close, 'ln/2': laneView({ queueVehicles: 1 }) },
    })
    expect(decision).toMatchObject({ stage: 2 })
  })

  test('max-pressure serves the longer queue and keeps the stage on a tie', () => {
    const lanes = (a: number, b: number) => ({
      lanes: { 'ln/1': laneView({ queueVehicles: a }), 'ln/2': laneView({ queueVehicles: b }) },
    })
    expect(asked('max-pressure', lanes(2, 3))).toMatchObject({ stage: 2 })
    expect(asked('max-pressure', lanes(3, 3))).toMatchObject({ stage: 1 })
  })

  test('pid moves green to the stage whose queue is longer than its share', () => {
    const strategy = createStrategy('pid') as Strategy
    let memory = strategy.remember(crossing)
    let greens: Readonly<Record<string, number>> = {}
    for (let second = 1; second <= 70; second++) {
      const lanes = { 'ln/1': laneView(), 'ln/2': laneView({ queueVehicles: 8 }) }
      const answer = strategy.decide(viewOf({ nowMs: second * 1000, lanes }), memory)
      memory = answer.memory
      if (answer.decision.kind === 'timing') greens = answer.decision.timing.greensS
    }
    expect(greens['2']).toBeGreaterThan(26)
    expect((greens['1'] ?? 0) + (greens['2'] ?? 0)).toBeCloseTo(52, 1)
  })

  test('q-learning learns to serve the street that waits', () => {
    const strategy = createStrategy('q-learning') as Strategy
    let memory = strategy.remember(crossing)
    let stage = 1
    let queue = 10
    let served = 0
    for (let step = 0; step < 3000; step++) {
      const lanes = { 'ln/1': laneView(), 'ln/2': laneView({ queueVehicles: queue }) }
      const answer = strategy.decide(
        viewOf({ nowMs: step * 5000, signal: signalView({ stage }), lanes }),
        memory,
      )
      memory = answer.memory
      if (answer.decision.kind === 'stage') stage = answer.decision.stage
      queue = stage === 2 ? Math.max(0, queue - 5) : Math.min(25, queue + 2)
      if (step >= 2500 && queue <= 4) served += 1
    }
    expect(served).toBeGreaterThan(350)
  })

  test('the local plan asks for nothing', () => {
    expect(asked('local-plan', {}).kind).toBe('release')
  })
})
