import { expect, test } from 'vitest'
import { matchesFilter } from '../../../broker/topic-filter.ts'
import { createAudience, type Place } from '../../../gateway/doors/audience.ts'

function house(retainedMax = 10) {
  const audience = createAudience<Place>({ matches: matchesFilter, retainedMax })
  const said: string[] = []
  const place = (name: string): Place => ({
    relay: (topic, payload, { retain }) =>
      void said.push(`${name} ${topic} ${payload}${retain ? ' retained' : ''}`),
  })
  const take = () => said.splice(0)
  return { audience, place, take }
}

const once = { qos: 1, retain: false } as const
const kept = { qos: 1, retain: true } as const
const text = (word: string) => Buffer.from(word)

test('a message goes where somebody reads it, and not back to where it came from', () => {
  const { audience, place, take } = house()
  const [a, b, c] = [place('a'), place('b'), place('c')]
  for (const each of [a, b, c]) audience.join(each)
  audience.readerChanged(a, 'north/+/status/#', true)
  audience.readerChanged(b, '#', true)
  expect(audience.isRead('north/det-1/status/x')).toBe(true)
  audience.relay('north/det-1/status/x', text('1'), once, a)
  audience.relay('north/det-1/alarm/x', text('2'), once, c)
  expect(take()).toEqual(['b north/det-1/status/x 1', 'b north/det-1/alarm/x 2'])
  audience.readerChanged(b, '#', false)
  expect(audience.isRead('north/det-1/alarm/x')).toBe(false)
  audience.leave(a)
  expect(audience.isRead('north/det-1/status/x')).toBe(false)
})

test('what is retained goes everywhere, and to a place that comes later; an empty one takes it back', () => {
  const { audience, place, take } = house()
  const [a, b, c] = [place('a'), place('b'), place('c')]
  audience.join(a)
  audience.join(b)
  audience.relay('north/det-1/presence', text('online'), kept, a)
  audience.broadcast('gateway/g/presence', text('online'), kept)
  expect(take()).toEqual([
    'b north/det-1/presence online retained',
    'a gateway/g/presence online retained',
    'b gateway/g/presence online retained',
  ])
  audience.relay('north/det-1/presence', text(''), kept, b)
  take()
  audience.join(c)
  expect(take()).toEqual(['c gateway/g/presence online retained'])
})

test('it keeps its own copy, and no more topics than it may', () => {
  const { audience, place, take } = house(1)
  const bytes = text('online')
  audience.relay('north/det-1/presence', bytes, kept)
  bytes.fill(0)
  audience.relay('north/det-2/presence', text('one too many'), kept)
  audience.relay('north/det-1/presence', text('shutdown'), kept)
  audience.join(place('a'))
  expect(take()).toEqual(['a north/det-1/presence shutdown retained'])
})
