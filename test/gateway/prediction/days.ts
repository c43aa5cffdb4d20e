/** Made-up days for the tests of this room: a smooth daily curve, Poisson counts, a printed seed. */
import type { Reading } from '../../../gateway/prediction/ports.ts'

/** Monday 2 March 2026, 00:00 UTC. */
export const mondayMs = Date.UTC(2026, 2, 2)
export const minuteMs = 60_000

/** mulberry32: small, seeded, good enough for tests. */
export function createRandom(seed: number): () => number {
  let a = seed >>> 0
  return () => {
    a = (a + 0x6d2b79f5) >>> 0
    let t = Math.imul(a ^ (a >>> 15), 1 | a)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

export function poisson(mean: number, random: () => number): number {
  if (mean > 60) {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal))
  }
  const limit = Math.exp(-mean)
  let count = 0
  for (let product = random(); product > limit; product *= random()) count++
  return count
}

/** Vehicles per hour of an ordinary road: two peaks, a quiet night. */
export function usualPerHour(atMs: number): number {
  const hour = (atMs / 3_600_000) % 24
  const peak = (at: number, width: number) => Math.exp(-0.5 * ((hour - at) / width) ** 2)
  return 60 + 500 * peak(8, 1.2) + 600 * peak(17, 1.8) + 250 * peak(13, 4)
}

export function reading(atMs: number, vehicles: number, rest: Partial<Reading> = {}): Reading {
  return {
    node: 'north/det-001',
    component: 'dl/1',
    atMs,
    windowMs: minuteMs,
    vehicles,
    occupancyPercent: Math.min(100, vehicles * 1.5),
    speedKmh: vehicles > 0 ? 50 - vehicles * 0.3 : null,
    quality: 'recent',
    ...rest,
  }
}

/** Minute readings from `fromMs` on, `minutes` long. */
export function* minutesOf(
  fromMs: number,
  minutes: number,
  random: () => number,
  rest: Partial<Reading> = {},
): Generator<Reading> {
  for (let minute = 1; minute <= minutes; minute++) {
    const atMs = fromMs + minute * minuteMs
    yield reading(atMs, poisson(usualPerHour(atMs) / 60, random), rest)
  }
}
