import { expect, test } from 'vitest'
import { createCommandId, parseNodeId, zoneOf } from '../../schemas/ids.ts'

test('a node has one to three levels, and its zone is the first', () => {
  for (const text of ['north', 'north/tlc-001', 'city/north/tlc-1']) {
    expect(zoneOf(parseNodeId(text))).toBe(text.split('/')[0])
  }
})

test.each(['North/tlc', 'a/b/c/d', '+/tlc'])('%s is no node: IG_ERR_ID_MALFORMED', (text) => {
  expect(() => parseNodeId(text)).toThrow(expect.objectContaining({ code: 'IG_ERR_ID_MALFORMED' }))
})

test('command ids sort by time, and repeat with the same chance', () => {
  const first = createCommandId(1_000, () => 0.5)
  expect(createCommandId(1_000, () => 0.5)).toBe(first)
  expect(createCommandId(2_000, () => 0.1) > first).toBe(true)
  expect(first).toMatch(/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/)
})
