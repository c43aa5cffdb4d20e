/** The instruments of each room, made of the table in gateway/observe. */
import type { BrokerMetrics } from '../../broker/metrics.ts'
import type { CommandMetrics } from '../commands/ports.ts'
import type { ControlMetrics } from '../control/ports.ts'
import type { DoorFleetMetrics } from '../doors/door-fleet.ts'
import type { IngressMetrics } from '../ingress/metrics.ts'
import type { LedgerMetrics, PumpMetrics } from '../ledger/metrics.ts'
import { metricTable } from '../observe/metric-table.ts'
import { createMetrics, type Metrics } from '../observe/metrics.ts'

export interface Instruments {
  readonly metrics: Metrics<typeof metricTable>
  readonly broker: BrokerMetrics
  readonly doors: Pick<DoorFleetMetrics, 'doorsOpen' | 'doorRestarts'>
  readonly ingress: IngressMetrics
  readonly ledger: LedgerMetrics
  readonly pump: PumpMetrics
  readonly control: ControlMetrics
  readonly commands: CommandMetrics
}

export function createInstruments(): Instruments {
  const metrics = createMetrics(metricTable)
  const { counter, gauge, histogram } = metrics
  return {
    metrics,
    broker: {
      connections: gauge('intergreen_broker_connections'),
      handshakesFailed: counter('intergreen_broker_handshakes_failed_total'),
      authRefused: counter('intergreen_broker_auth_refused_total'),
      connectionsClosed: counter('intergreen_broker_connections_closed_total'),
      deliveries: counter('intergreen_broker_deliveries_total'),
    },
    doors: {
      doorsOpen: gauge('intergreen_doors_open'),
      doorRestarts: counter('intergreen_doors_restarts_total'),
    },
    ingress: {
      messages: counter('intergreen_ingress_messages_total'),
      quarantined: counter('intergreen_ingress_quarantined_total'),
      refused: counter('intergreen_ingress_refused_total'),
      gateSeconds: histogram('intergreen_ingress_gate_seconds'),
      held: gauge('intergreen_ingress_held'),
      missing: counter('intergreen_ingress_missing_total'),
    },
    ledger: {
      appends: counter('intergreen_ledger_appends_total'),
      fsyncSeconds: histogram('intergreen_ledger_fsync_seconds'),
      bytes: gauge('intergreen_ledger_bytes'),
      bytesFree: gauge('intergreen_ledger_bytes_free'),
    },
    pump: {
      lagRecords: gauge('intergreen_dispatch_lag_records'),
      lagSeconds: gauge('intergreen_dispatch_lag_seconds'),
      retries: counter('intergreen_dispatch_retries_total'),
    },
    control: {
      decisions: counter('intergreen_control_decisions_total'),
      decideSeconds: histogram('intergreen_control_decide_seconds'),
      guardRefused: counter('intergreen_control_guard_refused_total'),
      junctions: gauge('intergreen_control_junctions'),
      steps: counter('intergreen_control_steps_total'),
      requests: counter('intergreen_control_requests_total'),
    },
    commands: {
      transitions: counter('intergreen_commands_total'),
      pending: gauge('intergreen_commands_pending'),
      appliedSeconds: histogram('intergreen_commands_applied_seconds'),
      staleResults: counter('intergreen_commands_stale_results_total'),
      deliveryTimeouts: counter('intergreen_commands_delivery_timeouts_total'),
      durableSeconds: histogram('intergreen_commands_durable_seconds'),
    },
  }
}
