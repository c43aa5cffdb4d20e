import { describe, expect, test } from 'vitest'
import type { Strategy } from '../../../../gateway/control/ports.ts'
import {
  learnDischarge,
  newDischarge,
  usualPerSecond,
} from '../../../../gateway/control/strategies/discharge.ts'
import { createStrategy } from '../../../../gateway/control/strategies/registry.ts'
import { createStageModel } from '../../../../gateway/control/strategies/stage-model.ts'
import { flow, laneView, signalView, viewOf } from './crossing.ts'
import { drive, type Lanes, pairs } from './crossing-pairs.ts'

const lost = { isTrusted: false, queueVehicles: 20, queueMeters: 140 }
const make = (name: string) => createStrategy(name) as Strategy

/** Where the junction stands when asked once, in stage 1 after ten seconds of it. */
function stageOf(name: string, lanes: Lanes): number {
  const strategy = make(name)
  const full = Object.fromEntries(
    Object.keys(pairs.lanes).map((lane) => [lane, laneView(lanes[lane])]),
  )
  const view = viewOf({ nowMs: 1_000_000, junction: pairs, lanes: full })
  const { decision } = strategy.decide(view, strategy.remember(pairs))
  return decision.kind === 'stage' ? decision.stage : 0
}

describe('a lane whose sensor cannot be trusted', () => {
  test.each(['predictive', 'max-pressure'])('calls no stage with its old queue: %s', (name) => {
    const lanes = { 'ln/1': { queueVehicles: 1 }, 'ln/4': { ...lost } }
    expect(stageOf(name, lanes)).toBe(1)
    expect(stageOf(name, { ...lanes, 'ln/4': { ...lost, isTrusted: true } })).toBe(2)
  })

  test('counts for max-pressure as the lane beside it', () => {
    const lanes = { 'ln/1': { queueVehicles: 5 }, 'ln/2': { queueVehicles: 0 } }
    const beside = { 'ln/3': { queueVehicles: 3 } }
    expect(stageOf('max-pressure', { ...lanes, ...beside })).toBe(1)
    expect(stageOf('max-pressure', { ...lanes, ...beside, 'ln/4': lost })).toBe(2)
  })

  test('extends no green of actuated, and calls its stage all the same', () => {
    const waits = { 'ln/3': { queueVehicles: 1 } }
    const stuck = { queueVehicles: 3, isTrusted: false }
    expect(stageOf('actuated', { ...waits, 'ln/1': { ...stuck, isTrusted: true } })).toBe(1)
    expect(stageOf('actuated', { ...waits, 'ln/1': stuck })).toBe(2)
    expect(stageOf('actuated', {})).toBe(1)
    expect(stageOf('actuated', { 'ln/4': { isTrusted: false } })).toBe(2)
  })

  test('moves no green of pid by its old queue', () => {
    let greens: Readonly<Record<string, number>> = {}
    drive(
      make('pid'),
      70,
      () => ({ 'ln/1': {}, 'ln/2': {}, 'ln/3': {}, 'ln/4': lost }),
      (_second, _stage, decision) => {
        if (decision.kind === 'timing') greens = decision.timing.greensS
      },
    )
    expect(greens).toEqual({ '1': 26, '2': 26 })
  })

  test('is said by predictive to be unseen', () => {
    const strategy = make('predictive')
    const lanes = { 'ln/1': laneView(), 'ln/3': laneView({ isTrusted: false }) }
    const { decision } = strategy.decide(viewOf({ lanes }), strategy.remember(pairs))
    expect(decision.why).toContain('not seen, usual flow expected: ln/2, ln/3, ln/4')
  })

  test('is served by predictive from time to time as its usual flow asks, and is no phantom queue', () => {
    // Ten minutes in which one vehicle in ten seconds comes on ln/4, then its sensor is lost with a queue in sight.
    const lostFromS = 600
    let green = 0
    let rounds = 0
    let before = 1
    drive(
      make('predictive'),
      1200,
      (second, stage) => {
        const isGreen = stage === 2
        const usual = { queueVehicles: isGreen ? 0 : 1, passedVehicles: second % 10 === 0 ? 1 : 0 }
        return {
          'ln/1': {
            approachingVehicles: 3,
            arrivalsS: [1, 4, 7],
            passedVehicles: second % 3 ? 0 : 1,
          },
          'ln/2': {},
          'ln/3': {},
          'ln/4': second < lostFromS ? usual : { ...lost, seenAtMs: lostFromS * 1000 },
        }
      },
      (second, stage) => {
        if (second <= lostFromS) return
        if (stage === 2) green += 1
        if (stage === 2 && before === 1) rounds += 1
        before = stage
      },
    )
    expect(rounds).toBeGreaterThan(5)
    expect(green).toBeLessThan(300)
  })
})

describe('a lane of which nothing new is told', () => {
  const model = createStageModel(pairs)
  const third = 2
  /** Half a minute of red before ln/3, its sensor told last at second `toldUntil`. */
  function learned(seconds: number, toldUntil: number, stage = 1) {
    let discharge = newDischarge(model)
    for (let second = 1; second <= seconds; second++) {
      const seenAtMs = Math.min(second, toldUntil) * 1000
      const signal = signalView({ stage, stageSinceMs: 10_000 + second * 1000 })
      const lanes = { 'ln/3': laneView({ queueVehicles: 4, queueMeters: 28, seenAtMs }) }
      const view = viewOf({ nowMs: second * 1000, junction: pairs, signal, lanes })
      discharge = learnDischarge(discharge, model, view)
    }
    return discharge
  }

  test('has not been seen to wait any longer', () => {
    expect(learned(30, 30).waitedS[third]).toBe(29)
    expect(learned(30, 10).waitedS[third]).toBe(9)
  })

  test('teaches nothing about how it empties', () => {
    const greenS = (seconds: number, toldUntil: number) =>
      learned(seconds, toldUntil, 2).greenS[third]
    expect(greenS(30, 10)).toEqual(greenS(10, 10))
    expect(greenS(30, 30)).not.toEqual(greenS(10, 10))
  })

  test('keeps its usual flow', () => {
    let discharge = newDischarge(model)
    let atTwoMinutes = 0
    for (let second = 1; second <= 240; second++) {
      const seenAtMs = Math.min(second, 120) * 1000
      const lanes = { 'ln/3': laneView({ passedVehicles: second % 4 === 0 ? 1 : 0, seenAtMs }) }
      const view = viewOf({ nowMs: second * 1000, junction: pairs, lanes })
      discharge = learnDischarge(discharge, model, view)
      if (second === 120) atTwoMinutes = discharge.flow[third] ?? 0
    }
    expect(atTwoMinutes).toBeCloseTo(0.25, 1)
    expect(discharge.flow[third]).toBe(atTwoMinutes)
  })
})

describe('what a sensor tells counts for the time since it last told something', () => {
  const model = createStageModel(pairs)
  const third = model.lanes.indexOf('ln/3')

  /** One entry a second, looked at so often; stage 2 serves the lane, and somebody stands on it. */
  function lookedAt(perSecond: number, passedVehicles: number) {
    let discharge = newDischarge(model)
    for (let look = 1; look <= 12 * perSecond; look++) {
      const nowMs = Math.round((look * 1000) / perSecond)
      const seenAtMs = Math.ceil(nowMs / 1000) * 1000
      const seen = { queueVehicles: 4, queueMeters: 28, passedVehicles, seenAtMs }
      const signal = signalView({ stage: 2, stageSinceMs: 10_000 + nowMs })
      const lanes = { 'ln/3': laneView(seen) }
      discharge = learnDischarge(
        discharge,
        model,
        viewOf({ nowMs, junction: pairs, signal, lanes }),
      )
    }
    return discharge
  }

  test('however often it is looked at', () => {
    expect(lookedAt(4, 0).stalledS[third]).toBeCloseTo(lookedAt(1, 0).stalledS[third] ?? 0)
    expect(lookedAt(4, 1).presentGreenS[third]).toBeCloseTo(
      lookedAt(1, 1).presentGreenS[third] ?? 0,
      0,
    )
    expect(lookedAt(1, 0).stalledS[third]).toBeGreaterThan(8)
  })

  test('but not for a silence: who stands there afterwards has not stood all the while', () => {
    let discharge = newDischarge(model)
    const look = (second: number, seenAtS: number) => {
      const seen = { queueVehicles: 1, queueMeters: 7, seenAtMs: seenAtS * 1000 }
      const view = viewOf({
        nowMs: second * 1000,
        junction: pairs,
        lanes: { 'ln/3': laneView(seen) },
      })
      discharge = learnDischarge(discharge, model, view)
    }
    for (let second = 1; second <= 10; second++) look(second, second)
    for (let second = 11; second < 3_600; second++) look(second, 10)
    look(3_600, 3_600)
    expect(discharge.waitedS[third]).toBe(9)
  })

  test('lane by lane: for one that was never seen the forecast stands in whole, however long its neighbours were', () => {
    let discharge = newDischarge(model)
    const flows = { 'ln/4': flow(360, 0.5) }
    for (let second = 1; second <= 120; second++) {
      const lanes = { 'ln/3': laneView({ seenAtMs: second * 1000 }) }
      discharge = learnDischarge(
        discharge,
        model,
        viewOf({ nowMs: second * 1000, junction: pairs, lanes, flows }),
      )
    }
    const view = viewOf({ nowMs: 121_000, junction: pairs, lanes: {}, flows })
    const fourth = model.lanes.indexOf('ln/4')
    expect(usualPerSecond(discharge, view, fourth, 'ln/4')).toBeCloseTo(0.1)
  })
})

test('whoever has stood for very long counts three times, and no more however long', () => {
  // A sensor that is stuck but sends: a queue no green moves. Against it a real one, of a green that flows.
  let greenOfFlow = 0
  drive(
    make('predictive'),
    1800,
    (second, stage) => ({
      'ln/1': {
        queueVehicles: 8,
        queueMeters: 56,
        passedVehicles: stage === 1 && second % 2 === 0 ? 1 : 0,
      },
      'ln/2': {},
      'ln/3': { queueVehicles: 12, queueMeters: 84, passedVehicles: 0 },
      'ln/4': {},
    }),
    (second, stage) => {
      if (second > 900 && stage === 1) greenOfFlow += 1
    },
  )
  expect(greenOfFlow).toBeGreaterThan(700)
})
