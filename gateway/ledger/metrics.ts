/** The instruments of the ledger and of the pumps that read it; gateway/observe makes the real ones. */
import type { Counter, Gauge, Histogram } from '../kit/metrics.ts'

export interface LedgerMetrics {
  readonly appends: Counter
  /** One group commit, from being handed to the thread until it is durable. */
  readonly fsyncSeconds: Histogram
  /** What ledger.db holds, its free pages not counted. */
  readonly bytes: Gauge
  /** How much more it takes before it is full. */
  readonly bytesFree: Gauge
}

export interface PumpMetrics {
  readonly lagRecords: Gauge<'consumer'>
  readonly lagSeconds: Gauge<'consumer'>
  readonly retries: Counter<'consumer'>
}

const nothing = { add() {}, set() {}, observe() {} }

export const silentLedgerMetrics: LedgerMetrics = {
  appends: nothing,
  fsyncSeconds: nothing,
  bytes: nothing,
  bytesFree: nothing,
}

export const silentPumpMetrics: PumpMetrics = {
  lagRecords: nothing,
  lagSeconds: nothing,
  retries: nothing,
}
