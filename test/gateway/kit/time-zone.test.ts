import { expect, test } from 'vitest'
import { checkTimeZone, localOffset } from '../../../gateway/kit/time-zone.ts'

const hourMs = 3_600_000

test('local time follows the change of summer time to the minute, both ways', () => {
  const offset = localOffset('Europe/Berlin')
  const hours = (text: string) => offset(Date.parse(text)) / hourMs
  expect(hours('2026-03-29T00:59:59.999Z')).toBe(1)
  expect(hours('2026-03-29T01:00:00.000Z')).toBe(2)
  expect(hours('2026-10-25T00:59:59.999Z')).toBe(2)
  expect(hours('2026-10-25T01:00:00.000Z')).toBe(1)
  // Asked again out of order, from memory.
  expect(hours('2026-03-29T00:59:59.999Z')).toBe(1)
})

test('offsets west of Greenwich and of half hours are right, and UTC has none', () => {
  const at = Date.parse('2026-01-15T12:00:00Z')
  expect(localOffset('America/New_York')(at)).toBe(-5 * hourMs)
  expect(localOffset('Asia/Kolkata')(at)).toBe(5.5 * hourMs)
  expect(localOffset('UTC')(at)).toBe(0)
})

test('what is no time zone is IG_ERR_COMMAND_LINE_INVALID and names the option', () => {
  checkTimeZone('Europe/Berlin', '--forecast-time-zone')
  for (const name of ['Mars/Olympus', '']) {
    expect(() => checkTimeZone(name, '--forecast-time-zone')).toThrow(
      expect.objectContaining({
        code: 'IG_ERR_COMMAND_LINE_INVALID',
        message: expect.stringContaining('--forecast-time-zone'),
      }),
    )
  }
})
