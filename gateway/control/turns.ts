/**
 * Asks the strategies of one junction in their turn, each on its own beat and with the memory it gave back.
 *
 * - Who decides on what lanes show this second is asked too when a sensor has told something new.
 * - A strategy that throws loses its memory and its turn, and nothing else.
 * - A turn that would lie more than a beat ahead is due now: the clock was put back since it was set.
 */
import type { Junction } from '../../schemas/generated/messages.ts'
import type { Decision, JunctionView, Strategy } from './ports.ts'

/** Undefined when it is not its turn. */
export type Turn = { readonly decision: Decision } | { readonly failed: unknown } | undefined

export interface Turns {
  /** `key` tells apart two strategies of the same name; `isNews`: a sensor has told something. */
  take(strategy: Strategy, key: string, view: JunctionView, isNews?: boolean): Turn
}

/** A strategy of this beat or a quicker one lives on what the sensors show now. */
const quickPeriodMs = 1_000
/** A timer may be early by the rounding of two clocks; a turn that is due by so much less than a beat is due. */
const earlyShare = 0.05

export function createTurns(junction: Junction): Turns {
  const memories = new Map<string, unknown>()
  const dueAtMs = new Map<string, number>()

  return {
    take(strategy, key, view, isNews = false) {
      const { nowMs } = view
      const waitMs = (dueAtMs.get(key) ?? nowMs) - nowMs
      const isDue = waitMs <= strategy.periodMs * earlyShare || waitMs > strategy.periodMs
      if (!isDue && !(isNews && strategy.periodMs <= quickPeriodMs)) return undefined
      dueAtMs.set(key, nowMs + strategy.periodMs)
      try {
        const memory = memories.has(key) ? memories.get(key) : strategy.remember(junction)
        const decided = strategy.decide(view, memory)
        memories.set(key, decided.memory)
        return { decision: decided.decision }
      } catch (failed) {
        memories.delete(key)
        return { failed }
      }
    },
  }
}
