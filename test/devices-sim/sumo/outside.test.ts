import { expect, test } from 'vitest'
import { createOutside } from '../../../devices-sim/sumo/outside.ts'
import type { LaneRoad } from '../../../devices-sim/sumo/site.ts'

const road = (id: string, lengthM: number, ...to: string[]): [string, LaneRoad] => [
  id,
  { id, lengthM, speedMaxMps: 13.9, links: to.map((each) => ({ to: each, via: '', lengthM: 5 })) },
]
/** An entry that parts into two lanes at a light; behind the light another one. */
const roads = new Map([
  road('entry_0', 100, 'near_0', 'near_1'),
  road('near_0', 50, 'next_0'),
  road('near_1', 50, 'next_0'),
  road('next_0', 50),
  road('far_0', 3_000, 'near_0'),
])
const ends = new Map([
  ['near_0', 'a'],
  ['near_1', 'b'],
  ['next_0', 'c'],
])

test('who waits outside is shared among the lanes the road leads to, not those behind the light', () => {
  const outside = createOutside(ends, roads)
  const waiting = new Map(['v1', 'v2', 'v3'].map((id) => [id, 'entry']))
  expect(Object.fromEntries(outside.share(waiting))).toEqual({
    a: { vehicles: 2, roadM: 155 },
    b: { vehicles: 1, roadM: 155 },
  })
})

test('a vehicle stays where it was put while it waits, and is forgotten when it enters', () => {
  const outside = createOutside(ends, roads)
  outside.share(
    new Map([
      ['v1', 'entry'],
      ['v2', 'entry'],
    ]),
  )
  expect(Object.fromEntries(outside.share(new Map([['v2', 'entry']])))).toEqual({
    b: { vehicles: 1, roadM: 155 },
  })
  expect(outside.share(new Map()).size).toBe(0)
})

test('a stop line that is far away, and an edge nobody knows, count nobody', () => {
  const outside = createOutside(ends, roads)
  expect(
    outside.share(
      new Map([
        ['v1', 'far'],
        ['v2', 'nowhere'],
      ]),
    ).size,
  ).toBe(0)
})
