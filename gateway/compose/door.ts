/** The way in: broker and gate, with the ledger behind them; the broker in this process, or in several behind one port. */
import { type Broker, createBroker } from '../../broker/broker.ts'
import { BrokerFull } from '../../broker/errors.ts'
import { defaultLimits } from '../../broker/limits.ts'
import { createTcpPort } from '../../broker/tcp-port.ts'
import { matchesFilter } from '../../broker/topic-filter.ts'
import type { NodeId } from '../../schemas/ids.ts'
import { topics } from '../../schemas/topics.ts'
import { createChannels } from '../channels/channels.ts'
import { createDoorFleet } from '../doors/door-fleet.ts'
import { createIngress, type Ingress } from '../ingress/ingress.ts'
import type { Plausibility } from '../ingress/plausibility.ts'
import type { Foundation } from './foundation.ts'
import type { OwnNode } from './own-node.ts'
import { quietTopics } from './quiet-topics.ts'

export interface Door {
  readonly broker: Broker
  readonly ingress: Ingress
  /** Client ids of the devices that can be commanded now. */
  readonly online: ReadonlySet<string>
}

/** In simulated time the simulator says what time it is, so no message can be too early or too late. */
const simulatedTimeLimits = {
  lateMs: Number.POSITIVE_INFINITY,
  futureMs: Number.POSITIVE_INFINITY,
  pastMsMax: Number.POSITIVE_INFINITY,
  replayPastMsMax: Number.POSITIVE_INFINITY,
  futureMsMax: Number.POSITIVE_INFINITY,
}

export function createDoor(foundation: Foundation, own: OwnNode, plausibility: Plausibility): Door {
  const { config, log, instruments, junctions, tls, ledger, clock, eventClock } = foundation
  const online = new Set<string>()
  const ingress = createIngress({
    ledger,
    clock,
    log: log.child({ room: 'ingress' }),
    metrics: instruments.ingress,
    plausibility,
    isQuiet: quietTopics(junctions),
    notify: (node, payload) =>
      broker.publish(topics.reject(node), payload, { qos: 0, retain: false }),
    ...(eventClock ? { limits: simulatedTimeLimits } : {}),
  })
  const channels = createChannels(config.channels, {
    send: (topic, message) => own.tell(topic, message, 1),
    sent: instruments.metrics.counter('intergreen_channel_orders_total'),
    nowMs: own.nowMs,
  })
  const observer = {
    clientReady(clientId: string) {
      online.add(clientId)
      channels.tell(clientId as NodeId)
    },
    clientGone: (clientId: string) => void online.delete(clientId),
  }
  const broker =
    config.mqtt.processes > 1
      ? createDoors(foundation, { ingress, observer })
      : createBroker({
          gate: ingress,
          observer,
          clock,
          log: log.child({ room: 'broker' }),
          metrics: instruments.broker,
          tls,
          host: config.mqtt.host,
          port: config.mqtt.port,
          limits: { connectionsMax: config.mqtt.connectionsMax },
        })
  return { broker, ingress, online }
}

interface Behind {
  readonly ingress: Ingress
  readonly observer: Parameters<typeof createBroker>[0]['observer']
}

/** Processes of their own for TLS and MQTT (decisions/0030); the page's streams stay in this one. */
function createDoors(foundation: Foundation, { ingress, observer }: Behind): Broker {
  const { config, instruments, tls, clock, eventClock } = foundation
  const log = foundation.log.child({ room: 'broker' })
  const { host, port, connectionsMax } = config.mqtt
  const limits = { connectionsMax }
  const full = (address: string) => {
    const { code, message } = BrokerFull('too many connections', connectionsMax)
    instruments.broker.handshakesFailed.add(1, { code })
    log.warn({ code, address, reason: message }, 'a handshake failed')
  }
  return createDoorFleet({
    processes: config.mqtt.processes,
    gate: ingress,
    observer,
    clock,
    isTimeTold: eventClock !== undefined,
    log,
    metrics: { ...instruments.broker, ...instruments.doors },
    broker: { tls, limits, host },
    connectionsMax,
    retainedMax: defaultLimits.retainedMax,
    openPort: (accepted) =>
      createTcpPort({
        host,
        port,
        backlog: defaultLimits.handshakesWaitingMax,
        accepted,
        failed: (code, reason) => log.error({ code, reason }, 'a connection was not accepted'),
      }),
    createInner: ({ gate, connections, readersChanged }) =>
      createBroker({
        gate,
        // Who comes in here gives no commands to execute: pages only.
        observer: { clientReady() {}, clientGone() {} },
        readersChanged,
        clock,
        log,
        metrics: { ...instruments.broker, connections },
        tls,
        host,
        port: 'handed',
        limits,
      }),
    matches: matchesFilter,
    full,
  })
}
