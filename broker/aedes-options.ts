/** Every option of Aedes, each with its reason; none is left to its default. */
import type { AedesOptions } from 'aedes'
import { type BrokerLimits, clientIdLengthMax, topicLevelsMax } from './limits.ts'

type Hooks = Required<
  Pick<
    AedesOptions,
    'preConnect' | 'authenticate' | 'authorizePublish' | 'authorizeSubscribe' | 'authorizeForward'
  >
>

/** Aedes publishes wills of brokers whose heartbeat it missed four times over; ours are kept alive by this. */
const heartbeatIntervalMs = 60_000
/** Packets Aedes itself holds before CONNACK; the door lets none pass before, so one is plenty. */
const queueLimit = 1

export function createAedesOptions(limits: BrokerLimits, hooks: Hooks): AedesOptions {
  return {
    ...hooks,
    // Messages on their way to subscribers at once. A bound would let a few that do not read hold up everybody: 0.
    concurrency: 0,
    heartbeatInterval: heartbeatIntervalMs,
    connectTimeout: limits.connectTimeoutMs,
    // A client that stays unwritable this long is dropped (DESIGN §3: 5 s or less).
    drainTimeout: limits.drainTimeoutMs,
    // Aedes would answer with a return code MQTT 3.1.1 does not have; TCP keep-alive finds dead links anyway: 0, off.
    keepaliveLimit: 0,
    queueLimit,
    // QoS 2 is refused before it is stored; this is the second lock.
    maxInflightInbound: 1,
    maxClientsIdLength: clientIdLengthMax,
    maxTopicLevels: topicLevelsMax,
    // No PROXY protocol: the TLS connection itself says who it is.
    trustProxy: false,
    trustedProxies: [],
    published: (_packet, _client, done) => done(),
  }
}
