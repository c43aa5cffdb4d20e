/** MQTT filters [MQTT-4.7]. */
import { expect, test } from 'vitest'
import { matchesFilter } from '../../broker/topic-filter.ts'

test.each([
  ['#', 'a/b', true],
  ['a/#', 'a', true],
  ['a/#', 'a/b/c', true],
  ['a/#', 'ab/c', false],
  ['+', 'a', true],
  ['+', 'a/b', false],
  ['+/+', 'a/b', true],
  ['+/+', '/a', true],
  ['a/+/c', 'a/b/c', true],
  ['a/+/c', 'a/b/d', false],
  ['a/b', 'a/b', true],
  ['a/b', 'a/b/c', false],
  ['a/b/c', 'a/b', false],
  ['#', '$SYS/a', false],
  ['+/a', '$SYS/a', false],
  ['$SYS/#', '$SYS/a', true],
])('%s on %s: %s', (filter, topic, expected) => {
  expect(matchesFilter(filter, topic)).toBe(expected)
})
