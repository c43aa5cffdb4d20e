import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  headwayS,
  learnDischarge,
  newDischarge,
} from '../../../../gateway/control/strategies/discharge.ts'
import { busyTimes, followedAtS, gapS } from '../../../../gateway/control/strategies/giving-way.ts'
import { cheapestSequence } from '../../../../gateway/control/strategies/look-ahead.ts'
import { predictiveParameters } from '../../../../gateway/control/strategies/parameters.ts'
import { createStageModel } from '../../../../gateway/control/strategies/stage-model.ts'
import { laneView, signalView, viewOf } from './crossing.ts'
import { group, tee } from './tee.ts'

const model = createStageModel(tee)
const [oncoming, turning] = [0, 1]

/** Two minutes of stage 1 with turners at their line: they cross only in the second one, when nobody comes. */
function taught() {
  let discharge = newDischarge(model)
  for (let second = 1; second <= 120; second++) {
    const isFree = second > 60
    const coming = isFree ? {} : { approachingVehicles: 1, arrivalsS: [1], passedVehicles: 1 }
    const crossed = isFree && second % 2 === 0 ? 1 : 0
    const seenAtMs = second * 1000
    discharge = learnDischarge(
      discharge,
      model,
      viewOf({
        nowMs: seenAtMs,
        junction: tee,
        signal: signalView({ stageSinceMs: 5000 + seenAtMs }),
        lanes: {
          'ln/1': laneView({ ...coming, seenAtMs }),
          'ln/2': laneView({ queueVehicles: 5, passedVehicles: crossed, seenAtMs }),
          'ln/3': laneView({ seenAtMs }),
        },
      }),
    )
  }
  return discharge
}

describe('turns that give way', () => {
  test('a lane knows whom it gives way to, and nobody where it has right of way or red', () => {
    expect(model.givesWayTo[turning]?.[0]).toEqual([oncoming])
    expect(model.givesWayTo[oncoming]?.[0]).toEqual([])
    expect(model.givesWayTo[turning]?.[1]).toEqual([])
  })

  test('where two lanes give way to each other neither is foreseen', () => {
    const mutual = createStageModel({
      ...tee,
      groups: { ...tee.groups, 'sg/4': group, 'sg/5': group },
      conflicts: [...tee.conflicts, ['sg/4', 'sg/5']],
      stages: { '1': { green: ['sg/1', 'sg/5'], permissive: ['sg/2', 'sg/4'] } },
      lanes: {
        'ln/1': { groups: ['sg/1', 'sg/4'], lengthM: 200 },
        'ln/2': { groups: ['sg/5', 'sg/2'], lengthM: 200 },
      },
    })
    expect(mutual.givesWayTo.flat(2)).toEqual([])
  })

  test('the rate of a turn is learned apart for a busy and for a free way', () => {
    const discharge = taught()
    expect(headwayS(discharge, model, turning, 0, false)).toBeCloseTo(2, 0)
    expect(headwayS(discharge, model, turning, 0, true)).toBeGreaterThan(10)
  })

  test('green is kept for those who turn when the oncoming traffic ends, and not when it goes on', () => {
    const discharge = taught()
    /** For how long yet stage 1 stays green. */
    const keptForS = (arrivalsS: readonly number[]) => {
      const view = viewOf({
        nowMs: 121_000,
        junction: tee,
        lanes: {
          'ln/1': laneView({ approachingVehicles: arrivalsS.length, arrivalsS }),
          'ln/2': laneView({ queueVehicles: 8 }),
          'ln/3': laneView({ queueVehicles: 8 }),
        },
      })
      const input = { view, model, discharge, parameters: predictiveParameters }
      const { stage, afterS } = cheapestSequence({ ...input, current: 0, ageS: 20 })
      return stage === 0 ? Number.POSITIVE_INFINITY : afterS
    }
    expect(keptForS([1])).toBeGreaterThan(8)
    expect(keptForS([1, 2, 3])).toBeGreaterThan(8)
    expect(keptForS([4, 8, 12, 16, 20, 24])).toBeLessThan(3)
  })

  test('whoever follows does so between the time of a free way and that of a busy one, and never before his turn', () => {
    const moments = fc.array(fc.double({ min: 0, max: 60, noNaN: true }), { maxLength: 20 })
    const headway = fc.double({ min: 1, max: 12, noNaN: true })
    fc.assert(
      fc.property(moments, headway, headway, headway, (crossingsS, atS, a, b) => {
        const [freeS, heldUpS] = [Math.min(a, b), Math.max(a, b)]
        const nextS = followedAtS(atS, 1, freeS, heldUpS, busyTimes(crossingsS))
        expect(nextS).toBeGreaterThanOrEqual(atS + freeS - 1e-9)
        expect(nextS).toBeLessThanOrEqual(atS + heldUpS + 1e-9)
      }),
    )
  })

  test('a way is busy from a gap before a crossing until the crossing, and crossings close together are one', () => {
    expect(busyTimes([20, 3, 1])).toEqual([1 - gapS, 3, 20 - gapS, 20])
  })
})
