/**
 * After a restart the door reads the ledger's youngest records, so that a message that was stored before and is
 * resent now is known. How far back it reads is bounded; what is older would be stored twice, which harms nobody.
 */
import type { Topic } from '../../schemas/topics.ts'
import { messageValidator } from '../../schemas/validators.ts'
import type { IngressLimits } from './limits.ts'
import type { IngressLedger, Parsed } from './ports.ts'
import type { Routes } from './routes.ts'
import { printOf } from './sequence.ts'
import { readTimestamp } from './timestamp.ts'

const bounds = { recordsMax: 2_048, bytesMax: 1024 * 1024 }

/** How many records it has learnt from. */
export async function restore(
  ledger: Pick<IngressLedger, 'read' | 'durableOffset'>,
  routes: Routes,
  limits: IngressLimits,
): Promise<number> {
  const end = ledger.durableOffset
  let from = Math.max(0, end - limits.restoreRecordsMax)
  let learnt = 0
  while (from < end) {
    const records = await ledger.read(from, bounds)
    const last = records[records.length - 1]
    if (last === undefined) break
    for (const record of records) if (learn(record, routes)) learnt += 1
    from = last.offset + 1
  }
  return learnt
}

interface Known {
  readonly topic: string
  readonly payload: Uint8Array
  readonly receivedAtMs: number
  readonly notes?: { readonly restarted?: true } | undefined
  readonly message: Parsed
}

function learn(record: Known, routes: Routes): boolean {
  const { topic, value } = messageOf(record) ?? {}
  if (topic === undefined) return false
  const validate = messageValidator(topic.type, topic.code)
  if (!validate?.(value)) return false // An older program's schema; its numbers may mean something else.
  const route = routes.find(record.topic) ?? routes.add(record.topic, topic, validate)
  route.node.lastReceivedAtMs = record.receivedAtMs
  const { sequence, isNumbered } = route
  if (sequence === undefined) return true
  const print = printOf(record.payload)
  const { entries, ts } = value as { entries?: { ts: string; seq?: number }[]; ts?: string }
  if (record.notes?.restarted) sequence.restart((entries?.[0]?.seq ?? 0) - 1)
  if (isNumbered && entries) {
    for (const entry of entries) {
      sequence.remember(entry.seq as number, readTimestamp(entry.ts) ?? 0, print)
    }
  } else sequence.remember(0, readTimestamp(entries?.[0]?.ts ?? ts ?? '') ?? 0, print)
  return true
}

function messageOf(record: Known): { topic: Topic; value: unknown } | undefined {
  try {
    return record.message
  } catch {
    return undefined
  }
}
