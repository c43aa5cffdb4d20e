/** Commands for tests of the outbox and the read-back. */
import type { CommandRecord } from '../../../gateway/commands/record.ts'
import { createCommandId, parseNodeId } from '../../../schemas/ids.ts'

export const startMs = Date.parse('2026-11-22T07:00:00.000Z')

export function commandOf(number: number, changes: Partial<CommandRecord> = {}): CommandRecord {
  const issuedAtMs = startMs + number * 1000
  return {
    id: createCommandId(issuedAtMs),
    junction: parseNodeId('north/tlc-001'),
    code: 'tlc.stage.set',
    values: { stage: 2 },
    issuer: 'strategy:test',
    epoch: number,
    issuedAtMs,
    expiresAtMs: issuedAtMs + 10_000,
    holdForMs: 15_000,
    state: 'issued',
    changedAtMs: issuedAtMs,
    ...changes,
  }
}
