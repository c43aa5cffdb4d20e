import { expect, test } from 'vitest'
import { type Answer, meaningOf, parseRetryAfter } from '../../../gateway/influx/answer.ts'

const nowMs = Date.parse('2026-11-22T07:00:00.000Z')
const meaning = (status: number, body = '', headers: Answer['headers'] = {}) =>
  meaningOf({ status, body, headers }, nowMs)

test.each([
  [200, 'written'],
  [201, 'written'],
  [204, 'written'],
  [302, 'unauthorised'],
  [400, 'refused'],
  [401, 'unauthorised'],
  [403, 'unauthorised'],
  [404, 'unauthorised'],
  [405, 'unauthorised'],
  [408, 'unreachable'],
  [413, 'refused'],
  [422, 'refused'],
  [425, 'unreachable'],
  [429, 'throttled'],
  [500, 'unreachable'],
  [502, 'unreachable'],
  [503, 'unreachable'],
  [504, 'unreachable'],
] as const)('%i without a body means %s', (status, kind) => {
  expect(meaning(status).kind).toBe(kind)
})

test('503 with a wish is a pause of that many seconds', () => {
  expect(meaning(503, '', { 'retry-after': '7' })).toMatchObject({
    kind: 'throttled',
    retryAfterMs: 7_000,
  })
})

test('Retry-After is seconds or a date, five minutes at most, and else as if absent', () => {
  expect(parseRetryAfter('30', nowMs)).toBe(30_000)
  expect(parseRetryAfter('Sun, 22 Nov 2026 07:00:10 GMT', nowMs)).toBe(10_000)
  expect(parseRetryAfter('Sun, 22 Nov 2026 06:00:00 GMT', nowMs)).toBe(0)
  expect(parseRetryAfter('86400', nowMs)).toBe(300_000)
  expect(parseRetryAfter('soon', nowMs)).toBeUndefined()
  expect(parseRetryAfter(undefined, nowMs)).toBeUndefined()
})

test('201 with a body is a partial write, and the lines it names are refused', () => {
  const body = JSON.stringify({
    error: 'partial write of line protocol occurred',
    data: [
      { line_number: 2, error_message: 'invalid column type', original_line: 'm x=1' },
      { line_number: 0, error_message: 'no such line' },
      null,
    ],
  })
  expect(meaning(201, body)).toMatchObject({
    kind: 'refused',
    message: 'partial write of line protocol occurred',
    lines: new Map([[1, 'invalid column type']]),
  })
})

test('a partial write of InfluxDB 2 says how many it dropped', () => {
  const body = JSON.stringify({
    code: 'unprocessable entity',
    message: 'partial write: points beyond retention policy dropped=3',
  })
  expect(meaning(422, body)).toMatchObject({ kind: 'refused', dropped: 3 })
})

test('the message is what the database says, wherever it says it, and not longer than it helps', () => {
  expect(meaning(500, 'plain text')).toMatchObject({ message: 'plain text' })
  expect(meaning(500, '{"broken')).toMatchObject({ message: '{"broken' })
  expect(meaning(500, '', { 'x-influxdb-error': 'timeout' })).toMatchObject({ message: 'timeout' })
  expect(meaning(500)).toMatchObject({ message: 'status 500' })
  expect((meaning(500, 'x'.repeat(9_000)) as { message: string }).message.length).toBe(500)
})
