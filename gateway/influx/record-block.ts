/**
 * What the way to the database reads: records of a source, a block at a time. Of ordinary `traffic.queue` messages the
 * numbers are in columns already (gateway/archive/queue-columns.ts makes and draws them); any other record is taken as a
 * value.
 */
import type { NodeId } from '../../schemas/ids.ts'
import type { SourceRecord } from './ports.ts'

export interface RecordBlock {
  readonly firstOffset: number
  readonly count: number
  readonly queues?: QueueColumns | undefined
  receivedAtMs(index: number): number
  record(index: number): SourceRecord
}

export interface QueueColumns {
  readonly entriesEnd: Uint32Array
  readonly atMs: Float64Array
  readonly lanesEnd: Uint32Array
  readonly lanes: readonly Lane[]
  readonly values: Float64Array
}

export interface Lane {
  readonly topic: { readonly node: NodeId }
  readonly component: string
  /** Ours, to keep with the lane how its lines begin. */
  inInflux: unknown
}

/** Where each lane's values stand: vehicles, meters, approaching, passed, blocked, range; NaN where absent. */
export const valuesPerLane = 6

/** A block without columns. */
export type PlainBlock = Omit<RecordBlock, 'queues'> & { readonly queues?: undefined }

/** Records as a block, as far as their offsets have no gap. */
export function blockOf(records: readonly SourceRecord[]): PlainBlock | undefined {
  const first = records[0]
  if (first === undefined) return undefined
  const gap = records.findIndex(({ offset }, at) => offset !== first.offset + at)
  return {
    firstOffset: first.offset,
    count: gap < 0 ? records.length : gap,
    receivedAtMs: (index) => records[index]!.receivedAtMs,
    record: (index) => records[index]!,
  }
}
