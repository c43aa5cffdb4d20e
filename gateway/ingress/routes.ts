/**
 * What the door remembers of each topic and of each node, so that a steady device costs one look into a map.
 *
 * - A route is made only for a valid topic of a known code by a sender who may use it.
 * - Bounded: so many routes in all, so many of one node; the longest silent go first. What is forgotten is
 *   learnt again from the next message; a duplicate across that moment is stored twice, which harms nobody.
 */
import { type MessageType, type Topic, topics } from '../../schemas/topics.ts'
import type { messageValidator } from '../../schemas/validators.ts'
import { DeviceClock } from './device-clock.ts'
import type { IngressLimits } from './limits.ts'
import type { ExpressLane } from './ports.ts'
import { Sequence } from './sequence.ts'

export type Validate = NonNullable<ReturnType<typeof messageValidator>>

export interface NodeState {
  readonly node: string
  readonly clock: DeviceClock
  readonly routes: Set<Route>
  lastReceivedAtMs: number
  messages: number
  duplicates: number
  quarantined: number
  /** Sequence numbers that never came, less those that came late. */
  missing: number
  gaps: number
  restarts: number
  late: number
  future: number
  misaligned: number
  /** Entries that came by replay. */
  replayed: number
}

export interface Route {
  readonly text: string
  readonly topic: Topic
  readonly validate: Validate
  readonly node: NodeState
  /** Has entries with numbers: status and replay. */
  readonly isNumbered: boolean
  /** Undefined where repeating oneself is normal (presence). */
  readonly sequence: Sequence | undefined
  /** For a replay: the topic it fills up. */
  readonly repeats: string | undefined
  /** Who was found to be allowed to use it, last time. */
  allowed: object | undefined
  /** Live readers do not want its messages. */
  readonly isQuiet: boolean
  /** Used since the broom passed. */
  isFresh: boolean
  /** Forgotten: whoever still holds it must let go. */
  isGone: boolean
  /** Its way from the bytes of a chunk, where it has been asked for. */
  express: ExpressLane | undefined
}

const numbered: ReadonlySet<MessageType> = new Set(['status', 'replay'])

export class Routes {
  readonly #limits: IngressLimits
  readonly #byTopic = new Map<string, Route>()
  readonly #nodes = new Map<string, NodeState>()
  readonly #isQuiet: (topic: Topic) => boolean

  constructor(limits: IngressLimits, isQuiet: (topic: Topic) => boolean = () => false) {
    this.#limits = limits
    this.#isQuiet = isQuiet
  }

  get size(): number {
    return this.#byTopic.size
  }

  find(text: string): Route | undefined {
    const route = this.#byTopic.get(text)
    if (route !== undefined) route.isFresh = true
    return route
  }

  node(node: string): NodeState | undefined {
    return this.#nodes.get(node)
  }

  nodes(): Iterable<NodeState> {
    return this.#nodes.values()
  }

  add(text: string, topic: Topic, validate: Validate): Route {
    const node = this.#nodes.get(topic.node) ?? this.#addNode(topic.node)
    const oldest = node.routes.values().next().value
    if (oldest && node.routes.size >= this.#limits.streamsPerNodeMax) this.#remove(oldest)
    if (this.#byTopic.size >= this.#limits.streamsMax) this.#sweep()
    const route: Route = {
      text,
      topic,
      validate,
      node,
      isNumbered: numbered.has(topic.type),
      sequence: topic.type === 'presence' ? undefined : new Sequence(),
      repeats:
        topic.type === 'replay'
          ? topics.status(topic.node, topic.code, topic.channel || undefined)
          : undefined,
      allowed: undefined,
      isQuiet: this.#isQuiet(topic),
      isFresh: true,
      isGone: false,
      express: undefined,
    }
    this.#nodes.set(topic.node, node)
    node.routes.add(route)
    this.#byTopic.set(text, route)
    return route
  }

  #addNode(node: string): NodeState {
    return {
      node,
      clock: new DeviceClock(),
      routes: new Set(),
      lastReceivedAtMs: 0,
      messages: 0,
      duplicates: 0,
      quarantined: 0,
      missing: 0,
      gaps: 0,
      restarts: 0,
      late: 0,
      future: 0,
      misaligned: 0,
      replayed: 0,
    }
  }

  /** Goes round like a clock hand: what was used since it last passed is spared once. Removes one at least. */
  #sweep(): void {
    for (const route of this.#byTopic.values()) {
      if (!route.isFresh) {
        this.#remove(route)
        return
      }
      route.isFresh = false
      this.#byTopic.delete(route.text)
      this.#byTopic.set(route.text, route)
    }
  }

  #remove(route: Route): void {
    route.isGone = true
    this.#byTopic.delete(route.text)
    route.node.routes.delete(route)
    if (route.node.routes.size === 0) this.#nodes.delete(route.node.node)
  }
}
