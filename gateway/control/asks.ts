/**
 * What operators and priority systems have asked for, junction by junction: who stands above the strategy now.
 *
 *   operator  >  emergency  >  priority  >  strategy
 *
 * - An ask holds until its time is over, until it is released, or until a newer one takes its place: any operator's that
 *   of an operator, a vehicle's the one that the same asker made for the same vehicle.
 * - A vehicle's ask counts only around its arrival; an emergency's from the moment it is made.
 * - Held in memory only: after a restart an operator asks again, and the lease on the device has run out meanwhile.
 * - Bounded: `asksPerJunctionMax`. When it is full, who ranks higher takes the place of the lowest that would come last.
 *   Pure of clocks and of the wire.
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
  /** Whose way is to be cleared, where the asker names it. */
  readonly vehicle: string | undefined
  readonly values: Readonly<Record<string, unknown>>
  /** It counts from here on … */
  fromMs: number
  /** … until here. */
  untilMs: number
}

export interface Asks {
  /** Taken, or why not. Whose place it takes is told: `replaced` by newer word of their own kind, `displaced` by higher rank. */
  add(ask: Ask): Taken | { readonly refused: string }
  remove(ask: Ask): void
  /** Our clock was put back by so much: what is held goes on for as long as it had left. */
  putBack(byMs: number): void
  /** Who stands above the strategy now; undefined is nobody. */
  active(junction: string, nowMs: number): Ask | undefined
  of(junction: string): readonly Ask[]
}

export interface Taken {
  readonly replaced: readonly Ask[]
  readonly displaced: Ask | undefined
}

const asksPerJunctionMax = 8
const rank: Readonly<Record<AskKind, number>> = { operator: 0, emergency: 1, priority: 2 }

export function createAsks(): Asks {
  const held = new Map<string, Ask[]>()
  const at = (junction: string) => held.get(junction) ?? []

  return {
    add(ask) {
      const present = at(ask.junction)
      const replaced = present.filter((other) => replaces(ask, other))
      const rest = present.filter((other) => !replaced.includes(other))
      const isFull = rest.length >= asksPerJunctionMax
      const displaced = isFull ? leastOf(rest) : undefined
      if (displaced && rank[ask.kind] >= rank[displaced.kind]) {
        return { refused: `${rest.length} requests are held for ${ask.junction} already` }
      }
      held.set(ask.junction, [...rest.filter((other) => other !== displaced), ask])
      return { replaced, displaced }
    },
    remove(ask) {
      const rest = at(ask.junction).filter((other) => other !== ask)
      if (rest.length > 0) held.set(ask.junction, rest)
      else held.delete(ask.junction)
    },
    putBack(byMs) {
      for (const ask of [...held.values()].flat()) {
        ask.fromMs -= byMs
        ask.untilMs -= byMs
      }
    },
    active(junction, nowMs) {
      const counting = at(junction).filter((ask) => ask.fromMs <= nowMs && nowMs < ask.untilMs)
      return counting.sort(inOrder)[0]
    },
    of: at,
  }
}

function inOrder(a: Ask, b: Ask): number {
  return rank[a.kind] - rank[b.kind] || a.fromMs - b.fromMs
}

function leastOf(asks: readonly Ask[]): Ask | undefined {
  return [...asks].sort(inOrder).at(-1)
}

/** Newer word about the same thing. */
function replaces(ask: Ask, older: Ask): boolean {
  if (ask.kind === 'operator' || older.kind === 'operator') return ask.kind === older.kind
  return ask.vehicle !== undefined && ask.vehicle === older.vehicle && ask.from === older.from
}
