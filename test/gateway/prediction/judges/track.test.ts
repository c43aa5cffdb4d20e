import { expect, test } from 'vitest'
import { Track } from '../../../../gateway/prediction/judges/track.ts'
import { slotMs } from '../../../../gateway/prediction/online/calendar.ts'
import { createRandom } from '../days.ts'

const startMs = Date.UTC(2026, 2, 2)

/** Standard normal noise around 100, forecast with an interval `claim` times as wide as it should be. */
function coverage(claim: number, spread: (at: number) => number = () => 1): number {
  const track = new Track()
  const random = createRandom(9)
  const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  const half = 1.2816 * claim
  const raw = Float32Array.from([1, 2, 3, 4].flatMap(() => [100 - half, 100, 100 + half]))
  let inside = 0
  let judged = 0
  for (let at = 0; at < 6_000; at++) {
    const endMs = startMs + at * slotMs
    const actual = 100 + normal() * spread(at)
    for (const one of track.judge(endMs, actual, 0)) {
      if (at < 1_000) continue
      judged += 1
      inside += one.actual >= one.p10 && one.actual <= one.p90 ? 1 : 0
    }
    track.put(endMs, raw)
  }
  return inside / judged
}

test('intervals that promise too much or too little come to hold 80 %', () => {
  for (const claim of [0.4, 1, 2.5]) expect(Math.abs(coverage(claim) - 0.8)).toBeLessThan(0.02)
})

test('they follow when the noise changes in the middle', () => {
  expect(Math.abs(coverage(1, (at) => (at < 3_000 ? 1 : 3)) - 0.8)).toBeLessThan(0.02)
})

test('a value is judged against each horizon’s forecast of it, and a forecast that was never made is none', () => {
  const track = new Track()
  track.put(startMs, Float32Array.from([8, 9, 10, 18, 19, 20, 28, 29, 30, 38, 39, 40]))
  const after = (steps: number) => track.judge(startMs + steps * slotMs, 1, 0).map((one) => one.p50)
  expect([1, 3, 6, 12].map(after)).toEqual([[9], [19], [29], [39]])
  expect(after(2)).toEqual([])
})

test('no quantile falls below the floor', () => {
  const track = new Track()
  track.put(startMs, Float32Array.from([-5, -1, 2, -5, -1, 2, -5, 1, 2, -5, 1, 2]))
  for (const { p10, p50, p90 } of track.read(startMs, 0)!) {
    expect(p10).toBeGreaterThanOrEqual(0)
    expect(p50).toBeGreaterThanOrEqual(p10)
    expect(p90).toBeGreaterThanOrEqual(p50)
  }
})
