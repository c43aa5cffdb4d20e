/** Prices found from counts and costs. */
import { expect, test } from 'vitest'
import { costOf, fitPrices } from '../../../bench/stand/fit.ts'

const counts = [
  [8_000, 4_000, 900],
  [24_000, 9_000, 1_100],
  [80_000, 12_000, 1_200],
  [1_000, 700, 300],
  [70_000, 30_000, 200],
]

test('prices that made the costs are found again', () => {
  const prices = [20, 11, 300]
  const found = fitPrices(
    counts,
    counts.map((row) => costOf(prices, row)),
  )
  for (const [at, price] of prices.entries()) expect(found[at]).toBeCloseTo(price, 4)
})

test('noise of some percent moves what is predicted by no more', () => {
  const prices = [20, 11, 300]
  const noise = [1.04, 0.97, 1.03, 0.96, 1.02]
  const found = fitPrices(
    counts,
    counts.map((row, at) => costOf(prices, row) * noise[at]!),
  )
  for (const row of counts) {
    expect(Math.abs(costOf(found, row) / costOf(prices, row) - 1)).toBeLessThan(0.06)
  }
})

test('a price is never below nothing, and the others make up for it', () => {
  const costs = counts.map((row) => 20 * row[0]! - 0.5 * row[1]!)
  const found = fitPrices(counts, costs)
  expect(found.every((price) => price >= 0)).toBe(true)
  expect(found[1]).toBe(0)
  expect(found[0]).toBeGreaterThan(19)
})

test('a thing that was never counted costs nothing', () => {
  const rows = counts.map(([n = 0]) => [n, 0])
  expect(
    fitPrices(
      rows,
      rows.map(([n = 0]) => 7 * n),
    ),
  ).toEqual([expect.closeTo(7, 6), 0])
})
