import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createPredictive } from '../../../../gateway/control/strategies/predictive.ts'
import { crossing, laneView, signalView, viewOf } from './crossing.ts'

const strategy = createPredictive()
const decide = (change: Parameters<typeof viewOf>[0]) =>
  strategy.decide(viewOf(change), strategy.remember(crossing)).decision

describe('predictive', () => {
  test('changes to the street where a queue stands when its own is empty', () => {
    const decision = decide({
      lanes: { 'ln/1': laneView(), 'ln/2': laneView({ queueVehicles: 6 }) },
    })
    expect(decision).toMatchObject({ kind: 'stage', stage: 2 })
    expect(decision.why).toContain('ln/2 6')
  })

  test('lets a platoon through before it changes', () => {
    const decision = decide({
      lanes: {
        'ln/1': laneView({ approachingVehicles: 5, arrivalsS: [1, 2.5, 4, 5.5, 7] }),
        'ln/2': laneView({ queueVehicles: 1 }),
      },
    })
    expect(decision).toMatchObject({ kind: 'stage', stage: 1 })
  })

  test('does not keep a green for a queue that is seen not to move in it', () => {
    /** Stage 2 after fifteen seconds of stage 1 in which the queue of ln/1 moved, or did not. */
    const stageAfter = (
      passedVehicles: (second: number) => number | undefined,
      queueMeters = 60,
    ) => {
      let memory = strategy.remember(crossing)
      let stage = 0
      for (let second = 1; second <= 15; second++) {
        const seenAtMs = second * 1000
        const passed = passedVehicles(second)
        const view = viewOf({
          nowMs: seenAtMs,
          signal: signalView({ stageSinceMs: 6000 + seenAtMs }),
          lanes: {
            'ln/1': laneView({ queueVehicles: 9, queueMeters, passedVehicles: passed, seenAtMs }),
            'ln/2': laneView({ queueVehicles: 7, seenAtMs }),
          },
        })
        const answer = strategy.decide(view, memory)
        memory = answer.memory
        if (answer.decision.kind === 'stage') stage = answer.decision.stage
      }
      return stage
    }
    expect(stageAfter((second) => second % 2)).toBe(1)
    expect(stageAfter(() => 0)).toBe(2)
    const withAGapBeforeIt = 150
    expect(stageAfter(() => 0, withAGapBeforeIt)).toBe(2)
    // A sensor that counts no crossings has not seen that nobody crossed.
    expect(stageAfter(() => undefined)).toBe(1)
  })

  test('never leaves a stage within its minimum green', () => {
    const decision = decide({
      signal: signalView({ stageSinceMs: 3000 }),
      lanes: { 'ln/1': laneView(), 'ln/2': laneView({ queueVehicles: 20 }) },
    })
    expect(decision).toMatchObject({ kind: 'stage', stage: 1 })
  })

  test('stays where it is when nobody is there', () => {
    expect(decide({})).toMatchObject({ kind: 'stage', stage: 1 })
  })

  test('the same view and memory give the same decision, and memory is not changed in place', () => {
    const count = fc.integer({ min: 0, max: 30 })
    fc.assert(
      fc.property(count, count, fc.integer({ min: 0, max: 60 }), (a, b, ageS) => {
        const view = viewOf({
          signal: signalView({ stageSinceMs: ageS * 1000 }),
          lanes: { 'ln/1': laneView({ queueVehicles: a }), 'ln/2': laneView({ queueVehicles: b }) },
        })
        const memory = strategy.remember(crossing)
        const before = structuredClone(memory)
        const first = strategy.decide(view, memory)
        expect(memory).toEqual(before)
        expect(strategy.decide(view, memory)).toEqual(first)
        expect(['keep', 'stage']).toContain(first.decision.kind)
      }),
    )
  })
})
