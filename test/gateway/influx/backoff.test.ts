import { expect, test } from 'vitest'
import { backoffDefault, pauseMs } from '../../../gateway/influx/backoff.ts'
import { SinkThrottled, SinkUnauthorised, SinkUnreachable } from '../../../gateway/influx/errors.ts'

const unreachable = { kind: 'unreachable', error: SinkUnreachable('db', 'gone') } as const
const { firstMs, mostMs, parkedMs } = backoffDefault

test('pauses double from the first to the longest, half of each left to chance', () => {
  const pauses = [1, 2, 3, 4, 9, 10, 1_000].map((attempt) => pauseMs(unreachable, attempt, 0))
  expect(pauses).toEqual([50, 100, 200, 400, 12_800, mostMs / 2, mostMs / 2])
  expect(pauseMs(unreachable, 1, 0.999)).toBeLessThan(firstMs)
})

test('what the database asks for is never cut short', () => {
  const error = SinkThrottled('db', 5_000, 'slow down')
  const fault = { kind: 'throttled', error, retryAfterMs: 5_000 } as const
  expect(pauseMs(fault, 7, 0)).toBe(5_000)
  expect(pauseMs(fault, 7, 0.5)).toBeGreaterThan(5_000)
})

test('while an operator has to act it asks slowly', () => {
  const fault = { kind: 'unauthorised', error: SinkUnauthorised('db', 401, 'no') } as const
  expect(pauseMs(fault, 1, 0.5)).toBeGreaterThanOrEqual(parkedMs / 2)
})
