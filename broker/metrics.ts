/** What the broker counts, and what it says: the slices of metrics and log it needs of the house. */

interface Counter<L extends string = never> {
  add(amount?: number, labels?: Record<L, string>): void
}
interface Gauge {
  set(value: number): void
}

export interface BrokerMetrics {
  /** intergreen_broker_connections: clients that are connected (CONNACK 0 sent). */
  readonly connections: Gauge
  /** intergreen_broker_handshakes_failed_total{code} */
  readonly handshakesFailed: Counter<'code'>
  /** intergreen_broker_auth_refused_total{code}: CONNECT, PUBLISH or SUBSCRIBE refused. */
  readonly authRefused: Counter<'code'>
  /** intergreen_broker_connections_closed_total{code}: closed by us; code is IG_ERR_… */
  readonly connectionsClosed: Counter<'code'>
  /** intergreen_broker_deliveries_total{outcome} */
  readonly deliveries: Counter<'outcome'>
}

export interface BrokerLog {
  debug(fields: Record<string, unknown>, msg: string): void
  info(fields: Record<string, unknown>, msg: string): void
  warn(fields: Record<string, unknown>, msg: string): void
  error(fields: Record<string, unknown>, msg: string): void
}
