import { expect, test } from 'vitest'
import {
  createCommandId,
  parseCommandId,
  parseComponentId,
  parseNodeId,
  zoneOf,
} from '../../schemas/ids.ts'

test('a node has one to three levels, and its zone is the first', () => {
  for (const text of ['north', 'north/tlc-001', 'city/north/tlc-1']) {
    expect(zoneOf(parseNodeId(text))).toBe(text.split('/')[0])
  }
})

test.each([
  [parseNodeId, 'North/tlc'],
  [parseNodeId, 'a/b/c/d'],
  [parseNodeId, '+/tlc'],
  [parseComponentId, 'sg1'],
  [parseComponentId, 'sg/x'],
  [parseCommandId, '01KAMQ3Z5E9M4X7R2C8V6B1NT'],
  [parseCommandId, '81KAMQ3Z5E9M4X7R2C8V6B1NTD'],
])('%o does not take %s: IG_ERR_ID_MALFORMED', (parse, text) => {
  expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'IG_ERR_ID_MALFORMED' }))
})

test('command ids sort by time, and repeat with the same chance', () => {
  const first = createCommandId(1_000, () => 0.5)
  expect(createCommandId(1_000, () => 0.5)).toBe(first)
  expect(createCommandId(2_000, () => 0.1) > first).toBe(true)
  expect(parseCommandId(first)).toBe(first)
})
