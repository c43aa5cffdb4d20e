/**
 * Several door processes behind one port, to the house the same as one broker in its own process.
 *
 *   port ─ accept ─▶ the door with the fewest connections: TLS, identity, rights, MQTT
 *                          │ publishes, as they are                      ▲ answers, commands, messages for subscribers
 *                          ▼                                             │
 *                    the one gate ▶ the one ledger ────── durable ───────┘
 *
 * - The gateway accepts and hands the sockets over, so that the port is owned once and stays when a door dies.
 * - A client id has one connection over all doors; a message reaches subscribers at every door; a presence is retained at all.
 * - A door that dies takes its connections with it and nothing that was acknowledged; it is started again, and its devices
 *   come back through the others meanwhile. One that says nothing for ten seconds is ended.
 */
import { randomBytes } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { isTopic, parseTopic } from '../../schemas/topics.ts'
import { type Cancel, createSystemClock } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'
import type { Counter, Gauge } from '../kit/metrics.ts'
import { createAudience, type Place } from './audience.ts'
import { createClientIds } from './client-ids.ts'
import { DoorLink } from './door-link.ts'
import type {
  ConnectionObserver,
  DeliveryOutcome,
  Gate,
  Identity,
  InnerBroker,
  Port,
  Sending,
} from './ports.ts'
import type { RemoteConnection } from './remote-connection.ts'

export interface DoorFleetMetrics {
  readonly connections: Gauge
  readonly handshakesFailed: Counter<'code'>
  readonly authRefused: Counter<'code'>
  readonly connectionsClosed: Counter<'code'>
  readonly deliveries: Counter<'outcome'>
  /** intergreen_doors_open */
  readonly doorsOpen: Gauge
  /** intergreen_doors_restarts_total */
  readonly doorRestarts: Counter
}

/** What the broker in this process gets of the fleet. */
export interface InnerParts {
  readonly gate: Pick<Gate, 'admit'>
  readonly connections: Gauge
  readonly readersChanged: (filter: string, isRead: boolean) => void
}

export interface DoorFleetOptions {
  readonly processes: number
  readonly gate: Gate
  readonly observer: ConnectionObserver
  /** The gateway's time, by which commands expire. */
  readonly clock: { nowMs(): number }
  /** Doors cannot read that time from the machine. */
  readonly isTimeTold: boolean
  readonly log: Log
  readonly metrics: DoorFleetMetrics
  /** For the brokers in the doors. */
  readonly broker: { readonly tls: object; readonly limits: object; readonly host: string }
  readonly connectionsMax: number
  readonly retainedMax: number
  openPort(accepted: (socket: Socket) => void): Port
  createInner(parts: InnerParts): InnerBroker
  matches(filter: string, topic: string): boolean
  /** A connection there is no room for. */
  full(address: string): void
}

export interface DoorFleet {
  readonly name: string
  start(signal: AbortSignal): Promise<void>
  stop(deadlineMs: number): Promise<void>
  address(): { readonly host: string; readonly port: number }
  deliver(node: string, topic: string, payload: Buffer, timeoutMs: number): Promise<DeliveryOutcome>
  isReachable(node: string): boolean
  publish(topic: string, payload: Buffer, sending: Sending): void
  acceptStream(stream: Duplex, identity: Identity): void
  disconnect(clientId: string): boolean
  reloadCredentials(): Promise<void>
  /** Process ids of the doors that are open, and how many connections each has. */
  doors(): readonly { readonly pid: number | undefined; readonly sockets: number }[]
}

const restartMsFirst = 200
const restartMsMost = 10_000
const provenMs = 60_000 // A door that lived this long is started again at once.
const lookEveryMs = 1_000
/** Doors report once a second. So many looks, not so much time: a machine that slept is not taken for doors that hang. */
const silentLooksMax = 10
const ticketSecretBytes = 32

export function createDoorFleet(options: DoorFleetOptions): DoorFleet {
  const { processes, gate, observer, log, metrics } = options
  const clock = createSystemClock()
  const audience = createAudience<Place>(options)
  const clientIds = createClientIds<RemoteConnection<DoorLink>>()
  const ready = new Map<string, RemoteConnection<DoorLink>>()
  const links: (DoorLink | undefined)[] = Array.from({ length: processes })
  const ticketSecret = randomBytes(ticketSecretBytes).toString('base64')
  /** Clients of each door, and of the broker in this process at the end. */
  const clients: number[] = Array.from({ length: processes + 1 }, () => 0)
  let isStopping = false
  let stopLooking: Cancel = () => {}

  const clientsOf = (at: number): Gauge => ({
    set(count) {
      clients[at] = count
      metrics.connections.set(clients.reduce((sum, each) => sum + each, 0))
    },
  })
  const innerPlace: Place = {
    relay: (topic, payload, sending) => inner.relay(topic, payload, sending),
  }
  const inner = options.createInner({
    gate: {
      admit(arrival, answer) {
        gate.admit(arrival, (given) => {
          if (given.kind === 'acknowledge' && given.forward) {
            const { topic, payload, qos, retain } = arrival
            audience.relay(topic, payload, { qos: qos === 0 ? 0 : 1, retain }, innerPlace)
          }
          answer(given)
        })
      },
    },
    connections: clientsOf(processes),
    readersChanged: (filter, isRead) => audience.readerChanged(innerPlace, filter, isRead),
  })
  const port = options.openPort(accept)

  const open = () => links.filter((link) => link?.isOpen) as DoorLink[]

  function accept(socket: Socket): void {
    const doors = open()
    const taken = doors.reduce((sum, door) => sum + door.sockets, 0)
    if (taken >= options.connectionsMax || doors.length === 0 || isStopping) {
      if (taken >= options.connectionsMax) options.full(socket.remoteAddress ?? '')
      socket.destroy()
      return
    }
    doors.reduce((least, door) => (door.sockets < least.sockets ? door : least)).hand(socket)
  }

  function begin(at: number): DoorLink {
    const { tls, limits, host } = options.broker
    const link: DoorLink = new DoorLink({
      start: { at, tls, limits, host, ticketSecret, isTimeTold: options.isTimeTold },
      gate,
      audience,
      clientIds,
      log,
      instruments: { ...metrics, connections: clientsOf(at) },
      ready(connection) {
        ready.set(connection.clientId, connection)
        observer.clientReady(connection.clientId, connection.identity)
      },
      unready(connection) {
        if (ready.get(connection.clientId) === connection) ready.delete(connection.clientId)
        observer.clientGone(connection.clientId, connection.identity)
      },
      nowMs: () => options.clock.nowMs(),
      ended() {
        if (links[at] === link) links[at] = undefined
        clientsOf(at).set(0)
        metrics.doorsOpen.set(open().length)
      },
    })
    links[at] = link
    return link
  }

  /** Resolves when it is open for the first time; from then on it is started again for ever. */
  async function keep(at: number): Promise<void> {
    let restartMs = restartMsFirst
    const first = begin(at)
    await first.opened
    const again = (link: DoorLink, bornAtMs: number) => {
      metrics.doorsOpen.set(open().length)
      void link.gone.then(() => {
        if (isStopping) return
        if (clock.nowMs() - bornAtMs > provenMs) restartMs = restartMsFirst
        log.error({ door: at, restartMs }, 'a door process ended and is started again')
        metrics.doorRestarts.add(1)
        clock.after(restartMs, () => {
          if (isStopping) return
          const next = begin(at)
          next.opened.then(
            () => metrics.doorsOpen.set(open().length),
            (err) => log.error({ err, door: at }, 'a door process could not be started again'),
          )
          again(next, clock.nowMs())
        })
        restartMs = Math.min(restartMs * 2, restartMsMost)
      })
    }
    again(first, clock.nowMs())
  }

  function look(silent: Map<DoorLink, number>): void {
    for (const link of open()) {
      const looks = link.hasReported ? 0 : (silent.get(link) ?? 0) + 1
      silent.set(link, looks)
      link.hasReported = false
      if (looks >= silentLooksMax) link.kill('it says nothing')
    }
  }

  return {
    name: 'broker',
    async start(signal) {
      await inner.start(signal) // It reads the certificates too: what is wrong with them is said once, not by each door.
      audience.join(innerPlace)
      await Promise.all(links.map((_, at) => keep(at)))
      await port.listen()
      const silent = new Map<DoorLink, number>()
      stopLooking = clock.every(lookEveryMs, () => look(silent))
      log.info({ doors: processes }, 'the doors are open')
    },
    async stop(deadlineMs) {
      isStopping = true
      stopLooking()
      port.close()
      await Promise.all(links.map((link) => link?.stop(deadlineMs * 0.8)))
      await inner.stop(deadlineMs * 0.2)
    },
    address: () => port.address(),
    async deliver(node, topic, payload, timeoutMs) {
      const connection = ready.get(node)
      if (connection === undefined) {
        metrics.deliveries.add(1, { outcome: 'offline' })
        return 'offline'
      }
      const { door } = connection
      const outcome = door.deliver(node, topic, payload, timeoutMs)
      audience.relay(topic, payload, { qos: 1, retain: false }, door)
      return (await outcome) ?? lost()
    },
    isReachable: (node) => ready.has(node),
    publish(topic, payload, sending) {
      const parsed = parseTopic(topic)
      if (isTopic(parsed) && parsed.type === 'command')
        throw new Error(`${topic}: commands go through deliver`)
      audience.broadcast(topic, payload, sending)
    },
    acceptStream: (stream, identity) => inner.acceptStream(stream, identity),
    disconnect(clientId) {
      const connection = clientIds.holder(clientId)
      if (connection === undefined) return inner.disconnect(clientId)
      connection.door.disconnect(clientId)
      return true
    },
    async reloadCredentials() {
      await Promise.all([inner.reloadCredentials(), ...open().map((door) => door.reload())])
    },
    doors: () => open().map(({ pid, sockets }) => ({ pid, sockets })),
  }

  /** Its door ended: whether the device has it nobody knows. */
  function lost(): DeliveryOutcome {
    metrics.deliveries.add(1, { outcome: 'timeout' })
    return 'timeout'
  }
}
