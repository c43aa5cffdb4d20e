/**
 * An operator's or priority system's message made into an ask, or the reason why not. Pure.
 * A request comes under the asker's own node: the broker has seen to that. What its certificate lets it ask for was
 * looked at by the gate, and is once more here; without the gate's word on the certificate nothing is granted.
 */
import { type AskerRole, refuseAsk } from '../../schemas/askers.ts'
import type { CommandId, NodeId } from '../../schemas/ids.ts'
import { parseTimestamp } from '../../schemas/time.ts'
import type { Ask } from './asks.ts'
import type { ControlCommand } from './ports.ts'

/** What all requests have in common; the schema of its code has judged the values. */
export interface RequestMessage {
  readonly id: CommandId
  readonly ts: string
  readonly expiresAt: string
  readonly target: NodeId
  readonly component?: string
  /** Absent in a release. */
  readonly holdForMs?: number
  readonly values: Readonly<Record<string, unknown>>
}

export type ReadRequest =
  | { readonly kind: 'ask'; readonly ask: Ask }
  /** Of what it asked for itself; an operator's also of what other operators hold. */
  | { readonly kind: 'release'; readonly isOperators: boolean }
  | { readonly kind: 'expired'; readonly reason: string }
  | { readonly kind: 'rejected'; readonly reason: string }

/** How early the stage for a vehicle is called: time for a change of stages and a queue to clear. */
export const priorityLeadMs = 12_000
/** How long after its expected arrival a vehicle is waited for, where it asks for less. */
const priorityTrailMs = 5_000

export interface Asker {
  readonly from: NodeId
  readonly role: AskerRole | undefined
}

export function readRequest(
  { from, role }: Asker,
  code: string,
  message: RequestMessage,
  nowMs: number,
): ReadRequest {
  const beyond = refuseAsk(role, code, message.values)
  if (beyond) return { kind: 'rejected', reason: `${beyond.code}: ${beyond.message}` }
  const expiresAtMs = parseTimestamp(message.expiresAt)
  if (expiresAtMs === undefined) return { kind: 'rejected', reason: 'expiresAt is no moment' }
  if (nowMs >= expiresAtMs) return { kind: 'expired', reason: `expired at ${message.expiresAt}` }
  if (code === 'release') return { kind: 'release', isOperators: role === 'operator' }
  const holdForMs = message.holdForMs ?? 0
  const base = {
    id: message.id,
    from,
    requestCode: code,
    junction: message.target,
    component: message.component,
    values: message.values,
  }
  if (code !== 'tlc.priority.request') {
    const ask: Ask = {
      ...base,
      kind: 'operator',
      vehicle: undefined,
      code: code as ControlCommand['code'],
      fromMs: nowMs,
      untilMs: nowMs + holdForMs,
    }
    return { kind: 'ask', ask }
  }
  const { stage, kind, etaS, vehicle } = message.values as {
    stage: number
    kind: string
    etaS: number
    vehicle?: string
  }
  const askedAtMs = Math.min(parseTimestamp(message.ts) ?? nowMs, nowMs)
  const arrivesAtMs = askedAtMs + etaS * 1000
  const isEmergency = kind === 'emergency'
  const ask: Ask = {
    ...base,
    kind: isEmergency ? 'emergency' : 'priority',
    vehicle,
    // A stage called in time is what every controller understands; its own priority logic is not asked for.
    code: 'tlc.stage.set',
    values: { stage },
    fromMs: isEmergency ? nowMs : Math.max(nowMs, arrivesAtMs - priorityLeadMs),
    untilMs: arrivesAtMs + Math.max(priorityTrailMs, holdForMs),
  }
  return { kind: 'ask', ask }
}

/** Who issued a command, as it is written on it; long or odd names are cut to what the schema takes. */
export function issuerOf(kind: Ask['kind'] | 'strategy', name: string): string {
  return `${kind}:${name.replaceAll(/[^A-Za-z0-9/_-]/g, '_').slice(0, 100)}`
}
