/**
 * Remembers how topics come apart. A gateway meets the same few thousand topics again and again, and taking
 * one apart costs more than everything else a reader does with a small message.
 *
 * - Bounded: when it is full it forgets all and begins again, which costs one parse per live topic.
 */
import { isTopic, parseTopic, type Topic } from '../../schemas/topics.ts'

const topicsMax = 50_000 // About 10 MiB; more topics than one gateway serves.

/** The parts of a topic, or undefined where it is none. */
export function createTopicCache(limit = topicsMax): (text: string) => Topic | undefined {
  const known = new Map<string, Topic | undefined>()
  return (text) => {
    const found = known.get(text)
    if (found !== undefined) return found
    const parsed = parseTopic(text)
    const topic = isTopic(parsed) ? parsed : undefined
    if (known.size >= limit) known.clear()
    known.set(text, topic)
    return topic
  }
}
