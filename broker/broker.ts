/**
 * The door of the house: MQTT 3.1.1 over mutual TLS, Aedes inside, nothing of traffic.
 *
 *   TLS ▶ identity ▶ CONNECT ▶ rights ▶ gate ▶ PUBACK ▶ subscribers          deliver ▶ the one device ▶ its PUBACK
 *
 * - `createBroker` allocates; `start` reads the certificates and listens; `stop` ends all connections in order.
 * - A message is acknowledged when the gate says so and not before.
 * - Aedes is known to this folder only.
 * - It may be one of several that serve one port: connections are then handed to it, and what concerns the others (client
 *   ids, readers) is asked and told through the options.
 */
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import type { TLSSocket } from 'node:tls'
import { Aedes } from 'aedes'
import { type CodedError, isCodedError } from '../schemas/coded-error.ts'
import { endSilent, forgetConnect, slimParser, takeKeepAlive } from './aedes-internals.ts'
import { createAedesOptions } from './aedes-options.ts'
import { createAuthentication } from './authentication.ts'
import { createCommandOutlet, isCommandTopic } from './command-outlet.ts'
import { Connection } from './connection.ts'
import { createCredentialKeeper } from './credential-keeper.ts'
import type { TlsFiles } from './credentials.ts'
import type { DoorStreamOptions } from './door-stream.ts'
import { ConnectionTakenOver } from './errors.ts'
import { createExpress } from './express-lane.ts'
import { type CertifiedIdentity, identityOf } from './identity.ts'
import { createKeepAlive } from './keep-alive.ts'
import { takeFrame } from './lanes.ts'
import { type BrokerLimits, withDefaults } from './limits.ts'
import type { BrokerLog, BrokerMetrics } from './metrics.ts'
import type {
  ClientRegistry,
  ConnectionObserver,
  DeliveryOutcome,
  Identity,
  PublishGate,
} from './ports.ts'
import { createPublishHook } from './publish-hook.ts'
import { createRefusals } from './refusals.ts'
import { createRouter } from './router.ts'
import { createSubscriptions } from './subscriptions.ts'
import { createTakeover } from './takeover.ts'
import { createTcpPort, type TcpPort } from './tcp-port.ts'
import { createTlsListener, type TlsListener } from './tls-listener.ts'

export interface BrokerOptions {
  readonly gate: PublishGate
  readonly observer: ConnectionObserver
  /** The gateway's time, by which commands expire. */
  readonly clock: { nowMs(): number }
  readonly log: BrokerLog
  readonly metrics: BrokerMetrics
  readonly tls: TlsFiles
  readonly host: string
  /** 0 takes any free port; `address()` tells which. `handed`: somebody else listens and calls `acceptSocket`. */
  readonly port: number | 'handed'
  readonly limits?: Partial<BrokerLimits>
  /** How often the certificate files are looked at. */
  readonly credentialsPollMs?: number
  /** Asked before CONNACK, where a client may be connected to another broker of the same port. */
  readonly registry?: ClientRegistry
  /** A filter of a center or operator found its first reader here, or lost its last. */
  readonly readersChanged?: (filter: string, isRead: boolean) => void
  /** A session begun at one broker is resumed at each that has the same secret. */
  readonly ticketSecret?: Buffer
}

export interface Broker {
  readonly name: string
  start(signal: AbortSignal): Promise<void>
  stop(deadlineMs: number): Promise<void>
  address(): { readonly host: string; readonly port: number }
  /** QoS 1, straight to the one device. Never queued. */
  deliver(node: string, topic: string, payload: Buffer, timeoutMs: number): Promise<DeliveryOutcome>
  /** Connected, and subscribed to its commands. */
  isReachable(node: string): boolean
  /** The gateway's own messages: no gate, no command topics. */
  publish(topic: string, payload: Buffer, options: { qos: 0 | 1; retain: boolean }): void
  /** MQTT over a stream whose owner is known already (WebSocket). */
  acceptStream(stream: Duplex, identity: Identity): void
  /** False when there is no such client. */
  disconnect(clientId: string): boolean
  /** Looks at the certificate files now. */
  reloadCredentials(): Promise<void>
}

/** What those ask of it who hand it connections. */
export interface SharedBroker extends Broker {
  /** A TCP connection that nothing has been read of yet. */
  acceptSocket(socket: Socket): void
  /** To subscribers here, commands too: a message that was judged, or sent to its device, elsewhere. */
  relay(topic: string, payload: Buffer, options: { qos: 0 | 1; retain: boolean }): void
  /** The gate was busy and is free again. */
  goOn(): void
}

const credentialsPollMsDefault = 2_000

export function createBroker(options: BrokerOptions): SharedBroker {
  const { log, metrics, observer, gate } = options
  const limits = withDefaults(options.limits)
  const refusals = createRefusals(log, metrics)
  /** From the end of the handshake. */
  const connections = new Set<Connection>()
  let online = 0
  let listener: TlsListener | undefined
  let port: TcpPort | undefined
  let isStopping = false

  const takeover = createTakeover(
    (older) => refusals.end(older, ConnectionTakenOver(older.clientId)),
    options.registry,
  )
  const credentials = createCredentialKeeper({
    files: options.tls,
    pollMs: options.credentialsPollMs ?? credentialsPollMsDefault,
    log,
    refusals,
    connections: () => takeover.all(),
  })
  const authentication = createAuthentication({
    takeover,
    refusals,
    isRevoked: credentials.isRevoked,
  })
  const aedes = new Aedes(
    createAedesOptions(limits, {
      ...authentication,
      authorizePublish: createPublishHook({
        gate,
        route: (packet) => router.forward(packet),
        refused: refusals.refused,
        isStopping: () => isStopping,
      }),
      authorizeSubscribe: (client, subscription, done) =>
        subscriptions.authorize(client, subscription, done),
      authorizeForward: (client, packet) => subscriptions.mayForward(client, packet),
    }),
  )
  const router = createRouter(aedes, {
    retainedMax: limits.retainedMax,
    readersChanged: options.readersChanged,
  })
  const outlet = createCommandOutlet({
    clock: options.clock,
    copy: (topic, payload) => router.send(topic, payload, { qos: 1, retain: false }),
  })
  const express = createExpress({ gate, isRead: (topic) => router.isRead(topic) })
  const subscriptions = createSubscriptions({ aedes, router, outlet, observer, refusals, limits })

  aedes.on('clientReady', (client) => {
    const connection = client.conn as Connection
    if (connection.destroyed) return // Taken over while Aedes was still at its CONNECT.
    countOnline(connection, true)
    connection.silentMsMax = takeKeepAlive(client)
    forgetConnect(client)
    connection.open()
  })
  for (const event of ['clientError', 'connectionError'] as const)
    aedes.on(event, (client, error) => refusals.ended(client.conn as Connection, error))
  // Aedes reports what is nobody's connection's fault here; without a listener it would end the process.
  aedes.on(
    'error' as 'closed',
    ((error: Error) => log.error({ err: error }, 'the MQTT broker reported a fault')) as () => void,
  )

  const expressEvents = {
    acknowledge: express.acknowledge,
    flush: express.flush,
    refused(connection: Connection, error: CodedError) {
      refusals.refused(connection, error)
      connection.destroy(error)
    },
  }

  const streamOptions: DoorStreamOptions = {
    packetBytesMax: limits.packetBytesMax,
    connectBytesMax: limits.connectBytesMax,
    inFlightMax: limits.inFlightMax,
    isBusy: gate.isBusy?.bind(gate),
    lane: (frame, type, headerBytes, stream) =>
      takeFrame(stream as Connection, outlet, frame, type, headerBytes),
    express: {
      take: (bytes, at, headerBytes, end, stream) =>
        express.take(stream as Connection, bytes, at, headerBytes, end),
    },
  }

  const keepAlive = createKeepAlive(connections, ({ client }) => client && endSilent(client))

  function countOnline(connection: Connection, isOnline: boolean): void {
    if (connection.isOnline === isOnline) return
    connection.isOnline = isOnline
    online += isOnline ? 1 : -1
    metrics.connections.set(online)
  }

  function admit(stream: Duplex, identity: CertifiedIdentity): void {
    if (isStopping) {
      stream.destroy()
      return
    }
    const connection = new Connection(stream, identity, streamOptions, expressEvents)
    connections.add(connection)
    connection.on('close', ended)
    slimParser(aedes.handle(connection))
  }

  /** One function for all connections, and the only one of ours that waits for their end: an idle one costs no closure. */
  function ended(this: Connection): void {
    connections.delete(this)
    countOnline(this, false)
    outlet.abandon(this)
    subscriptions.forget(this)
    takeover.release(this)
  }

  function connected(socket: TLSSocket): void {
    const identity = identityOf(socket.getPeerX509Certificate())
    if (isCodedError(identity)) {
      refusals.handshakeFailed(identity.code, identity.message, socket.remoteAddress ?? '')
      socket.destroy()
    } else admit(socket, identity)
  }

  return {
    name: 'broker',
    async start() {
      const first = await credentials.load()
      await aedes.listen()
      const opened = createTlsListener({
        limits,
        minVersion: options.tls.minVersion,
        credentials: first,
        ticketSecret: options.ticketSecret,
        connected,
        failed: refusals.handshakeFailed,
      })
      listener = opened
      if (options.port !== 'handed') {
        port = createTcpPort({
          host: options.host,
          port: options.port,
          backlog: limits.handshakesWaitingMax,
          accepted: opened.accept,
          failed: refusals.handshakeFailed,
        })
        await port.listen()
      }
      keepAlive.start()
      credentials.watch((fresh) => opened.useCredentials(fresh))
    },
    async stop(deadlineMs) {
      isStopping = true
      credentials.stop()
      keepAlive.stop()
      port?.close()
      const closed = listener?.close()
      // What is at the gate is still answered: who is not acknowledged sends again.
      for (const connection of connections) connection.halt()
      const idle = [...connections].map((connection) => connection.idle())
      await withinMs(deadlineMs / 2, Promise.all(idle))
      await new Promise((resolve) => setImmediate(resolve)) // PUBACKs leave with the next turn.
      for (const connection of connections) connection.destroy()
      await withinMs(deadlineMs / 4, new Promise<void>((resolve) => aedes.close(resolve)))
      await withinMs(deadlineMs / 4, closed ?? Promise.resolve())
      listener?.destroyAll()
    },
    address() {
      const { host } = options
      return port?.address() ?? { host, port: options.port === 'handed' ? 0 : options.port }
    },
    async deliver(node, topic, payload, timeoutMs) {
      const outcome = await outlet.deliver(subscriptions.ready(node), topic, payload, timeoutMs)
      metrics.deliveries.add(1, { outcome })
      return outcome
    },
    isReachable: (node) => subscriptions.ready(node) !== undefined,
    publish(topic, payload, { qos, retain }) {
      if (isCommandTopic(topic)) throw new Error(`${topic}: commands go through deliver`)
      router.send(topic, payload, { qos, retain })
    },
    acceptStream: (stream, identity) =>
      admit(stream, { ...identity, notAfterMs: Number.POSITIVE_INFINITY }),
    disconnect(clientId) {
      const connection = takeover.current(clientId)
      if (connection === undefined) return false
      connection.destroy()
      return true
    },
    reloadCredentials: credentials.reload,
    acceptSocket(socket) {
      if (listener === undefined || isStopping) socket.destroy()
      else listener.accept(socket)
    },
    relay: (topic, payload, { qos, retain }) => router.send(topic, payload, { qos, retain }),
    goOn() {
      for (const connection of connections) connection.goOn()
    },
  }
}

async function withinMs(deadlineMs: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, deadlineMs)
  })
  await Promise.race([work, late])
  clearTimeout(timer)
}
