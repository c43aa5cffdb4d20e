/**
 * What the history reads: records of the ledger, a block at a time. Of ordinary `traffic.queue` messages the numbers are
 * in columns already (gateway/archive/queue-columns.ts makes and draws them); any other record is taken as a value.
 */
import type { NodeId } from '../../schemas/ids.ts'
import type { OffsetRecord } from './ports.ts'

export interface RecordBlock {
  readonly firstOffset: number
  readonly count: number
  readonly queues?: QueueColumns | undefined
  receivedAtMs(index: number): number
  record(index: number): OffsetRecord
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
  /** Ours, to keep with the lane what we know of it. */
  inHistory: unknown
}

/** Where each lane's values stand: vehicles, meters, approaching, and three the history does not keep. */
export const valuesPerLane = 6
