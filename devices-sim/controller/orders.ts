/**
 * Commands from their arrival to their end, as the controller sees them: checked, remembered, leased.
 *
 *   received ─▶ accepted ─▶ (waits) ─▶ begun ─▶ applied ─▶ released
 *      └─▶ rejected            └─▶ expired
 *
 * - An id that was seen is answered with what became of it and does nothing more.
 * - Nothing is begun after `expiresAt`; a lower epoch than one seen is rejected.
 * - One order per slot is in force; a newer one takes its place, and the older one is heard of no more: the
 *   newer one's `accepted` says so.
 */
import { validateMessage } from '../../schemas/validators.ts'
import type { Timing } from './timing.ts'

export type Slot = 'timing' | 'stage' | 'mode'
export type ResultState = 'accepted' | 'rejected' | 'applied' | 'released' | 'expired'

/** To be published as `<node>/result/<code>`. */
export interface ControllerResult {
  readonly code: string
  readonly id: string
  readonly state: ResultState
  readonly reason?: string
}

export interface Order {
  readonly id: string
  readonly code: string
  readonly values: Readonly<Record<string, unknown>>
  readonly receivedAtMs: number
  readonly expiresAtMs: number
  readonly holdForMs: number
  /** What an order of the slot `timing` asks for, worked out once: as it was judged, so it runs. */
  timing: Timing | undefined
  /** What it asks for is under way or shown: it no longer expires, its lease counts. */
  isBegun: boolean
  appliedAtMs: number | undefined
}

export interface Orders {
  /** Judges one command. `refuse` says why the junction will not have it, or undefined. */
  receive(
    code: string,
    value: unknown,
    nowMs: number,
    refuse: (order: Order) => string | undefined,
  ): void
  inForce(slot: Slot): Order | undefined
  /** A priority request that waits for its vehicle; becomes `inForce` by `promote`. */
  waiting(slot: Slot): Order | undefined
  promote(slot: Slot): void
  /** What the order asks for is shown. */
  applied(order: Order, nowMs: number): void
  /** Ends what is in force and waiting in the slot. */
  release(slot: Slot, reason: string): void
  /** Ends what has expired or whose lease is over. */
  advance(nowMs: number): void
  takeResults(): readonly ControllerResult[]
}

const slots: Readonly<Record<string, Slot>> = {
  'tlc.timing.set': 'timing',
  'tlc.plan.set': 'timing',
  'tlc.stage.set': 'stage',
  'tlc.priority.request': 'stage',
  'tlc.mode.set': 'mode',
}
const idPattern = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/
/** An hour of a command each second. Older ids have expired long ago and would be refused for that. */
const rememberedMax = 3_600

interface CommandMessage {
  readonly id: string
  readonly expiresAt: string
  readonly holdForMs: number
  readonly epoch: number
  readonly values: Readonly<Record<string, unknown>>
}

export function createOrders(): Orders {
  const results: ControllerResult[] = []
  const remembered = new Map<string, ControllerResult>()
  const inForce = new Map<Slot, Order>()
  const waiting = new Map<Slot, Order>()
  let epochSeen = -1

  function answer(code: string, id: string, state: ResultState, reason?: string): void {
    const result: ControllerResult = { code, id, state, ...(reason && { reason }) }
    results.push(result)
    remembered.delete(id)
    remembered.set(id, result)
    if (remembered.size > rememberedMax) {
      const [oldest = ''] = remembered.keys()
      remembered.delete(oldest)
    }
  }

  function end(from: Map<Slot, Order>, slot: Slot, state: ResultState, reason: string): void {
    const order = from.get(slot)
    if (!order) return
    from.delete(slot)
    answer(order.code, order.id, state, reason)
  }

  function advanceSlot(slot: Slot, nowMs: number): void {
    const next = waiting.get(slot)
    if (next && nowMs >= next.expiresAtMs) {
      end(waiting, slot, 'expired', 'its time came before its vehicle')
    }
    const order = inForce.get(slot)
    if (!order) return
    if (!order.isBegun && nowMs >= order.expiresAtMs) {
      end(inForce, slot, 'expired', 'could not be begun in time')
    } else if (order.appliedAtMs !== undefined && nowMs >= order.appliedAtMs + order.holdForMs) {
      end(inForce, slot, 'released', 'its lease is over')
    }
  }

  return {
    receive(code, value, nowMs, refuse) {
      const slot = Object.hasOwn(slots, code) ? slots[code] : undefined
      const errors = slot ? validateMessage('command', code, value) : 'unknown'
      if (errors !== undefined || !slot) {
        const id = (value as { id?: unknown } | null)?.id
        if (typeof id !== 'string' || !idPattern.test(id)) return // Nobody to answer to.
        if (remembered.has(id)) return
        const why =
          errors === 'unknown' || !errors
            ? `unknown command ${code.slice(0, 64)}`
            : `${errors[0]?.path} ${errors[0]?.message}`
        answer(code, id, 'rejected', why.slice(0, 500))
        return
      }
      const message = value as CommandMessage
      const known = remembered.get(message.id)
      if (known) {
        results.push(known)
        return
      }
      const expiresAtMs = Date.parse(message.expiresAt)
      // Written so that a moment that is none (30 February) counts as past.
      if (!(expiresAtMs > nowMs)) {
        answer(code, message.id, 'expired', `expired at ${message.expiresAt}`)
        return
      }
      if (message.epoch < epochSeen) {
        const why = `epoch ${message.epoch} is older than ${epochSeen}`
        answer(code, message.id, 'rejected', why)
        return
      }
      epochSeen = message.epoch
      const order: Order = {
        id: message.id,
        code,
        values: message.values,
        receivedAtMs: nowMs,
        expiresAtMs,
        holdForMs: message.holdForMs,
        timing: undefined,
        isBegun: false,
        appliedAtMs: undefined,
      }
      const why = refuse(order)
      if (why !== undefined) {
        answer(code, message.id, 'rejected', why.slice(0, 500))
        return
      }
      answer(code, message.id, 'accepted')
      if (code === 'tlc.priority.request') waiting.set(slot, order)
      else inForce.set(slot, order)
    },
    inForce: (slot) => inForce.get(slot),
    waiting: (slot) => waiting.get(slot),
    promote(slot) {
      const order = waiting.get(slot)
      if (!order) return
      waiting.delete(slot)
      inForce.set(slot, order)
    },
    applied(order, nowMs) {
      if (order.appliedAtMs !== undefined) return
      order.isBegun = true
      order.appliedAtMs = nowMs
      answer(order.code, order.id, 'applied')
    },
    release(slot, reason) {
      end(inForce, slot, 'released', reason)
      end(waiting, slot, 'released', reason)
    },
    advance(nowMs) {
      for (const slot of ['timing', 'stage', 'mode'] as const) advanceSlot(slot, nowMs)
    },
    takeResults: () => results.splice(0),
  }
}
