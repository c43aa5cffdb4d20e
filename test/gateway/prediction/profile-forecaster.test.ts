import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Reading } from '../../../gateway/prediction/ports.ts'
import { createProfileForecaster } from '../../../gateway/prediction/profile-forecaster.ts'
import { createRandom, minuteMs, minutesOf, mondayMs, reading, usualPerHour } from './days.ts'

const dayMinutes = 24 * 60

function trained(days: number) {
  const forecaster = createProfileForecaster()
  for (const one of minutesOf(mondayMs, days * dayMinutes, createRandom(1))) forecaster.observe(one)
  return { forecaster, nowMs: mondayMs + days * dayMinutes * minuteMs }
}

test('a detector nobody has seen has no forecast', () => {
  const forecaster = createProfileForecaster()
  expect(forecaster.forecast('north/det-001', 'dl/1', 'vehiclesPer5Min', mondayMs)).toBeUndefined()
})

test('a new detector is forecast within its first half hour', () => {
  const forecaster = createProfileForecaster()
  for (const one of minutesOf(mondayMs + 8 * 3_600_000, 30, createRandom(2)))
    forecaster.observe(one)
  const nowMs = mondayMs + 8.5 * 3_600_000
  const forecast = forecaster.forecast('north/det-001', 'dl/1', 'vehiclesPer5Min', nowMs)
  expect(forecast?.confidence).toBeGreaterThan(0.5)
  expect(forecast?.horizons.map((one) => one.horizonMin)).toEqual([5, 15, 30, 60])
  expect(Math.abs(forecast!.horizons[0]!.p50 - usualPerHour(nowMs) / 12)).toBeLessThan(20)
})

test('rush hour stays at its hour when the clock is changed', () => {
  const forecaster = createProfileForecaster({ timeZone: 'Europe/Berlin' })
  const hourMs = 3_600_000
  // Local midnight of the Monday before the change, and local time as the road keeps it.
  const fromMs = Date.parse('2026-03-22T23:00:00Z')
  const changedMs = Date.parse('2026-03-29T01:00:00Z')
  const localHour = (atMs: number) => (atMs / hourMs + (atMs > changedMs ? 2 : 1)) % 24
  const isRush = (atMs: number) => localHour(atMs) > 7 && localHour(atMs) <= 9
  // Monday after it, half past six in the morning.
  const nowMs = Date.parse('2026-03-30T04:30:00Z')
  for (let atMs = fromMs + minuteMs; atMs <= nowMs; atMs += minuteMs)
    forecaster.observe(reading(atMs, isRush(atMs) ? 20 : 2))
  const { horizons } = forecaster.forecast('north/det-001', 'dl/1', 'vehiclesPer5Min', nowMs)!
  const [, , halfHour, hour] = horizons.map(({ p50 }) => p50)
  expect(hour! / 5).toBeGreaterThan(15)
  expect(halfHour! / 5).toBeLessThan(10)
})

test('after some days it forecasts the rush hour before it is there', () => {
  const { forecaster } = trained(4)
  const fromMs = mondayMs + 4 * 24 * 3_600_000
  for (const one of minutesOf(fromMs, 7 * 60, createRandom(3))) forecaster.observe(one)
  const nowMs = fromMs + 7 * 3_600_000
  const forecast = forecaster.forecast('north/det-001', 'dl/1', 'vehiclesPer5Min', nowMs)!
  const hourAhead = forecast.horizons[3]!
  const expected = usualPerHour(nowMs + 3_600_000) / 12
  expect(Math.abs(hourAhead.p50 - expected) / expected).toBeLessThan(0.25)
  expect(hourAhead.p10).toBeLessThan(expected)
  expect(hourAhead.p90).toBeGreaterThan(expected)
})

test('it scores itself, and its intervals hold what they promise', () => {
  const { forecaster } = trained(8)
  const flow = forecaster.scores().filter((score) => score.quantity === 'vehiclesPer5Min')
  expect(flow.map((score) => score.horizonMin).sort((a, b) => a - b)).toEqual([5, 15, 30, 60])
  for (const score of flow) {
    expect(score.judged).toBeGreaterThan(2000)
    expect(score.coverage).toBeGreaterThan(0.76)
    expect(score.coverage).toBeLessThan(0.86)
    expect(score.pinball).toBeLessThan(score.mae)
  }
})

test('silence takes its confidence to nothing within a quarter of an hour', () => {
  const { forecaster, nowMs } = trained(1)
  const at = (minutes: number) =>
    forecaster.forecast('north/det-001', 'dl/1', 'vehiclesPer5Min', nowMs + minutes * minuteMs)
  expect(at(1)!.confidence).toBeGreaterThan(at(10)!.confidence)
  expect(at(15)).toBeUndefined()
})

test('a restart from its snapshot forecasts the same', () => {
  const { forecaster, nowMs } = trained(2)
  const again = createProfileForecaster()
  again.restore(JSON.parse(JSON.stringify(forecaster.snapshot())))
  for (const one of minutesOf(nowMs, 37, createRandom(4))) {
    forecaster.observe(one)
    again.observe(one)
  }
  const ask = (which: typeof forecaster) =>
    which.forecast('north/det-001', 'dl/1', 'vehiclesPer5Min', nowMs + 37 * minuteMs)
  expect(ask(again)).toEqual(ask(forecaster))
  expect(again.scores()).toEqual(forecaster.scores())
})

test('whatever comes, no answer is NaN, negative or out of order', () => {
  const arbitraryReading: fc.Arbitrary<Reading> = fc
    .record({
      minute: fc.integer({ min: 1, max: 600 }),
      windowMs: fc.constantFrom(minuteMs, 5 * minuteMs, 15 * minuteMs),
      vehicles: fc.oneof(fc.integer({ min: 0, max: 200 }), fc.constant(Number.NaN)),
      speedKmh: fc.option(fc.double({ min: 0, max: 200 })),
      quality: fc.constantFrom('recent', 'old', 'undefined', 'unknown'),
    })
    .map(({ minute, ...rest }) => reading(mondayMs + minute * minuteMs, 0, rest as never))
  fc.assert(
    fc.property(fc.array(arbitraryReading, { maxLength: 300 }), (readings) => {
      const forecaster = createProfileForecaster()
      for (const one of readings) {
        forecaster.observe(one)
        for (const quantity of ['vehiclesPer5Min', 'speedKmh', 'occupancyPercent'] as const) {
          const forecast = forecaster.forecast(one.node, one.component, quantity, one.atMs)
          for (const horizon of forecast?.horizons ?? []) {
            expect(horizon.p10).toBeGreaterThanOrEqual(0)
            expect(horizon.p50).toBeGreaterThanOrEqual(horizon.p10)
            expect(horizon.p90).toBeGreaterThanOrEqual(horizon.p50)
          }
        }
      }
    }),
    { seed: 7, numRuns: 60 },
  )
})
