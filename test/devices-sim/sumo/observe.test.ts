import { expect, test } from 'vitest'
import { createApproaches } from '../../../devices-sim/sumo/observe.ts'
import type { LaneRoad, Site } from '../../../devices-sim/sumo/site.ts'

const road = (id: string, lengthM: number, ...links: LaneRoad['links']): [string, LaneRoad] => [
  id,
  { id, lengthM, speedMaxMps: 13.9, links },
]
/** A road that parts: to the stop line, or off to the side before it. */
const roads = new Map([
  road(
    'far_0',
    300,
    { to: 'near_0', via: ':j_0', lengthM: 5 },
    { to: 'off_0', via: ':j_1', lengthM: 5 },
  ),
  road('near_0', 50, { to: 'out_0', via: ':x_0', lengthM: 10 }),
  road('off_0', 100),
  road('out_0', 100),
  road(':x_0', 10),
  road(':j_0', 5),
  road(':j_1', 5),
])
const site = { laneIds: new Map([['ln/1', 'near_0']]) } as unknown as Site
const lane = '0|ln/1'
const at = (laneId: string, positionM: number, speedMps = 10) => ({ laneId, positionM, speedMps })

test('a vehicle is seen from 200 m before the line, moving or standing', () => {
  const approaches = createApproaches([site], roads)
  approaches.observe(
    new Map([
      ['a', at('near_0', 20)],
      ['b', at('near_0', 45, 0)],
    ]),
  )
  const reading = approaches.reading(lane)
  expect(reading.queueVehicles).toBe(1)
  expect(reading.approachingVehicles).toBe(1)
  expect(reading.arrivalsS).toHaveLength(1)
  expect(reading.rangeMeters).toBe(200)
  approaches.observe(new Map([['c', at('far_0', 100)]]))
  expect(approaches.reading(lane).approachingVehicles).toBe(0)
})

test('a crossing is counted once, also over a stop line that was jumped in one step', () => {
  const approaches = createApproaches([site], roads)
  approaches.observe(
    new Map([
      ['a', at('near_0', 49)],
      ['b', at('near_0', 30)],
    ]),
  )
  approaches.observe(
    new Map([
      ['a', at(':x_0', 5)],
      ['b', at('near_0', 48)],
    ]),
  )
  approaches.observe(
    new Map([
      ['a', at('out_0', 5)],
      ['b', at('out_0', 1)],
    ]),
  )
  expect(approaches.reading(lane).passedVehicles).toBe(2)
  expect(approaches.reading(lane).loop.vehicles).toBe(2)
  approaches.clearCounts()
  expect(approaches.reading(lane).passedVehicles).toBe(0)
})

test('who turns off before the line is learned and no longer expected', () => {
  const approaches = createApproaches([site], roads)
  let expected = 0
  for (let vehicle = 0; vehicle < 200; vehicle++) {
    approaches.observe(new Map([[`v${vehicle}`, at('far_0', 250)]]))
    if (vehicle >= 100) expected += approaches.reading(lane).approachingVehicles
    approaches.observe(new Map([[`v${vehicle}`, at('off_0', 10)]]))
  }
  expect(expected).toBeLessThan(15)
})
