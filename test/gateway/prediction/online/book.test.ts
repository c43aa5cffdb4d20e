import { expect, test } from 'vitest'
import { Book, detectorsPerNodeMax } from '../../../../gateway/prediction/online/book.ts'
import { createCalendar } from '../../../../gateway/prediction/online/calendar.ts'
import { minuteMs, mondayMs, reading } from '../days.ts'

const dayMs = 24 * 60 * minuteMs

function house(detectorsMax?: number) {
  const book = new Book(createCalendar(), () => {}, detectorsMax ? { detectorsMax } : {})
  return {
    book,
    tell: (node: string, number: number, atMs: number) =>
      book.observe(reading(atMs, 3, { node, component: `dl/${number}` })),
    has: (node: string, number: number) => book.detector(node, `dl/${number}`) !== undefined,
  }
}

test('one node cannot take the places of the others', () => {
  const { book, tell, has } = house()
  for (let number = 1; number <= detectorsPerNodeMax + 50; number++)
    tell('north/many', number, mondayMs)
  expect(book.detectorsOf('north/many')).toHaveLength(detectorsPerNodeMax)
  expect(book.readings).toEqual({ full: 50, notNewer: 0 })
  // Those it has go on.
  expect(has('north/many', 1)).toBe(true)
  tell('north/other', 1, mondayMs)
  expect(has('north/other', 1)).toBe(true)
})

test('a node whose places are taken gives up what has been silent for a day, the longest first', () => {
  const { book, tell, has } = house()
  for (let number = 1; number <= detectorsPerNodeMax; number++)
    tell('north/many', number, mondayMs + number * minuteMs)
  tell('north/many', 9_000, mondayMs + dayMs)
  expect(has('north/many', 9_000)).toBe(false)
  tell('north/many', 9_000, mondayMs + dayMs + minuteMs)
  expect([has('north/many', 1), has('north/many', 2)]).toEqual([false, true])
  expect(has('north/many', 9_000)).toBe(true)
  expect(book).toMatchObject({ forgotten: 1, detectorCount: detectorsPerNodeMax })
})

test('a full house gives up what has been silent for a day, and never a detector that tells', () => {
  const { book, tell, has } = house(3)
  const nodes = ['north/a', 'north/b', 'north/c']
  for (const [at, node] of nodes.entries()) tell(node, 1, mondayMs + at * minuteMs)
  // Two tell on; the third has been silent since its first minute.
  for (const node of ['north/a', 'north/c']) tell(node, 1, mondayMs + dayMs)
  tell('north/d', 1, mondayMs + dayMs)
  expect(has('north/d', 1)).toBe(false)
  expect(book.readings.full).toBe(1)
  tell('north/d', 1, mondayMs + dayMs + minuteMs)
  expect(has('north/d', 1)).toBe(true)
  expect([...nodes].filter((node) => has(node, 1))).toEqual(['north/a', 'north/c'])
  expect(book.detectorsOf('north/b')).toEqual([])
  // Nobody else is silent now, however often somebody new comes.
  tell('north/e', 1, mondayMs + dayMs + 2 * minuteMs)
  expect(has('north/e', 1)).toBe(false)
  // A replay of long ago pushes nobody out.
  tell('north/f', 1, mondayMs - 100 * dayMs)
  expect([has('north/f', 1), book.detectorCount, book.forgotten]).toEqual([false, 3, 1])
})

test('what is not newer than the last is left out and counted', () => {
  const { book, tell } = house()
  for (const minute of [1, 2, 2, 1, 3]) tell('north/a', 1, mondayMs + minute * minuteMs)
  expect(book.readings).toEqual({ full: 0, notNewer: 2 })
})
