/**
 * What this room needs of others: somebody to read the ledger from, and instruments. And what it is to its
 * own drivers: a sink is three verbs and tells the fate of each point.
 */
import type { CodedError } from '../../schemas/coded-error.ts'
import type { Counter, Gauge, Histogram } from '../kit/metrics.ts'

export type Quality = 'recent' | 'old' | 'undefined' | 'unknown'

/** A record of the ledger, as far as it concerns us. */
export interface SourceRecord {
  readonly offset: number
  readonly receivedAtMs: number
  readonly topic: string
  readonly payload: Uint8Array
  readonly notes?: {
    readonly replay?: true
    readonly qualities?: Readonly<Record<string, Quality>>
  }
}

/** What a measurement's field may hold. An absent value is undefined: the field is left out. */
export type FieldKind = 'int' | 'float' | 'bool' | 'text'
export type FieldValue = number | boolean | string | undefined

/** Name, tags and fields of a kind of point; fields in the order of their names. */
export interface Measurement {
  readonly name: string
  readonly fields: readonly { readonly name: string; readonly kind: FieldKind }[]
}

/** One time series: a measurement with the values of its tags. Made once, shared by all its points. */
export interface Series {
  readonly measurement: Measurement
  /** In the order of their names; no value is empty. */
  readonly tags: readonly (readonly [name: string, value: string])[]
  /** Measurement and tags as they open a line. */
  readonly head: string
}

/** Same series and same moment are the same point: writing its line twice leaves one. */
export interface Point {
  readonly series: Series
  /** In the order of the measurement's fields. */
  readonly values: readonly FieldValue[]
  readonly atMs: number
}

/** Lines of line protocol, one after the other. */
export interface Lines {
  readonly count: number
  line(index: number): string
  /** Those from `from` to `to`, exclusive, with line breaks between them. */
  text(from: number, to: number): string
}

export interface Rejection {
  /** Index into the batch. */
  readonly index: number
  /** What the database said. */
  readonly message: string
}

/** Why a sink stopped in the middle of a batch. */
export interface SinkFault {
  readonly kind: 'unreachable' | 'throttled' | 'unauthorised'
  readonly error: CodedError
  /** The database's own wish, where it said one. */
  readonly retryAfterMs?: number
}

/** Indexes into the batch. What is in neither list is kept and offered again. */
export interface WriteOutcome {
  readonly accepted: readonly number[]
  readonly rejected: readonly Rejection[]
  /** Set when part of the batch, or all of it, has to be offered again. */
  readonly fault?: SinkFault
}

export interface Sink {
  readonly name: string
  open(): Promise<void>
  /** Never called before open has resolved, nor after close has begun, nor twice at once. Never rejects. */
  write(lines: Lines): Promise<WriteOutcome>
  /** Ends a write under way; it answers with a fault. */
  close(): Promise<void>
}

export interface SinkAlarm {
  readonly kind: 'sink-unauthorised' | 'sink-unreachable'
  readonly isActive: boolean
  readonly text: string
}

export interface InfluxMetrics {
  /** intergreen_sink_points_total{outcome} */
  readonly points: Counter<'outcome'>
  /** intergreen_sink_write_seconds */
  readonly writeSeconds: Histogram
  /** intergreen_dispatch_retries_total{consumer} */
  readonly retries: Counter<'consumer'>
  /** intergreen_dispatch_lag_records{consumer} */
  readonly lagRecords: Gauge<'consumer'>
  /** intergreen_dispatch_lag_seconds{consumer} */
  readonly lagSeconds: Gauge<'consumer'>
}
