/** The way in: broker and gate, with the ledger behind them. */
import { type Broker, createBroker } from '../../broker/broker.ts'
import type { NodeId } from '../../schemas/ids.ts'
import { topics } from '../../schemas/topics.ts'
import { createChannels } from '../channels/channels.ts'
import { createIngress, type Ingress } from '../ingress/ingress.ts'
import { createPlausibility } from '../ingress/plausibility.ts'
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

export function createDoor(foundation: Foundation, own: OwnNode): Door {
  const { config, log, instruments, junctions, tls, ledger, clock, eventClock } = foundation
  const online = new Set<string>()
  const ingress = createIngress({
    ledger,
    clock,
    log: log.child({ room: 'ingress' }),
    metrics: instruments.ingress,
    plausibility: createPlausibility({ onFault: (fault) => own.detectorFault(fault) }),
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
  const broker = createBroker({
    gate: ingress,
    observer: {
      clientReady(clientId) {
        online.add(clientId)
        channels.tell(clientId as NodeId)
      },
      clientGone: (clientId) => online.delete(clientId),
    },
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
