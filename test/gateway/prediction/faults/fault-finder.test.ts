import { expect, test } from 'vitest'
import {
  type BucketFacts,
  type FaultEvent,
  FaultFinder,
} from '../../../../gateway/prediction/faults/fault-finder.ts'
import { createRandom, minuteMs, mondayMs, poisson, usualPerHour } from '../days.ts'

const bucketMs = 5 * minuteMs

/** Ordinary buckets from Monday on, changed by `change`; what was found on the way. */
function run(
  buckets: number,
  change: (facts: BucketFacts, at: number) => Partial<BucketFacts> = () => ({}),
): FaultEvent[] {
  const finder = new FaultFinder()
  const random = createRandom(21)
  const found: FaultEvent[] = []
  for (let at = 1; at <= buckets; at++) {
    const endMs = mondayMs + at * bucketMs
    const expectedVehicles = usualPerHour(endMs) / 12
    const vehicles = poisson(expectedVehicles, random)
    const facts: BucketFacts = {
      endMs,
      vehicles,
      speedKmh: 48,
      occupancyPercent: vehicles * 0.35 + random(),
      expectedVehicles,
      neighbours: undefined,
    }
    found.push(...finder.update({ ...facts, ...change(facts, at) }))
  }
  return found
}

/** 07:00 of the first day. */
const seven = 84

test('a fortnight of ordinary days raises nothing', () => {
  expect(run(14 * 288)).toEqual([])
})

test('silence in the rush hour is a dead detector, since the first empty bucket', () => {
  const found = run(seven + 24, (_, at) => (at > seven ? { vehicles: 0, occupancyPercent: 0 } : {}))
  expect(found).toHaveLength(1)
  expect(found[0]).toMatchObject({
    kind: 'dead',
    isActive: true,
    sinceMs: mondayMs + seven * bucketMs,
  })
  expect(found[0]!.text).toMatch(/0 vehicles where about \d+ were expected/)
})

test('a quiet night is not a dead detector', () => {
  const found = run(60, (facts) => ({
    expectedVehicles: facts.expectedVehicles / 100,
    vehicles: 0,
  }))
  expect(found).toEqual([])
})

test('where the neighbours are silent too, it is the road', () => {
  const closed = run(seven + 24, (_, at) =>
    at > seven ? { vehicles: 0, neighbours: { now: 0.05, day: 1 } } : {},
  )
  expect(closed).toEqual([])
})

test('the same count and occupancy again and again is a stuck detector', () => {
  const found = run(seven + 20, (_, at) =>
    at > seven ? { vehicles: 31, occupancyPercent: 12.5 } : {},
  )
  expect(found).toMatchObject([{ kind: 'stuck', isActive: true }])
})

test('an hour of an occupied loop is a stuck detector, half an hour a queue', () => {
  const occupied = (until: number) => (_: BucketFacts, at: number) =>
    at > seven && at <= seven + until ? { occupancyPercent: 100, vehicles: at % 5 } : {}
  expect(run(seven + 6, occupied(6))).toEqual([])
  expect(run(seven + 14, occupied(14))).toMatchObject([{ kind: 'stuck' }])
})

test('vehicles too short to be any, or more than a lane carries, are chatter', () => {
  const short = run(seven + 10, (_, at) =>
    at > seven ? { vehicles: 180 + (at % 7), occupancyPercent: 0.5 } : {},
  )
  expect(short).toMatchObject([{ kind: 'chattering' }])
  const many = run(seven + 10, (_, at) =>
    at > seven ? { vehicles: 400 + (at % 7), occupancyPercent: 60 } : {},
  )
  expect(many).toMatchObject([{ kind: 'chattering' }])
})

test('a detector that loses every second vehicle drifts, unless its neighbours do as well', () => {
  const half = (areOthersToo: boolean) => {
    const other = new FaultFinder()
    return run(4 * 288, (facts, at) => {
      const halved = Math.round(facts.vehicles * 0.5)
      other.update({ ...facts, vehicles: at > 288 && areOthersToo ? halved : facts.vehicles })
      const neighbours = { now: 1, day: other.dayRatio }
      return at > 288 ? { vehicles: halved, neighbours } : { neighbours }
    })
  }
  expect(half(false)).toMatchObject([{ kind: 'drifting', isActive: true }])
  expect(half(true)).toEqual([])
})

test('a speed nothing can have is implausible, and half an hour of good ones ends it', () => {
  const found = run(seven + 20, (_, at) => (at > seven && at <= seven + 4 ? { speedKmh: 260 } : {}))
  expect(found.map((event) => [event.kind, event.isActive])).toEqual([
    ['implausible', true],
    ['implausible', false],
  ])
  expect(found[1]!.atMs).toBe(mondayMs + (seven + 10) * bucketMs)
})
