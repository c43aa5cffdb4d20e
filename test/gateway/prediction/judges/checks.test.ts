import { expect, test } from 'vitest'
import { InputCheck, isForeign } from '../../../../gateway/prediction/judges/input-check.ts'
import { takeAnswer } from '../../../../gateway/prediction/judges/output-check.ts'
import { rawSize } from '../../../../gateway/prediction/judges/track.ts'
import { featureCount } from '../../../../gateway/prediction/online/features.ts'
import { outputSize } from '../../../../gateway/prediction/serving/model-card.ts'

const range = { low: Array(featureCount).fill(-1), high: Array(featureCount).fill(1) }

test('a series like those it has learned from is at home, one unlike them is foreign', () => {
  const check = new InputCheck(range)
  expect(isForeign(check.outside(new Float32Array(featureCount), 0))).toBe(false)
  expect(isForeign(check.outside(new Float32Array(featureCount).fill(5), 0))).toBe(true)
  expect(isForeign(check.outside(new Float32Array(featureCount).fill(Number.NaN), 0))).toBe(true)
})

test('drift is the share of foreign series, followed slowly and back again', () => {
  const check = new InputCheck(range)
  const feed = (value: number, times: number) => {
    for (let i = 0; i < times; i++) check.outside(new Float32Array(featureCount).fill(value), 0)
  }
  feed(9, 2_000)
  expect(check.drift).toBeGreaterThan(0.9)
  feed(0, 2_000)
  expect(check.drift).toBeLessThan(0.1)
})

const facts = { quantity: 'vehiclesPer5Min', scale: 20 } as const
const answer = (p10: number, p50: number, p90: number) =>
  Float32Array.from({ length: outputSize }, (_, at) => [p10, p50, p90, p50][at % 4]!)

test('a sound answer is taken in the unit of the quantity', () => {
  const raw = new Float32Array(rawSize)
  expect(takeAnswer(answer(0.5, 1, 1.5), 0, facts, raw)).toBe(true)
  expect([...raw.subarray(0, 3)]).toEqual([10, 20, 30])
})

test('not a number, turned around, or more than any road can have is thrown away', () => {
  const raw = new Float32Array(rawSize)
  for (const bad of [
    answer(0.5, Number.NaN, 1.5),
    answer(Number.NaN, 1, 1.5),
    answer(0.5, 1, Number.POSITIVE_INFINITY),
    answer(0.5, 1, Number.NaN),
    answer(2, 1, 1.5),
    answer(0.5, 40, 50),
    answer(-40, 1, 1.5),
    answer(-3, -2, -1),
  ])
    expect(takeAnswer(bad, 0, facts, raw)).toBe(false)
})
