/** Doors as the gateway makes them: real processes, TLS and brokers, and a gate in this process that the test leads. */
import type { IClientOptions, MqttClient } from 'mqtt'
import { onTestFinished } from 'vitest'
import { createBroker } from '../../../broker/broker.ts'
import { initAuthority, type PkiAuthority } from '../../../broker/pki/authority.ts'
import { createTcpPort } from '../../../broker/tcp-port.ts'
import { matchesFilter } from '../../../broker/topic-filter.ts'
import {
  createDoorFleet,
  type DoorFleet,
  type DoorFleetOptions,
} from '../../../gateway/doors/door-fleet.ts'
import type { Arrival, Gate, GateAnswer } from '../../../gateway/doors/ports.ts'
import type { Log } from '../../../gateway/kit/log.ts'
import { type Clients, createClients } from '../../broker/clients.ts'
import { makeDir } from '../../broker/house.ts'

export interface DoorsHouse extends Clients {
  readonly fleet: DoorFleet
  readonly authority: PkiAuthority
  readonly port: number
  readonly arrivals: Arrival[]
  readonly ready: string[]
  readonly gone: string[]
  readonly counts: Map<string, number>
  readonly logged: { fields: Record<string, unknown>; msg: string }[]
  /** What the gate does with a message; accepts all at first. */
  judge: (arrival: Arrival, answer: (answer: GateAnswer) => void) => void
  express: Gate['express']
  /** The same, at this door: others come in and leave until it is its turn. */
  connectedAt(door: number, name: string, options?: IClientOptions): Promise<MqttClient>
}

export const accepted: GateAnswer = { kind: 'acknowledge', forward: true }

export async function openDoors(overrides: Partial<DoorFleetOptions> = {}): Promise<DoorsHouse> {
  const authority = await initAuthority(makeDir('doors-'), { name: 'Test authority' })
  const { paths } = authority
  const tls = {
    keyFile: paths.serverKey,
    certFile: paths.serverCert,
    caFile: paths.caCert,
    crlFile: paths.crl,
  }
  const logged: DoorsHouse['logged'] = []
  const counts = new Map<string, number>()
  const arrivals: Arrival[] = []
  const ready: string[] = []
  const gone: string[] = []
  const say = (fields: object, msg: string) => void logged.push({ fields: { ...fields }, msg })
  const log: Log = { debug: say, info: say, warn: say, error: say, child: () => log }
  const counter = (name: string) => ({
    add(amount = 1, labels: Record<string, string> = {}) {
      const key = [name, ...Object.values(labels)].join(' ')
      counts.set(key, (counts.get(key) ?? 0) + amount)
    },
  })
  const gauge = (name: string) => ({ set: (value: number) => void counts.set(name, value) })
  const metrics = {
    connections: gauge('connections'),
    handshakesFailed: counter('handshakesFailed'),
    authRefused: counter('authRefused'),
    connectionsClosed: counter('connectionsClosed'),
    deliveries: counter('deliveries'),
    doorsOpen: gauge('doorsOpen'),
    doorRestarts: counter('doorRestarts'),
  }
  const limits = { connectionsMax: 1_000 }
  const clock = { nowMs: () => Date.now() }
  const fleet = createDoorFleet({
    processes: 2,
    gate: {
      admit(arrival, answer) {
        arrivals.push({ ...arrival, payload: Buffer.from(arrival.payload) })
        house.judge(arrival, answer)
      },
      express: (identity, topic) => house.express(identity, topic),
    },
    observer: {
      clientReady: (clientId) => void ready.push(clientId),
      clientGone: (clientId) => void gone.push(clientId),
    },
    clock,
    isTimeTold: false,
    log,
    metrics,
    broker: { tls, limits, host: '127.0.0.1' },
    connectionsMax: 1_000,
    retainedMax: 1_000,
    openPort: (handed) =>
      createTcpPort({
        host: '127.0.0.1',
        port: 0,
        backlog: 100,
        accepted: handed,
        failed: (code) => say({ code }, 'a connection was not accepted'),
      }),
    createInner: ({ gate, connections, readersChanged }) =>
      createBroker({
        gate,
        observer: { clientReady() {}, clientGone() {} },
        readersChanged,
        clock,
        log,
        metrics: { ...metrics, connections },
        tls,
        host: '127.0.0.1',
        port: 'handed',
        limits,
      }),
    matches: matchesFilter,
    full: (address) => say({ address }, 'full'),
    ...overrides,
  })
  await fleet.start(new AbortController().signal)
  onTestFinished(() => fleet.stop(5_000))
  const { port } = fleet.address()

  const house: DoorsHouse = {
    fleet,
    authority,
    port,
    arrivals,
    ready,
    gone,
    counts,
    logged,
    judge: (_arrival, answer) => answer(accepted),
    express: () => undefined,
    ...createClients(authority, `mqtts://localhost:${port}`),
    async connectedAt(door, name, options) {
      const sockets = () => fleet.doors().map((each) => each.sockets)
      const fillers: MqttClient[] = []
      // The next connection goes where there are fewest, and to the first of equals.
      while (sockets().indexOf(Math.min(...sockets())) !== door) {
        const filler = `filler/f-${fillers.length}-${fillerIds++}`
        await house.issue('device', filler)
        fillers.push(await house.connected(filler))
      }
      const client = await house.connected(name, options)
      for (const filler of fillers) await filler.endAsync(true)
      return client
    },
  }
  return house
}

let fillerIds = 0
