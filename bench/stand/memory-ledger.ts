/** Records as the frames of a ledger, in memory: what a reader is given without a disk. */
import { frameBytesMax, writeFrame } from '../../gateway/ledger/frame.ts'
import type { LedgerReader } from '../../gateway/ledger/reader.ts'
import type { LedgerEntry } from '../../gateway/ledger/record.ts'
import type { Frames } from '../../gateway/ledger/rows.ts'

/** `recordsPerCommit` of them at a time, offsets from 0 on. */
export function createMemoryLedger(
  entries: readonly LedgerEntry[],
  recordsPerCommit: number,
): Pick<LedgerReader, 'readFrames'> {
  const commits: Frames[] = []
  for (let from = 0; from < entries.length; from += recordsPerCommit)
    commits.push(framesOf(entries.slice(from, from + recordsPerCommit), from))
  return {
    readFrames: (from) => {
      const at = Math.floor(from / recordsPerCommit)
      return commits.slice(at, at + 1)
    },
  }
}

function framesOf(entries: readonly LedgerEntry[], firstOffset: number): Frames {
  const notes = entries.map((entry) => (entry.notes ? JSON.stringify(entry.notes) : ''))
  const room = entries.reduce(
    (sum, { topic, payload }, at) => sum + frameBytesMax(topic, notes[at]!, payload),
    0,
  )
  const bytes = Buffer.alloc(room)
  const frameAt = new Uint32Array(entries.length)
  let end = 0
  for (const [at, entry] of entries.entries()) {
    frameAt[at] = end
    end = writeFrame(bytes, end, entry, notes[at]!)
  }
  return { firstOffset, bytes: bytes.subarray(0, end), frameAt }
}
