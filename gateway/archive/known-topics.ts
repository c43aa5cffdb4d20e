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
    return isSame(this.name, bytes, from, to)
  }
}

/** A topic, and the lanes of its last message in their order. */
export interface KnownTopic {
  readonly topic: Topic | undefined
  /** A `traffic.queue` status. */
  readonly isQueue: boolean
  readonly lanes: KnownLane[]
}

interface Entry extends KnownTopic {
  readonly bytes: Uint8Array
  /** Another one of the same hash. */
  readonly next: Entry | undefined
}

const topicsMax = 50_000 // About 60 MiB with four lanes each, and what hangs on them.

/** Found by the bytes as they stand in a frame: to make a text of them for each message would cost more than scanning it. */
export function createKnownTopics(
  limit = topicsMax,
): (bytes: Uint8Array, from: number, to: number) => KnownTopic {
  const known = new Map<number, Entry>()
  let count = 0

  function learn(name: Uint8Array, hash: number): Entry {
    if (count >= limit) {
      known.clear()
      count = 0
    }
    const parsed = parseTopic(Buffer.from(name).toString('utf8'))
    const topic = isTopic(parsed) ? parsed : undefined
    const isQueue = topic?.code === 'traffic.queue' && topic.type === 'status'
    const fresh = { topic, isQueue, lanes: [], bytes: name, next: known.get(hash) }
    known.set(hash, fresh)
    count += 1
    return fresh
  }

  return (bytes, from, to) => {
    const hash = hashOf(bytes, from, to)
    let entry = known.get(hash)
    while (entry !== undefined && !isSame(entry.bytes, bytes, from, to)) entry = entry.next
    return entry ?? learn(Uint8Array.prototype.slice.call(bytes, from, to), hash)
  }
}

/** FNV-1a, a small integer. */
function hashOf(bytes: Uint8Array, from: number, to: number): number {
  let hash = 0x811c9dc5
  for (let at = from; at < to; at++) hash = Math.imul(hash ^ (bytes[at] as number), 0x01000193)
  return hash >> 1
}

function isSame(name: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from !== name.length) return false
  for (let at = name.length - 1; at >= 0; at--) if (bytes[from + at] !== name[at]) return false
  return true
}
