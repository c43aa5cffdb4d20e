/**
 * Records as lines of JSON, and back: for `export`, for `replay`, and for whoever wants to look at an hour with jq.
 *
 *   {"offset":42,"receivedAt":"2026-11-22T07:01:00.412Z","topic":"north/det-1/status/…","payload":"{\"entries\":…}","notes":{…}}
 *
 * - `payload` is the text exactly as it came; what is not UTF-8 (CBOR) stands in `payloadBase64` instead.
 * - A line is a whole record: read back, it is byte for byte the record that was stored.
 */
import { isUtf8 } from 'node:buffer'
import { formatTimestamp, parseTimestamp } from '../../../schemas/time.ts'
import { ExportLineInvalid } from '../errors.ts'
import { readRows } from '../read-rows.ts'
import type { LedgerEntry, ParsedRecord } from '../record.ts'
import { recordsOf } from '../rows.ts'
import { inspect } from './inspect.ts'

export interface Range {
  /** Received at or after. */
  readonly fromMs: number
  /** Received before. */
  readonly toMs: number
  /** Topics that begin with this; all when empty. */
  readonly topicPrefix: string
}

const stepBytes = 1024 * 1024

/** The records of a range in the ledger's order. Runs beside a running gateway. */
export function* recordsIn(dir: string, range: Range): Generator<ParsedRecord> {
  const ledger = inspect(dir)
  try {
    const { firstOffset, nextOffset } = ledger.books()
    for (let from = firstOffset; from < nextOffset; ) {
      const rows = readRows(ledger.read, from, stepBytes)
      const last = rows.at(-1)
      if (last === undefined) return
      const touched = rows.filter(
        (row) => row.lastReceivedAtMs >= range.fromMs && row.firstReceivedAtMs < range.toMs,
      )
      for (const record of recordsOf(touched, from, Number.POSITIVE_INFINITY)) {
        if (isWithin(record, range)) yield record
      }
      from = last.lastOffset + 1
    }
  } finally {
    ledger.close()
  }
}

function isWithin({ receivedAtMs, topic }: LedgerEntry, range: Range): boolean {
  return (
    receivedAtMs >= range.fromMs && receivedAtMs < range.toMs && topic.startsWith(range.topicPrefix)
  )
}

export function toLine({ offset, receivedAtMs, topic, payload, notes }: ParsedRecord): string {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length)
  return JSON.stringify({
    offset,
    receivedAt: formatTimestamp(receivedAtMs),
    topic,
    ...(isUtf8(bytes)
      ? { payload: bytes.toString() }
      : { payloadBase64: bytes.toString('base64') }),
    ...(notes && { notes }),
  })
}

/** @throws IG_ERR_LEDGER_EXPORT_LINE */
export function fromLine(text: string, lineNumber: number): LedgerEntry {
  let line: Record<string, unknown>
  try {
    line = JSON.parse(text)
  } catch (cause) {
    throw ExportLineInvalid.from(cause, lineNumber, 'it is not JSON')
  }
  const { receivedAt, topic, payload, payloadBase64, notes } = line
  const receivedAtMs = typeof receivedAt === 'string' ? parseTimestamp(receivedAt) : undefined
  if (receivedAtMs === undefined) throw ExportLineInvalid(lineNumber, 'receivedAt is no timestamp')
  if (typeof topic !== 'string') throw ExportLineInvalid(lineNumber, 'topic is missing')
  const bytes =
    typeof payload === 'string'
      ? Buffer.from(payload)
      : typeof payloadBase64 === 'string'
        ? Buffer.from(payloadBase64, 'base64')
        : undefined
  if (bytes === undefined) throw ExportLineInvalid(lineNumber, 'payload is missing')
  return { receivedAtMs, topic, payload: bytes, ...(notes ? { notes } : {}) }
}
