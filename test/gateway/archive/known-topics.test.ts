/** The same bytes are the same topic, wherever they stand; others are another. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createKnownTopics } from '../../../gateway/archive/known-topics.ts'

const queue = 'north/cam-1/status/traffic.queue/live'

function find(known: ReturnType<typeof createKnownTopics>, text: string, before = 'xy') {
  const bytes = Buffer.from(`${before}${text}{"entries"`)
  return known(bytes, before.length, before.length + Buffer.byteLength(text))
}

test('a topic is one object for as long as it is known', () => {
  const known = createKnownTopics()
  const first = find(known, queue)
  expect(first).toMatchObject({ topic: { node: 'north/cam-1', code: 'traffic.queue' } })
  expect(first.isQueue).toBe(true)
  expect(find(known, queue, 'elsewhere')).toBe(first)
  expect(find(known, 'north/cam-2/status/traffic.queue/live')).not.toBe(first)
  expect(find(known, 'north/cam-1/status/traffic.count/1min').isQueue).toBe(false)
})

test('what is no topic is remembered as none', () => {
  const known = createKnownTopics()
  const none = find(known, 'no topic ä')
  expect(none.topic).toBeUndefined()
  expect(find(known, 'no topic ä')).toBe(none)
})

test('texts that differ are never taken for one another, though there are more of them than it keeps', () => {
  const known = createKnownTopics(8)
  const names = fc.array(fc.string({ unit: fc.constantFrom('a', 'b', '1'), maxLength: 4 }), {
    minLength: 1,
    maxLength: 60,
  })
  fc.assert(
    fc.property(names, (all) => {
      for (const name of all) {
        const node = `north/${name || 'x'}`
        expect(find(known, `${node}/status/traffic.queue/live`).topic?.node).toBe(node)
      }
    }),
    { seed: 7 },
  )
})
