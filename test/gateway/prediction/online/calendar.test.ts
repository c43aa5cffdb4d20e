import { expect, test } from 'vitest'
import {
  createCalendar,
  slotMs,
  slotsPerDay,
  steadyAhead,
} from '../../../../gateway/prediction/online/calendar.ts'

const endAt = (text: string) => Date.parse(text) + slotMs
const slotOf = (hour: number, minute = 0) => hour * 12 + minute / 5

test('without a time zone a bucket has the slot and day of its beginning in UTC', () => {
  const calendar = createCalendar()
  const endMs = endAt('2026-03-02T07:25:00Z')
  expect([calendar.slot(endMs), calendar.dayOfWeek(endMs)]).toEqual([slotOf(7, 25), 0])
  expect(calendar.dayOfWeek(endAt('2026-03-01T23:55:00Z'))).toBe(6)
})

test('seven in the morning is one slot, in winter and in summer', () => {
  const { slot, dayOfWeek } = createCalendar('Europe/Berlin')
  expect(slot(endAt('2026-03-27T06:00:00Z'))).toBe(slotOf(7))
  expect(slot(endAt('2026-03-30T05:00:00Z'))).toBe(slotOf(7))
  // Saturday 23:30 in UTC is Sunday there.
  expect(dayOfWeek(endAt('2026-03-28T23:30:00Z'))).toBe(6)
})

test('what is ahead of a change of the clock leaves an hour out, or has one twice', () => {
  const { ahead } = createCalendar('Europe/Berlin')
  const spring = ahead(endAt('2026-03-29T00:55:00Z'))
  expect([0, 1, 12].map((step) => spring.slotAt(step))).toEqual([
    slotOf(1, 55),
    slotOf(3),
    slotOf(3, 55),
  ])
  const autumn = ahead(endAt('2026-10-25T00:55:00Z'))
  expect([0, 1, 12].map((step) => autumn.slotAt(step))).toEqual([
    slotOf(2, 55),
    slotOf(2),
    slotOf(2, 55),
  ])
})

test('data without summer time have what the calendar has on an ordinary day', () => {
  const calendar = createCalendar('America/New_York')
  const endMs = endAt('2026-06-07T03:40:00Z')
  const steady = steadyAhead(calendar.slot(endMs), calendar.dayOfWeek(endMs))
  const { slotAt, dayAt } = calendar.ahead(endMs)
  for (let step = 0; step < slotsPerDay; step++) {
    expect([steady.slotAt(step), steady.dayAt(step)]).toEqual([slotAt(step), dayAt(step)])
  }
})
