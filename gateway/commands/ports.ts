/**
 * What the commands room needs of others: a way to a device, somebody who has the last word before it, and
 * its instruments.
 */
import type { MessageType } from '../../schemas/topics.ts'
import type { Counter, Gauge, Histogram } from '../kit/metrics.ts'
import type { CommandRecord } from './record.ts'

export interface CommandOutlet {
  /**
   * Publishes to one device at QoS 1, never retained, never queued: `offline` when it is not connected and
   * subscribed now, `delivered` on its PUBACK, `timeout` when that did not come in time. Subscribed
   * control centers see a copy.
   */
  deliver(
    node: string,
    topic: string,
    payload: Uint8Array,
    timeoutMs: number,
  ): Promise<'delivered' | 'offline' | 'timeout'>
  isReachable(node: string): boolean
}

/** Asked at the moment of sending: the reason why this command must not leave, or undefined when it may. */
export type LastWord = (record: CommandRecord) => string | undefined

/** A decoded message in ledger order; of `value` this room reads results and the tlc statuses. */
export interface ObservedMessage {
  readonly node: string
  readonly type: MessageType
  readonly code: string
  readonly value: unknown
}

export interface CommandMetrics {
  /** intergreen_commands_total{state} */
  readonly transitions: Counter<'state'>
  /** intergreen_commands_pending */
  readonly pending: Gauge
  /** intergreen_commands_applied_seconds: issued to applied, on the gateway's clock. */
  readonly appliedSeconds: Histogram
  /** intergreen_commands_stale_results_total: for a command that is unknown, has ended, or is another's. */
  readonly staleResults: Counter
  /** intergreen_commands_delivery_timeouts_total */
  readonly deliveryTimeouts: Counter
  /** intergreen_commands_durable_seconds: issued to on disk, measured. */
  readonly durableSeconds: Histogram
}
