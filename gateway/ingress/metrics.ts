/** The instruments of the door; gateway/observe makes the real ones. */
import type { Counter, Gauge, Histogram } from '../kit/metrics.ts'

export type VerdictKind = 'accept' | 'duplicate' | 'quarantine' | 'refuse'

export interface IngressMetrics {
  /** `kind` is the message type, or `unknown`. */
  readonly messages: Counter<'kind' | 'verdict'>
  readonly quarantined: Counter<'code'>
  readonly refused: Counter<'code'>
  /** Arrival to answer, fsync included; one message in sixteen is measured. */
  readonly gateSeconds: Histogram
  /** Senders held back because the ledger takes nothing. */
  readonly held: Gauge
  /** Sequence numbers that never came. */
  readonly missing: Counter
}

const nothing = { add() {}, set() {}, observe() {} }

export const silentIngressMetrics: IngressMetrics = {
  messages: nothing,
  quarantined: nothing,
  refused: nothing,
  gateSeconds: nothing,
  held: nothing,
  missing: nothing,
}
