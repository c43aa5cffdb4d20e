/** Rows of ledger.db back into records. Damage is found here, whoever reads. */
import { crc32 } from 'node:zlib'
import type { StoredRow } from './commit.ts'
import { LedgerCorrupt } from './errors.ts'
import { frameEnd, readFrame } from './frame.ts'
import type { LogOffset, ParsedRecord } from './record.ts'

/** @throws IG_ERR_LEDGER_CORRUPT */
export function recordsOf(
  rows: readonly StoredRow[],
  from: LogOffset,
  recordsMax: number,
): ParsedRecord[] {
  const records: ParsedRecord[] = []
  for (const row of rows) {
    if (records.length >= recordsMax) break
    readRow(row, from, recordsMax, records)
  }
  return records
}

/** Undefined, or what is wrong with the row. */
export function damageOf(row: StoredRow): string | undefined {
  if (crc32(row.bytes) !== row.crc) return 'its checksum does not fit'
  try {
    readRow(row, row.firstOffset, Number.POSITIVE_INFINITY, [])
  } catch (error) {
    return (error as Error).message
  }
}

function readRow(row: StoredRow, from: LogOffset, recordsMax: number, into: ParsedRecord[]): void {
  const { bytes, firstOffset, frameAt } = framesOf(row)
  for (let index = Math.max(0, from - firstOffset); index < frameAt.length; index++) {
    if (into.length >= recordsMax) return
    into.push(readFrame(bytes, frameAt[index] as number, firstOffset + index))
  }
}

/** A commit whose checksum fits and whose frames add up: where each of its records stands in the bytes. */
export interface Frames {
  readonly firstOffset: LogOffset
  readonly bytes: Buffer
  readonly frameAt: Uint32Array
}

/** @throws IG_ERR_LEDGER_CORRUPT */
export function framesOf(row: StoredRow): Frames {
  const { firstOffset, lastOffset } = row
  if (crc32(row.bytes) !== row.crc) {
    throw LedgerCorrupt('ledger.db', `the checksum at offset ${firstOffset} does not fit`)
  }
  const bytes = Buffer.from(row.bytes.buffer, row.bytes.byteOffset, row.bytes.length)
  const frameAt = new Uint32Array(lastOffset - firstOffset + 1)
  let at = 0
  for (let index = 0; index < frameAt.length; index++) {
    const end = frameEnd(bytes, at, bytes.length)
    if (end === undefined) {
      throw LedgerCorrupt('ledger.db', `the record at offset ${firstOffset + index} is cut off`)
    }
    frameAt[index] = at
    at = end
  }
  if (at !== bytes.length) {
    throw LedgerCorrupt('ledger.db', `there are bytes left after offset ${lastOffset}`)
  }
  return { firstOffset, bytes, frameAt }
}
