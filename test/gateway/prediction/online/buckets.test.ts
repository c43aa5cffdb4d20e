import { expect, test } from 'vitest'
import { Buckets } from '../../../../gateway/prediction/online/buckets.ts'
import { minuteMs, mondayMs, reading } from '../days.ts'

const at = (minute: number) => mondayMs + minute * minuteMs

test('five minute windows make one bucket, closed by the last of them', () => {
  const buckets = new Buckets()
  for (let minute = 1; minute <= 4; minute++)
    expect(buckets.add(reading(at(minute), 3))).toEqual([])
  const closed = buckets.add(reading(at(5), 3, { speedKmh: 20 }))
  expect(closed).toHaveLength(1)
  expect(closed[0]).toMatchObject({ endMs: at(5), vehicles: 15 })
})

test('a bucket with one missing minute is scaled up, with three it has no value', () => {
  const buckets = new Buckets()
  for (const minute of [1, 2, 3, 5]) buckets.add(reading(at(minute), 4))
  for (const minute of [6, 10]) buckets.add(reading(at(minute), 4))
  const closed = [...buckets.add(reading(at(11), 4)), ...buckets.add(reading(at(15), 4))]
  expect(closed.map((bucket) => bucket.vehicles)).toEqual([Number.NaN])
  const again = new Buckets()
  const scaled = [1, 2, 3, 5].flatMap((minute) => again.add(reading(at(minute), 4)))
  expect(scaled.map((bucket) => bucket.vehicles)).toEqual([20])
})

test('a window that comes twice or too late counts once', () => {
  const buckets = new Buckets()
  for (const minute of [1, 2, 2, 3, 1, 4]) buckets.add(reading(at(minute), 2))
  expect(buckets.add(reading(at(5), 2))[0]!.vehicles).toBe(10)
  expect(buckets.dropped).toBe(2)
})

test('a quarter of an hour in one window is spread over three buckets', () => {
  const closed = new Buckets().add(reading(at(15), 30, { windowMs: 15 * minuteMs }))
  expect(closed.map((bucket) => [bucket.endMs, bucket.vehicles])).toEqual([
    [at(5), 10],
    [at(10), 10],
    [at(15), 10],
  ])
})

test('a gap is told bucket by bucket, but never more than an hour of it', () => {
  const buckets = new Buckets()
  for (let minute = 1; minute <= 5; minute++) buckets.add(reading(at(minute), 1))
  const closed = buckets.add(reading(at(5 + 24 * 60), 1, { windowMs: 5 * minuteMs }))
  expect(closed).toHaveLength(13)
  expect(closed.filter((bucket) => Number.isNaN(bucket.vehicles))).toHaveLength(12)
  expect(closed.at(-1)).toMatchObject({ endMs: at(5 + 24 * 60), vehicles: 1 })
})

test('what is not of recent quality leaves a hole, and a speed without vehicles is none', () => {
  const buckets = new Buckets()
  for (let minute = 1; minute <= 4; minute++)
    buckets.add(reading(at(minute), 9, { quality: 'unknown' }))
  expect(buckets.add(reading(at(5), 9))[0]!.vehicles).toBeNaN()
  const quiet = [6, 7, 8, 9, 10].flatMap((minute) => buckets.add(reading(at(minute), 0)))
  expect(quiet[0]).toMatchObject({ vehicles: 0, speedKmh: Number.NaN })
})

test('windows that do not divide five minutes count what passed, not more', () => {
  const buckets = new Buckets()
  const windowMs = 1.5 * minuteMs
  const closed = Array.from({ length: 40 }, (_, index) =>
    buckets.add(reading(at((index + 1) * 1.5), 18, { windowMs })),
  ).flat()
  // A true 12 a minute, whether three windows end in a bucket or four.
  expect(closed.length).toBeGreaterThan(10)
  expect(new Set(closed.map((bucket) => bucket.vehicles))).toEqual(new Set([60]))
  const long = new Buckets()
  const sevens = [7, 14, 21, 28, 35].flatMap((minute) =>
    long.add(reading(at(minute), 84, { windowMs: 7 * minuteMs })),
  )
  const known = sevens.map((bucket) => bucket.vehicles).filter(Number.isFinite)
  expect(new Set(known)).toEqual(new Set([60]))
})

test('a detector that tells in two lengths of window is counted once', () => {
  const buckets = new Buckets()
  for (const minute of [1, 2, 3, 4]) buckets.add(reading(at(minute), 12))
  const whole = buckets.add(reading(at(5), 60, { windowMs: 5 * minuteMs, occupancyPercent: 18 }))
  expect(whole).toMatchObject([{ vehicles: 60, occupancyPercent: 18 }])
  expect(buckets.add(reading(at(5), 12))).toEqual([])
})
