/**
 * How much of everything the door admits, each with its reason. Handed to createBroker in part or not at all.
 */
import assert from 'node:assert'

const KiB = 1024
const MiB = 1024 * KiB

export interface BrokerLimits {
  /** Connections at once, handshakes included. */
  readonly connectionsMax: number
  /** New TLS handshakes begun per second; what comes faster waits its turn. */
  readonly handshakesPerSecondMax: number
  /** Of them in one turn of the event loop: what others wait for meanwhile. */
  readonly handshakesPerTurnMax: number
  /** Connections that may wait for their handshake; more are closed. */
  readonly handshakesWaitingMax: number
  readonly handshakeTimeoutMs: number
  /** From the end of the handshake to CONNECT. */
  readonly connectTimeoutMs: number
  /** A whole MQTT packet, header included. */
  readonly packetBytesMax: number
  /** A CONNECT packet: identity, will. Before it nobody is known. */
  readonly connectBytesMax: number
  /** PUBLISHes of one connection whose verdict is awaited; beyond it the connection is not read. */
  readonly inFlightMax: number
  /** Filters one client may hold. */
  readonly subscriptionsMax: number
  /** Bytes that wait for a client that does not read. */
  readonly subscriberBytesMax: number
  /** How long a client may stay unwritable before it is dropped. */
  readonly drainTimeoutMs: number
  /** Presences kept for those who subscribe later. */
  readonly retainedMax: number
}

export const defaultLimits: BrokerLimits = {
  connectionsMax: 20_000, // About 1.3 GB at 65 KB per idle TLS connection.
  handshakesPerSecondMax: 2_000, // 0.7 ms of CPU each at best, resumed: beyond what a core can do; it is the turn that keeps others going.
  handshakesPerTurnMax: 1, // What others wait for: 2 ms and a little.
  handshakesWaitingMax: 5_000, // 12 s worth at 2.5 ms each: devices give up and try again after 30 s.
  handshakeTimeoutMs: 10_000, // Radio links need up to 5 s for the round trips of a full handshake.
  connectTimeoutMs: 10_000,
  packetBytesMax: 64 * KiB, // A minute of a hundred detectors is 12 KiB.
  connectBytesMax: 4 * KiB,
  inFlightMax: 128, // Enough to fill a group commit from one connection, 8 MiB at worst.
  subscriptionsMax: 32,
  subscriberBytesMax: 8 * MiB, // 5 s of 7,000 messages of 230 bytes.
  drainTimeoutMs: 5_000, // DESIGN §3: 5 s or less.
  retainedMax: 100_000,
}

/** Client ids: three levels of 32 characters are 98; a center adds a part of its own. */
export const clientIdLengthMax = 160
/** Three levels of node, type, two of code and channel are six; filters may have a `#` more. */
export const topicLevelsMax = 8

export function withDefaults(limits: Partial<BrokerLimits> = {}): BrokerLimits {
  const all = { ...defaultLimits, ...limits }
  assert(all.connectBytesMax <= all.packetBytesMax)
  assert(all.packetBytesMax < all.subscriberBytesMax) // One packet may always wait.
  assert(all.drainTimeoutMs <= 5_000)
  assert(all.inFlightMax >= 1)
  return all
}
