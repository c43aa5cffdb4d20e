import { expect, test } from 'vitest'
import { createTopicCache } from '../../../gateway/kit/topic-cache.ts'

test('a topic comes apart the same the second time, and when the memory is full', () => {
  const topicOf = createTopicCache(2)
  for (let round = 0; round < 3; round++) {
    for (const device of ['det-1', 'det-2', 'det-3']) {
      const topic = topicOf(`north/${device}/status/traffic.count/1min`)
      expect(topic).toMatchObject({
        node: `north/${device}`,
        code: 'traffic.count',
        channel: '1min',
      })
    }
  }
  expect(topicOf('nonsense')).toBeUndefined()
})
