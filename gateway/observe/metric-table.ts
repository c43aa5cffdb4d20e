/** Every metric of the gateway by name: kind, labels, meaning. The only place that spells a metric's name. */
import { type MetricDefinition, seconds } from './metrics.ts'

const counter = (help: string, ...labels: readonly string[]): MetricDefinition => ({
  kind: 'counter',
  help,
  labels,
})
const gauge = (help: string, ...labels: readonly string[]): MetricDefinition => ({
  kind: 'gauge',
  help,
  labels,
})

export const metricTable = {
  intergreen_broker_connections: gauge('MQTT connections now'),
  intergreen_broker_handshakes_failed_total: counter('TLS handshakes that failed', 'code'),
  intergreen_broker_auth_refused_total: counter(
    'Connections, publishes and subscriptions that identity or ACL refused',
    'code',
  ),
  intergreen_broker_connections_closed_total: counter('Connections the broker ended', 'code'),
  intergreen_broker_deliveries_total: counter('Commands sent to a device', 'outcome'),
  intergreen_doors_open: gauge(
    'Door processes that take connections; 0 where the door is no process',
  ),
  intergreen_doors_restarts_total: counter('Door processes that ended and were started again'),
  intergreen_ingress_messages_total: counter('Messages judged at the gate', 'kind', 'verdict'),
  intergreen_ingress_quarantined_total: counter('Messages put into quarantine', 'code'),
  intergreen_ingress_refused_total: counter('Messages refused at the gate', 'code'),
  intergreen_ingress_residual: gauge(
    'received − stored − duplicate − quarantined − refused; anything but 0 is an alarm',
  ),
  intergreen_ingress_gate_seconds: seconds('From arrival to verdict, fsync included'),
  intergreen_ingress_missing_total: counter(
    'Sequence numbers that were missing when a later one came; what is filled in afterwards is not taken off',
  ),
  intergreen_ingress_held: gauge('Senders held back because the ledger takes nothing'),
  intergreen_ingress_accounts: gauge('The books of the door since the ledger began', 'side'),
  intergreen_ledger_appends_total: counter('Records appended'),
  intergreen_ledger_fsync_seconds: seconds('One group commit, from handing over to durable'),
  intergreen_ledger_bytes: gauge('Bytes the ledger holds'),
  intergreen_ledger_bytes_free: gauge('Bytes the ledger may still take before it refuses'),
  intergreen_dispatch_lag_records: gauge('Records a reader has still to pass', 'consumer'),
  intergreen_dispatch_lag_seconds: gauge(
    'Age of the oldest record a reader has not passed',
    'consumer',
  ),
  intergreen_dispatch_retries_total: counter('Batches a reader had to try again', 'consumer'),
  intergreen_dispatch_records: gauge(
    'stored = written + rejected + skipped + pending, per reader',
    'consumer',
    'outcome',
  ),
  intergreen_dispatch_residual: gauge(
    'stored − written − rejected − skipped − pending, per reader; anything but 0 is an alarm',
    'consumer',
  ),
  intergreen_prediction_error_vehicles: gauge(
    'Mean absolute error of the forecast in vehicles per 5 min, by horizon',
    'model',
    'horizon',
  ),
  intergreen_prediction_champion: gauge(
    '1 for the model that forecasts the quantity for control',
    'quantity',
    'model',
  ),
  intergreen_prediction_pinball: gauge(
    'Pinball loss over the three quantiles, in the unit of the quantity, of the models that take part',
    'quantity',
    'model',
    'horizon',
  ),
  intergreen_prediction_coverage: gauge(
    'Share of values inside the 80 % interval, of the models that take part',
    'quantity',
    'model',
    'horizon',
  ),
  intergreen_prediction_batches: gauge(
    'Batches for the model thread, by what became of them',
    'outcome',
  ),
  intergreen_prediction_thread_restarts: gauge(
    'How often the model thread had to be started again',
  ),
  intergreen_prediction_detectors: gauge('Detectors the forecaster follows'),
  intergreen_prediction_detectors_forgotten_total: counter(
    'Detectors that had been silent for a day and were forgotten for others, where there was no room',
  ),
  intergreen_prediction_readings_left_out_total: counter(
    'Readings the forecaster did not take: `full` of a detector for which there is no room, `notNewer` than the last of its detector',
    'reason',
  ),
  intergreen_control_decisions_total: counter('Decisions', 'outcome'),
  intergreen_control_decide_seconds: seconds('View, strategy and guard of one junction'),
  intergreen_control_guard_refused_total: counter('Commands the guard refused', 'issuer'),
  intergreen_control_junctions: gauge('Junctions on each rung of the ladder', 'rung'),
  intergreen_control_steps_total: counter('Steps on the ladder', 'to', 'trigger'),
  intergreen_control_requests_total: counter(
    'Requests of operators and priority systems',
    'outcome',
  ),
  intergreen_commands_total: counter('Commands that reached a state', 'state'),
  intergreen_commands_pending: gauge('Commands under way'),
  intergreen_commands_applied_seconds: seconds('From issued to applied'),
  intergreen_commands_durable_seconds: seconds('From issued to on disk'),
  intergreen_commands_stale_results_total: counter(
    'Results for a command that is unknown, ended or not theirs',
  ),
  intergreen_commands_delivery_timeouts_total: counter('Commands without a PUBACK in time'),
  intergreen_sink_points_total: counter('Points, by what became of them', 'outcome'),
  intergreen_sink_write_seconds: seconds('One write to the database'),
  intergreen_channel_orders_total: counter(
    'Orders to devices to send a status, to hold it back or to pace it',
    'state',
  ),
  intergreen_web_refused_total: counter(
    'Connections and requests beyond what strangers get at the web port',
    'what',
  ),
  intergreen_event_loop_turns_total: counter('Turns of the main thread’s event loop'),
  intergreen_event_loop_delay_seconds: gauge(
    'Delay of the event loop in the last scrape interval',
    'quantile',
  ),
} as const
