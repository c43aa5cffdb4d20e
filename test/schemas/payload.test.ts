import fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodePayload, encodePayload, formatOf } from '../../schemas/payload.ts'
import { formatTimestamp, parseTimestamp } from '../../schemas/time.ts'

test('the first byte tells JSON from CBOR', () => {
  expect(formatOf(encodePayload({ a: 1 }))).toBe('json')
  expect(formatOf(encodePayload({ a: 1 }, 'cbor'))).toBe('cbor')
})

test.each([
  ['nothing at all', ''],
  ['half an object', '{"a":'],
  ['text that is not UTF-8', '{"a":"\xff\xfe"}'],
  ['half a CBOR map', '\xa2\x61\x61'],
])('%s is IG_ERR_MSG_NOT_JSON', (_what, text) => {
  const decoded = decodePayload(Buffer.from(text, 'latin1'))
  expect('error' in decoded && decoded.error.code).toBe('IG_ERR_MSG_NOT_JSON')
})

test('no bytes make the decoder throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      expect(Object.keys(decodePayload(bytes)).length).toBe(1)
    }),
  )
})

test.each([
  '2026-02-30T00:00:00.000Z',
  '2026-01-01T24:00:00.000Z',
  '2026-01-01T00:00:60.000Z',
  '2026-01-01T00:00:00Z',
  '2026-01-01T00:00:00.000+01:00',
  '2026-01-01 00:00:00.000Z',
  'now',
])('%s is no time', (text) => {
  expect(parseTimestamp(text)).toBeUndefined()
})

test('a timestamp comes back as it was written', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 4e12 }), (atMs) => {
      expect(parseTimestamp(formatTimestamp(atMs))).toBe(atMs)
    }),
  )
})
