/** What the look-ahead weighs beside queues and arrivals: full exits, long waits, entries outside, who is left at the end. */
import { describe, expect, test } from 'vitest'
import type { JunctionView, LaneView } from '../../../../gateway/control/ports.ts'
import { type Discharge, newDischarge } from '../../../../gateway/control/strategies/discharge.ts'
import { cheapestSequence } from '../../../../gateway/control/strategies/look-ahead.ts'
import {
  type PredictiveParameters,
  predictiveParameters,
} from '../../../../gateway/control/strategies/parameters.ts'
import { createPredictive } from '../../../../gateway/control/strategies/predictive.ts'
import { createStageModel } from '../../../../gateway/control/strategies/stage-model.ts'
import type { Junction } from '../../../../schemas/generated/messages.ts'
import { crossing, flow, laneView, signalView, viewOf } from './crossing.ts'
import { drive } from './crossing-pairs.ts'

const neighbour = 'test/tlc-002'
const distanceM = 120

describe('spill-back', () => {
  const leading: Junction = {
    ...crossing,
    lanes: {
      ...crossing.lanes,
      'ln/1': {
        groups: ['sg/1'],
        lengthM: 200,
        downstream: ['ln/7', 'ln/8'].map((lane) => ({ node: neighbour, lane, distanceM })),
      },
    },
  }

  /** Stage 1 is green for ten standing on ln/1; six stand on ln/2. */
  function stageWhere(ahead: Readonly<Record<string, LaneView>>): number {
    const strategy = createPredictive()
    const neighbours: JunctionView['neighbours'] = {
      [neighbour]: { signal: signalView(), lanes: ahead },
    }
    const view = viewOf({
      junction: leading,
      neighbours,
      lanes: {
        'ln/1': laneView({ queueVehicles: 10, queueMeters: 70 }),
        'ln/2': laneView({ queueVehicles: 6, queueMeters: 42 }),
      },
    })
    const { decision } = strategy.decide(view, strategy.remember(leading))
    return decision.kind === 'stage' ? decision.stage : 0
  }
  const full = laneView({ queueVehicles: 16, queueMeters: distanceM - 10 })
  const half = laneView({ queueVehicles: 8, queueMeters: distanceM / 2 })

  test('no green is spent on a lane whose lanes ahead are all full back to it', () => {
    expect(stageWhere({ 'ln/7': half, 'ln/8': half })).toBe(1)
    expect(stageWhere({ 'ln/7': full, 'ln/8': full })).toBe(2)
  })

  test('one way out that has room, or is not known, is enough to go on', () => {
    expect(stageWhere({ 'ln/7': full, 'ln/8': half })).toBe(1)
    expect(stageWhere({ 'ln/7': full })).toBe(1)
    expect(stageWhere({ 'ln/7': full, 'ln/8': { ...full, isTrusted: false } })).toBe(1)
  })
})

describe('starving', () => {
  /** Second at which the two who stand on ln/3 get their green, against a lane that never ends. */
  function servedAfterS(parameters: Partial<PredictiveParameters>): number {
    let servedS = Number.POSITIVE_INFINITY
    const flowing = (second: number) => ({
      approachingVehicles: 5,
      arrivalsS: Array.from({ length: 5 }, (_, at) => 1 + 3 * at),
      passedVehicles: second % 3 === 0 ? 1 : 0,
    })
    drive(
      createPredictive(parameters),
      400,
      (second) => ({
        'ln/1': flowing(second),
        'ln/2': {},
        'ln/3': { queueVehicles: 2, queueMeters: 14 },
        'ln/4': {},
      }),
      (second, stage) => {
        if (stage === 2) servedS = Math.min(servedS, second)
      },
    )
    return servedS
  }

  test('whoever has stood for more than a minute weighs more with each second', () => {
    const patientS = servedAfterS({ patienceS: 1e9 })
    const servedS = servedAfterS({})
    expect(servedS).toBeGreaterThan(predictiveParameters.patienceS)
    expect(servedS).toBeLessThan(patientS)
  })
})

describe('who usually comes', () => {
  const model = createStageModel(crossing)
  const counted: Discharge = { ...newDischarge(model), flow: [0, 0.1], observedS: [300, 300] }

  /** Vehicle-seconds of staying in stage 1 with nobody in sight on ln/2, or with no sight of ln/2. */
  function stayCostS(
    flows: JunctionView['flows'],
    discharge = counted,
    lanes: JunctionView['lanes'] = { 'ln/1': laneView(), 'ln/2': laneView() },
  ): number {
    const view = viewOf({ flows, lanes })
    const input = { view, model, discharge, parameters: predictiveParameters }
    return cheapestSequence({ ...input, current: 0, ageS: 20 }).stayCostS
  }

  test('is what the lane has counted while it is seen, whatever is forecast', () => {
    expect(stayCostS({})).toBeGreaterThan(0)
    expect(stayCostS({ 'ln/2': flow(720) })).toBe(stayCostS({}))
  })

  test('is forecast where nobody has been counted yet', () => {
    const fresh = newDischarge(model)
    expect(stayCostS({}, fresh)).toBe(0)
    expect(stayCostS({ 'ln/2': flow(720, 0.6) }, fresh)).toBeGreaterThan(0)
  })

  test('is forecast for a lane that is not seen, as far as that can be trusted', () => {
    const unseen = (flows: JunctionView['flows']) =>
      stayCostS(flows, counted, { 'ln/1': laneView() })
    expect(unseen({ 'ln/2': flow(720, 0) })).toBe(unseen({}))
    expect(unseen({ 'ln/2': flow(720, 0.5) })).toBeGreaterThan(unseen({}))
    expect(unseen({ 'ln/2': flow(720) })).toBeGreaterThan(unseen({ 'ln/2': flow(720, 0.5) }))
    expect(unseen({ 'ln/2': flow(360) })).toBeCloseTo(unseen({}))
  })
})

describe('what a queue costs', () => {
  const model = createStageModel(crossing)

  /** Vehicle-seconds of staying in stage 1, with this on ln/2. */
  function stayCostS(lane: Partial<LaneView>): number {
    const view = viewOf({ lanes: { 'ln/1': laneView(), 'ln/2': laneView(lane) } })
    const input = { view, model, discharge: newDischarge(model), parameters: predictiveParameters }
    return cheapestSequence({ ...input, current: 0, ageS: 20 }).stayCostS
  }

  test('who waits outside a full entry counts, and less than if he stood in sight', () => {
    const seen = { queueVehicles: 20, queueMeters: 150 }
    const without = stayCostS(seen)
    const outside = stayCostS({ ...seen, blockedVehicles: 4 })
    const inside = stayCostS({ ...seen, queueVehicles: 24 })
    expect(outside).toBeGreaterThan(without)
    expect(outside).toBeLessThan(inside)
  })

  test('who is left at the end of the horizon still leaves one after another', () => {
    const { horizonS } = predictiveParameters
    const headwayS = 2
    const later = (vehicles: number) => ((vehicles * (vehicles + 1)) / 2) * headwayS
    expect(stayCostS({ queueVehicles: 1 })).toBeCloseTo(horizonS + later(1))
    expect(stayCostS({ queueVehicles: 10 })).toBeCloseTo(10 * horizonS + later(10))
  })
})
