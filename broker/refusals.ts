/**
 * What is refused and why: each counted always, each code logged at most once a minute with how many there were.
 */
import { type CodedError, isCodedError } from '../schemas/coded-error.ts'
import { faultOf } from './aedes-internals.ts'
import type { Connection } from './connection.ts'
import { ClientSilent, ProtocolRefused, SubscriberTooSlow } from './errors.ts'
import type { BrokerLog, BrokerMetrics } from './metrics.ts'

export interface Refusals {
  /** CONNECT, PUBLISH or SUBSCRIBE was refused; the connection may live on. */
  refused(connection: Connection, error: CodedError): void
  handshakeFailed(code: string, reason: string, address: string): void
  /** Closes the connection for a reason of ours. */
  end(connection: Connection, error: CodedError): void
  /** The connection ended with an error. */
  ended(connection: Connection, error: Error): void
}

const logEveryMs = 60_000

export function createRefusals(log: BrokerLog, metrics: BrokerMetrics): Refusals {
  const quiet = new Map<string, { untilMs: number; count: number }>()

  function say(code: string, fields: Record<string, unknown>, msg: string): void {
    const nowMs = performance.now()
    const known = quiet.get(code)
    if (known !== undefined && nowMs < known.untilMs) {
      known.count += 1
      return
    }
    quiet.set(code, { untilMs: nowMs + logEveryMs, count: 0 })
    log.warn({ code, ...fields, unsaidSinceLast: known?.count ?? 0 }, msg)
  }

  function count(connection: Connection, error: CodedError): void {
    if (connection.closedFor !== undefined) return
    connection.closedFor = error.code
    metrics.connectionsClosed.add(1, { code: error.code })
    say(error.code, factsOf(connection, error), 'a connection was closed')
  }

  return {
    refused(connection, error) {
      metrics.authRefused.add(1, { code: error.code })
      say(error.code, factsOf(connection, error), 'a client was refused')
    },
    handshakeFailed(code, reason, address) {
      metrics.handshakesFailed.add(1, { code })
      say(code, { reason, address }, 'a handshake failed')
    },
    end(connection, error) {
      count(connection, error)
      connection.destroy(error)
    },
    ended(connection, error) {
      const coded = codedOf(connection, error)
      if (coded !== undefined) count(connection, coded)
      else log.debug({ node: connection.clientId, reason: error.message }, 'a connection failed')
    },
  }
}

function factsOf(connection: Connection, error: CodedError): Record<string, unknown> {
  const { role, name } = connection.identity
  return { node: connection.clientId || name, role, reason: error.message }
}

function codedOf(connection: Connection, error: Error): CodedError | undefined {
  if (isCodedError(error)) return error
  const { waitingBytes, clientId } = connection
  switch (faultOf(error)) {
    case 'slow':
      return SubscriberTooSlow(clientId, waitingBytes, connection.writableHighWaterMark)
    case 'silent':
      return ClientSilent(clientId, error.message)
    case 'version':
      return ProtocolRefused('this version of MQTT')
    default:
      return undefined
  }
}
