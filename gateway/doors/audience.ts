/**
 * Who reads what at which door, and what is kept for those who come later: so that a message that came in at one door
 * reaches the subscribers at all others, and no door is told what nobody there reads.
 *
 * A place is a door process, or the broker in the gateway's own process. Retained messages go to every place; the latest of
 * each topic is kept here for a door that starts later.
 */
import type { Sending } from './ports.ts'

export interface Place {
  relay(topic: string, payload: Buffer, sending: Sending): void
}

export interface Audience<P extends Place> {
  join(place: P): void
  leave(place: P): void
  /** A filter found its first reader at a place, or lost its last. */
  readerChanged(place: P, filter: string, isRead: boolean): void
  isRead(topic: string): boolean
  /** To readers at all places but `from`, which has told its own. */
  relay(topic: string, payload: Buffer, sending: Sending, from?: P): void
  /** To all places: the gateway's own messages, which devices subscribe to besides. */
  broadcast(topic: string, payload: Buffer, sending: Sending): void
}

export interface AudienceOptions {
  matches(filter: string, topic: string): boolean
  /** Retained messages kept, of different topics. */
  readonly retainedMax: number
}

/** Topics whose readers are remembered; beyond it all are forgotten and asked again. */
const remembered = 65_536

export function createAudience<P extends Place>(options: AudienceOptions): Audience<P> {
  const { matches, retainedMax } = options
  const filtersAt = new Map<P, Set<string>>()
  const readersOf = new Map<string, readonly P[]>()
  const retained = new Map<string, { readonly payload: Buffer; readonly sending: Sending }>()
  let filters = 0

  function findReaders(topic: string): readonly P[] {
    const known = readersOf.get(topic)
    if (known !== undefined) return known
    if (readersOf.size >= remembered) readersOf.clear()
    const found = [...filtersAt]
      .filter(([, wanted]) => [...wanted].some((filter) => matches(filter, topic)))
      .map(([place]) => place)
    readersOf.set(topic, found)
    return found
  }

  /** A copy: the bytes may lie in a larger chunk that would be kept with them. */
  function keep(topic: string, payload: Buffer, sending: Sending): void {
    if (payload.length === 0) retained.delete(topic)
    else if (retained.size < retainedMax || retained.has(topic))
      retained.set(topic, { payload: Buffer.from(payload), sending })
  }

  function count(): void {
    readersOf.clear()
    filters = 0
    for (const wanted of filtersAt.values()) filters += wanted.size
  }

  return {
    join(place) {
      filtersAt.set(place, new Set())
      for (const [topic, { payload, sending }] of retained) place.relay(topic, payload, sending)
    },
    leave(place) {
      filtersAt.delete(place)
      count()
    },
    readerChanged(place, filter, isRead) {
      const wanted = filtersAt.get(place)
      if (isRead) wanted?.add(filter)
      else wanted?.delete(filter)
      count()
    },
    isRead: (topic) => filters > 0 && findReaders(topic).length > 0,
    relay(topic, payload, sending, from) {
      if (sending.retain) keep(topic, payload, sending)
      const places = sending.retain ? filtersAt.keys() : findReaders(topic)
      for (const place of places) if (place !== from) place.relay(topic, payload, sending)
    },
    broadcast(topic, payload, sending) {
      if (sending.retain) keep(topic, payload, sending)
      for (const place of filtersAt.keys()) place.relay(topic, payload, sending)
    },
  }
}
