/**
 * One record of the ledger, as every reader sees it: the message as it came, where it stands, when it came,
 * and what the door noticed about it.
 */

/** Position in the ledger: counts up by one, without gaps, for ever. Safe as a number for 285,000 years at 1,000/s. */
export type LogOffset = number

export interface LedgerEntry {
  /** Gateway's clock when the message was read from the wire. */
  readonly receivedAtMs: number
  readonly topic: string
  /** JSON or CBOR, as it came. */
  readonly payload: Uint8Array
  /** What the door noticed; absent for the ordinary message. */
  readonly notes?: RecordNotes
}

export interface LedgerRecord extends LedgerEntry {
  readonly offset: LogOffset
}

/** Findings that change how a value is to be taken, never the value itself. Small, and rare. */
export interface RecordNotes {
  /** Older than the lateness bound when it came. */
  readonly late?: true
  /** Its ts is ahead of our clock by more than the tolerance. */
  readonly future?: true
  /** A window's end that is not aligned to its length. */
  readonly misaligned?: true
  /** How many sequence numbers are missing before it. */
  readonly gap?: number
  /** Back-fill: values count as `old`. */
  readonly replay?: true
  /** Quality by component where plausibility checks changed it. */
  readonly qualities?: Readonly<Record<string, 'recent' | 'old' | 'undefined' | 'unknown'>>
}
