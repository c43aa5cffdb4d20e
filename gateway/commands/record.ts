/**
 * A command as the gateway keeps it, from the decision to its end, and as it goes over the wire.
 * Values, never changed in place.
 */
import type { GatewayCommands } from '../../schemas/generated/messages.ts'
import type { CommandId, NodeId } from '../../schemas/ids.ts'
import { formatTimestamp } from '../../schemas/time.ts'
import type { CommandState } from './states.ts'

const commandCodes = [
  'tlc.timing.set',
  'tlc.stage.set',
  'tlc.plan.set',
  'tlc.mode.set',
  'tlc.priority.request',
] as const
export type CommandCode = (typeof commandCodes)[number]

/** Commands of one slot replace each other on the device; those of different slots stand side by side. */
export type Slot = 'timing' | 'stage' | 'mode'

export const slotOf: Readonly<Record<CommandCode, Slot>> = {
  'tlc.timing.set': 'timing',
  'tlc.plan.set': 'timing',
  'tlc.stage.set': 'stage',
  'tlc.priority.request': 'stage',
  'tlc.mode.set': 'mode',
}

/** What somebody decided; the rest of a command is ours to add. */
export interface CommandRequest {
  readonly junction: NodeId
  readonly code: CommandCode
  readonly component?: string
  readonly values: Readonly<Record<string, unknown>>
  /** `strategy:predictive`, `operator:desk-2`, … */
  readonly issuer: string
  readonly holdForMs: number
  /** How long it may take until it is applied. */
  readonly expiresInMs: number
}

export interface CommandRecord {
  readonly id: CommandId
  readonly junction: NodeId
  readonly code: CommandCode
  readonly component?: string
  readonly values: Readonly<Record<string, unknown>>
  readonly issuer: string
  readonly epoch: number
  readonly issuedAtMs: number
  readonly expiresAtMs: number
  readonly holdForMs: number
  readonly state: CommandState
  readonly reason?: string
  readonly changedAtMs: number
  /** Set when the device's status first showed it. */
  readonly appliedAtMs?: number
}

/** End of the lease as far as we know: from the moment it was seen in force, or else from its issue. */
export function leaseEndsAtMs(record: CommandRecord): number {
  return (record.appliedAtMs ?? record.issuedAtMs) + record.holdForMs
}

export function wireOf(record: CommandRecord): Record<string, unknown> {
  return {
    id: record.id,
    ts: formatTimestamp(record.issuedAtMs),
    expiresAt: formatTimestamp(record.expiresAtMs),
    holdForMs: record.holdForMs,
    epoch: record.epoch,
    ...(record.component === undefined ? {} : { component: record.component }),
    values: record.values,
    issuer: record.issuer,
  }
}

const reasonLengthMax = 500

/** What the status gateway.commands says of a step in its life. */
export function statusOf(record: CommandRecord): GatewayCommands['entries'][number]['values'] {
  const { id, junction, code, state, issuer, reason } = record
  return {
    id,
    junction,
    code,
    state,
    issuer,
    ...(reason === undefined ? {} : { reason: reason.slice(0, reasonLengthMax) }),
  }
}
