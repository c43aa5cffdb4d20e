/** The ledger's limits, each with its reason, and what they have to do with each other. */
import assert from 'node:assert/strict'

const KiB = 1024
const MiB = 1024 * KiB
const GiB = 1024 * MiB
const hourMs = 3_600_000

export interface LedgerLimits {
  /** What ledger.db with its journal may take on the disk. */
  readonly bytesMax: number
  /** Part of bytesMax kept free for quarantine, cursors and the journal, and what the disk must have free beside us. */
  readonly reserveBytes: number
  /** Appended and not yet durable; beyond it the gate is busy. */
  readonly pendingBytesMax: number
  /** Recent records kept in memory, so that live readers never ask the disk. */
  readonly tailBytesMax: number
  /** Records younger than this are kept for replay though every reader has passed them, as long as there is room. */
  readonly retainMs: number
  readonly quarantineRowsMax: number
  readonly quarantineBytesMax: number
  /** How long a batch that could not be written is tried again before its senders are refused. */
  readonly holdMs: number
  /** How often a batch that could not be written is tried again, and books that changed without a record are written. */
  readonly tickMs: number
  /** How long the first of a batch waits for others while a live reader wants one of them; after a pause it does not wait at all. */
  readonly gatherMs: number
  /** The same while all of them are only to be kept. Never less than gatherMs. */
  readonly gatherQuietMs: number
}

export const defaultLedgerLimits: LedgerLimits = {
  bytesMax: 8 * GiB,
  reserveBytes: 64 * MiB,
  pendingBytesMax: 32 * MiB,
  tailBytesMax: 16 * MiB,
  retainMs: 24 * hourMs,
  quarantineRowsMax: 10_000,
  quarantineBytesMax: 32 * MiB,
  holdMs: 5_000,
  tickMs: 500,
  gatherMs: 6, // A command waits for the reading it is decided on; 6 costs a sixth more CPU per message than 10, at 3,000/s.
  gatherQuietMs: 20, // Nobody waits but the sender's window: at 3,000/s half as many commits as with 10, and p99 well under 50 ms.
}

/** A batch closes at this size even while the disk is busy: rows stay small enough to be read one at a time. */
export const batchBytesMax = 256 * KiB
/** A batch of this size does not wait for others. */
export const batchBytesEager = 64 * KiB
/** The tail is cut into pieces of this size; an open batch lies in one piece. */
export const chunkBytes = 1 * MiB
/** What is kept of a quarantined payload; no sensible message is longer. */
export const quarantinePayloadBytesMax = 64 * KiB

assert(batchBytesEager <= batchBytesMax)
assert(batchBytesMax <= chunkBytes) // A batch always finds room in a fresh piece.

/** The given limits and the defaults for the rest; a reserve is at most a quarter of the whole. */
export function completeLimits(given: Partial<LedgerLimits> = {}): LedgerLimits {
  const limits = { ...defaultLedgerLimits, ...given }
  return {
    ...limits,
    reserveBytes: Math.min(limits.reserveBytes, limits.bytesMax / 4),
    pendingBytesMax: Math.max(limits.pendingBytesMax, batchBytesMax),
  }
}

/** The journal is written back into the database at this size; that is a few milliseconds of work. */
export function checkpointBytes(limits: LedgerLimits): number {
  return Math.min(4 * MiB, limits.bytesMax / 16)
}
