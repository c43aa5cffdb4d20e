/**
 * One record of the ledger, as every reader sees it: the message as it came, where it stands, when it came,
 * and what the door noticed about it.
 */
import type { AskerRole } from '../../schemas/askers.ts'
import type { CodedError } from '../../schemas/coded-error.ts'
import type { Topic } from '../../schemas/topics.ts'

/** Position in the ledger: counts up by one from 0, without gaps, for ever. Safe as a number for 285,000 years at 1,000/s. */
export type LogOffset = number

export interface LedgerEntry {
  /** Gateway's clock when the message was read from the wire. */
  readonly receivedAtMs: number
  readonly topic: string
  /** JSON or CBOR, as it came. */
  readonly payload: Uint8Array
  /** What the door noticed; absent for the ordinary message. */
  readonly notes?: RecordNotes | undefined
  /** No live reader wants it; who reads all still gets it. */
  readonly isQuiet?: boolean | undefined
}

/** A message straight from the bytes of a chunk: no object of its own, its notes are none. */
export interface BytesEntry {
  readonly receivedAtMs: number
  readonly topicBytes: Uint8Array
  /** The payload is `bytes` from `from` to `to`; copied before append returns. */
  readonly bytes: Buffer
  readonly from: number
  readonly to: number
  /** No live reader wants it; who reads all still gets it. */
  readonly isQuiet: boolean
}

/** Told once of a message that was appended straight from bytes, with what it was appended with. */
export interface StoredListener {
  stored(token: number): void
  refused(error: CodedError): void
}

export interface LedgerRecord extends LedgerEntry {
  readonly offset: LogOffset
}

/** A message taken apart. Shared between readers: nobody changes it. */
export interface ParsedMessage {
  readonly topic: Topic
  readonly value: unknown
}

/**
 * A record that can show its message. For live readers it is the very value the door parsed; for those who
 * are behind it is parsed on first use.
 */
export interface ParsedRecord extends LedgerRecord {
  /** @throws IG_ERR_MSG_NOT_JSON, IG_ERR_TOPIC_MALFORMED for a record no door of ours let in */
  readonly message: ParsedMessage
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
  /** Its counter began anew: numbers seen before mean other content now. */
  readonly restarted?: true
  /** Back-fill: values count as `old`. */
  readonly replay?: true
  /** Of a request: the role in the certificate it came with. */
  readonly askerRole?: AskerRole
  /** Quality by component where plausibility checks changed it. */
  readonly qualities?: Readonly<Record<string, 'recent' | 'old' | 'undefined' | 'unknown'>>
}
