/**
 * The topics and lanes a thread meets again and again, each as one object: its readers hang on it what they have made of
 * it, so that the next message of a lane costs no look into a map.
 *
 * - Bounded: when it is full it forgets all and begins again; what hung on the old objects goes with them.
 */
import { isTopic, parseTopic, type Topic } from '../../schemas/topics.ts'

/** A lane of a node. */
export class KnownLane {
  readonly topic: Topic
  readonly component: string
  readonly name: Uint8Array
  /** What the history keeps with it. */
  inHistory: unknown = undefined
  /** What the way to the database keeps with it. */
  inInflux: unknown = undefined

  constructor(topic: Topic, name: Uint8Array) {
    this.topic = topic
    this.name = Uint8Array.prototype.slice.call(name)
    this.component = Buffer.from(name).toString('latin1')
  }

  isNamed(bytes: Uint8Array, from: number, to: number): boolean {
    const { name } = this
    if (to - from !== name.length) return false
    for (let at = name.length - 1; at >= 0; at--) if (bytes[from + at] !== name[at]) return false
    return true
  }
}

/** A topic, and the lanes of its last message in their order. */
export interface KnownTopic {
  readonly topic: Topic | undefined
  readonly lanes: KnownLane[]
}

const topicsMax = 50_000 // About 60 MiB with four lanes each, and what hangs on them.

export function createKnownTopics(limit = topicsMax): (text: string) => KnownTopic {
  const known = new Map<string, KnownTopic>()
  return (text) => {
    const found = known.get(text)
    if (found !== undefined) return found
    const parsed = parseTopic(text)
    const fresh = { topic: isTopic(parsed) ? parsed : undefined, lanes: [] }
    if (known.size >= limit) known.clear()
    known.set(text, fresh)
    return fresh
  }
}
