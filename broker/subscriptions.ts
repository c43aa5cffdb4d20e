/**
 * Who subscribed to what: rights at SUBSCRIBE, who can be commanded, and what may be sent on to whom.
 *
 * - A device is ready when its own `command/#` is granted; the observer is told, and told when it is gone.
 * - A subscriber that does not read is dropped when too much waits for it; others do not notice.
 */
import type { Aedes, AedesOptions, AedesPublishPacket, Client, Subscription } from 'aedes'
import { filters } from '../schemas/topics.ts'
import { nodeOf, refuseSubscribe } from './acl.ts'
import type { CommandOutlet } from './command-outlet.ts'
import { type Connection, connectionOf } from './connection.ts'
import { BrokerFull, SubscriberTooSlow } from './errors.ts'
import type { BrokerLimits } from './limits.ts'
import type { ConnectionObserver } from './ports.ts'
import type { Refusals } from './refusals.ts'
import type { Router } from './router.ts'

export interface Subscriptions {
  readonly authorize: NonNullable<AedesOptions['authorizeSubscribe']>
  mayForward(client: Client, packet: AedesPublishPacket): AedesPublishPacket | null
  /** The connection of a node that can be commanded. */
  ready(node: string): Connection | undefined
  forget(connection: Connection): void
}

export interface SubscriptionsOptions {
  readonly aedes: Aedes
  readonly router: Router
  readonly outlet: CommandOutlet
  readonly observer: ConnectionObserver
  readonly refusals: Refusals
  readonly limits: BrokerLimits
}

/** SUBACK's failure, per filter [MQTT-3.9.3]. */
const failure = 128

export function createSubscriptions(options: SubscriptionsOptions): Subscriptions {
  const { aedes, router, outlet, observer, refusals, limits } = options
  const readyNodes = new Map<string, Connection>()

  function add(connection: Connection, filter: string): void {
    if (connection.filters?.has(filter)) return
    connection.filters ??= new Set()
    connection.filters.add(filter)
    if (isReader(connection)) router.countReader(filter, 1)
    else if (filter === commandsOf(connection)) {
      readyNodes.set(connection.clientId, connection)
      observer.clientReady(connection.clientId, connection.identity)
    }
  }

  function remove(connection: Connection, filter: string): void {
    connection.granted?.delete(filter)
    if (!connection.filters?.delete(filter)) return
    if (isReader(connection)) router.countReader(filter, -1)
    else if (filter === commandsOf(connection)) {
      if (readyNodes.get(connection.clientId) === connection) readyNodes.delete(connection.clientId)
      observer.clientGone(connection.clientId, connection.identity)
    }
  }

  aedes.on('subscribe', (subscriptions, client) => {
    const connection = connectionOf(client)
    if (connection.destroyed) return
    for (const { topic, qos } of subscriptions)
      if ((qos as number) !== failure) add(connection, topic)
  })
  aedes.on('unsubscribe', (topics, client) => {
    for (const topic of topics) remove(connectionOf(client), topic)
  })

  return {
    authorize(client, subscription: Subscription, done) {
      const connection = connectionOf(client)
      const { topic, qos } = subscription
      connection.granted ??= new Set()
      const { granted } = connection
      const error =
        refuseSubscribe(connection.identity, connection.clientId, topic, qos) ??
        (granted.size >= limits.subscriptionsMax && !granted.has(topic)
          ? BrokerFull('too many subscriptions of one client', limits.subscriptionsMax)
          : undefined)
      if (error === undefined) {
        granted.add(topic)
        return done(null, subscription)
      }
      refusals.refused(connection, error)
      done(null, null)
    },
    mayForward(client, packet) {
      const connection = connectionOf(client)
      if (connection.destroyed) return null
      const { waitingBytes, clientId } = connection
      if (waitingBytes > limits.subscriberBytesMax) {
        refusals.end(
          connection,
          SubscriberTooSlow(clientId, waitingBytes, limits.subscriberBytesMax),
        )
        return null
      }
      return outlet.mayForward(connection, packet.topic, packet.payload as Buffer) ? packet : null
    },
    ready: (node) => readyNodes.get(node),
    forget(connection) {
      for (const filter of [...(connection.filters ?? [])]) remove(connection, filter)
    },
  }
}

/** Whose filters decide whether telemetry is routed. The filters of devices match what the gateway sends only. */
const isReader = ({ identity }: Connection) =>
  identity.role === 'center' || identity.role === 'operator'

const commandsOf = ({ identity, clientId }: Connection) =>
  filters.commandsFor(nodeOf(identity, clientId))
