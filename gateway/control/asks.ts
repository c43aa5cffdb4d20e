/**
 * What operators and priority systems have asked for, junction by junction: who stands above the strategy now.
 *
 *   operator  >  emergency  >  priority  >  strategy
 *
 * - An ask holds until its time is over, until it is released, or until a newer one of an operator takes its place.
 * - A vehicle's ask counts only around its arrival; an emergency's from the moment it is made.
 * - Held in memory only: after a restart an operator asks again, and the lease on the device has run out meanwhile.
 * - Bounded: `asksPerJunctionMax`. Pure of clocks and of the wire.
 */
import type { CommandId, NodeId } from '../../schemas/ids.ts'
import type { ControlCommand } from './ports.ts'

export type AskKind = 'operator' | 'emergency' | 'priority'

export interface Ask {
  readonly id: CommandId
  /** The node that asked, and is answered. */
  readonly from: NodeId
  /** Code of the request, for the answer's topic. */
  readonly requestCode: string
  readonly kind: AskKind
  readonly junction: NodeId
  readonly code: ControlCommand['code']
  readonly component: string | undefined
  readonly values: Readonly<Record<string, unknown>>
  /** It counts from here on … */
  readonly fromMs: number
  /** … until here. */
  readonly untilMs: number
}

export interface Asks {
  /** Undefined when taken; else why not. What it displaces is returned by `displaced`. */
  add(ask: Ask): { readonly refused: string } | { readonly displaced: readonly Ask[] }
  remove(ask: Ask): void
  /** Ends and returns the asks whose time is over. */
  takeEnded(junction: string, nowMs: number): readonly Ask[]
  /** Who stands above the strategy now; undefined is nobody. */
  active(junction: string, nowMs: number): Ask | undefined
  of(junction: string): readonly Ask[]
  byId(id: string): Ask | undefined
}

const asksPerJunctionMax = 8
const rank: Readonly<Record<AskKind, number>> = { operator: 0, emergency: 1, priority: 2 }

export function createAsks(): Asks {
  const held = new Map<string, Ask[]>()
  const at = (junction: string) => held.get(junction) ?? []

  return {
    add(ask) {
      const present = at(ask.junction)
      // An operator's newer word takes the place of the older one on the same junction.
      const displaced =
        ask.kind === 'operator' ? present.filter((other) => other.kind === 'operator') : []
      const rest = present.filter((other) => !displaced.includes(other))
      if (rest.length >= asksPerJunctionMax) {
        return { refused: `${rest.length} requests are held for ${ask.junction} already` }
      }
      held.set(ask.junction, [...rest, ask])
      return { displaced }
    },
    remove(ask) {
      const rest = at(ask.junction).filter((other) => other !== ask)
      if (rest.length > 0) held.set(ask.junction, rest)
      else held.delete(ask.junction)
    },
    takeEnded(junction, nowMs) {
      const present = at(junction)
      const ended = present.filter((ask) => ask.untilMs <= nowMs)
      if (ended.length === 0) return ended
      for (const ask of ended) this.remove(ask)
      return ended
    },
    active(junction, nowMs) {
      const counting = at(junction).filter((ask) => ask.fromMs <= nowMs && nowMs < ask.untilMs)
      return counting.sort((a, b) => rank[a.kind] - rank[b.kind] || a.fromMs - b.fromMs)[0]
    },
    of: at,
    byId: (id) => [...held.values()].flat().find((ask) => ask.id === id),
  }
}
