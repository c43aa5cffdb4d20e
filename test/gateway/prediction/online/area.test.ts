import { expect, test } from 'vitest'
import { areaOf } from '../../../../gateway/prediction/online/area.ts'
import { Book } from '../../../../gateway/prediction/online/book.ts'
import { createCalendar } from '../../../../gateway/prediction/online/calendar.ts'
import { createRandom, minuteMs, mondayMs, poisson, reading, usualPerHour } from '../days.ts'

const stepMs = 5 * minuteMs
const quantity = 'vehiclesPer5Min'
const components = Array.from({ length: 8 }, (_, index) => `dl/${index + 1}`)

function street(steps: number) {
  const book = new Book(createCalendar(), () => {})
  const random = createRandom(4)
  const tell = (component: string, atMs: number) => {
    const vehicles = poisson(usualPerHour(atMs) / 12, random)
    book.observe(reading(atMs, vehicles, { component, windowMs: stepMs }))
  }
  for (let step = 1; step <= steps; step++)
    for (const component of components) tell(component, mondayMs + step * stepMs)
  const states = (of: readonly string[]) =>
    of.map((component) => book.find('north/det-001', component, quantity)!.state)
  return { book, tell, states, nowMs: mondayMs + steps * stepMs }
}

test('summed up as the detectors tell, the area is the mean of all their series', () => {
  const { book, states, nowMs } = street(60)
  const { now, trend } = book.areaAt(quantity, nowMs)!
  const expected = areaOf(states(components))!
  expect(now).toBeCloseTo(expected.now, 12)
  expect(trend).toBeCloseTo(expected.trend, 12)
  expect(now).not.toBe(0)
})

test('who has not told of a bucket is not in its area, and comes into the one it tells of late', () => {
  const { book, tell, states, nowMs } = street(60)
  const [late, ...inTime] = components
  const nextMs = nowMs + stepMs
  for (const component of inTime) tell(component, nextMs)
  expect(book.areaAt(quantity, nextMs)!.now).toBeCloseTo(areaOf(states(inTime))!.now, 12)
  for (const component of inTime) tell(component, nextMs + stepMs)
  const before = book.areaAt(quantity, nextMs)!
  tell(late!, nextMs)
  expect(book.areaAt(quantity, nextMs)).not.toEqual(before)
  // What is two buckets ago nobody is forecast from.
  expect(book.areaAt(quantity, nowMs)).toBeUndefined()
})

test('fewer than five make no area', () => {
  const { book, tell, nowMs } = street(60)
  for (const component of components.slice(0, 4)) tell(component, nowMs + stepMs)
  expect(book.areaAt(quantity, nowMs + stepMs)).toBeUndefined()
  tell(components[4]!, nowMs + stepMs)
  expect(book.areaAt(quantity, nowMs + stepMs)).toBeDefined()
})

test('after a restart the area is the one of before', () => {
  const { book, nowMs } = street(60)
  const again = new Book(createCalendar(), () => {})
  for (const snapshot of book.snapshots()) again.restore(snapshot)
  const { now, trend } = again.areaAt(quantity, nowMs)!
  const before = book.areaAt(quantity, nowMs)!
  expect(now).toBeCloseTo(before.now, 6)
  expect(trend).toBeCloseTo(before.trend, 6)
})
