import { expect, test } from 'vitest'
import { Anomaly } from '../../../../gateway/prediction/faults/anomaly.ts'
import { createRandom } from '../days.ts'

function scores(values: (at: number, noise: number) => number, count: number): number[] {
  const anomaly = new Anomaly()
  const random = createRandom(4)
  return Array.from({ length: count }, (_, at) => {
    const noise = random() + random() + random() - 1.5
    return anomaly.update(values(at, noise), 50)
  })
}

test('ordinary noise is no surprise, and nothing is before a day was seen', () => {
  const ordinary = scores((_, noise) => 50 + 4 * noise, 3_000)
  expect(Math.max(...ordinary)).toBeLessThan(0.35)
  expect(Math.max(...scores((at) => (at > 100 ? 90 : 50), 280))).toBe(0)
})

test('a lasting shift is told once, soon after it began', () => {
  const shifted = scores((at, noise) => (at >= 1_000 && at < 1_040 ? 20 : 50) + 4 * noise, 1_200)
  const told = shifted.flatMap((score, at) => (score > 0.35 ? [at] : []))
  expect(told[0]).toBeGreaterThanOrEqual(1_000)
  expect(told[0]).toBeLessThan(1_006)
  expect(told.length).toBeLessThan(6)
})

test('a missing value is no surprise', () => {
  const anomaly = new Anomaly()
  expect(anomaly.update(Number.NaN, 5)).toBe(0)
})
