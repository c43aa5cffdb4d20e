/**
 * A door process: a whole broker, with its gate, its registry of client ids and its observer at the other end of the wire.
 * It is started by the gateway (door-link.ts), is handed connections, and lives no longer than the wire.
 *
 * - It keeps nothing and decides nothing that another door would have to know.
 * - Signals are the gateway's: a terminal or a service manager sends them to all, and the doors are stopped in order.
 */
import { Socket } from 'node:net'
import { createBroker, type SharedBroker } from '../../broker/broker.ts'
import type { TlsFiles } from '../../broker/credentials.ts'
import type { BrokerLimits } from '../../broker/limits.ts'
import { createSystemClock } from '../kit/clock.ts'
import { adaptToLargeHeap } from '../kit/large-heap.ts'
import { plainError } from '../kit/plain-error.ts'
import { createRelayLog, createRelayMetrics } from '../kit/relay.ts'
import {
  type DeliverHead,
  type DoorStart,
  kind,
  outcomes,
  type RelayHead,
  readHeaded,
  readJson,
  sendJson,
} from './messages.ts'
import { RemoteGate } from './remote-gate.ts'
import { type Frame, Wire } from './wire.ts'

/** As door-link.ts has laid it. */
const wireFd = 4
const reportEveryMs = 1_000
const clock = createSystemClock()
adaptToLargeHeap(clock)
const metrics = createRelayMetrics()

let broker: SharedBroker | undefined
let gate: RemoteGate | undefined
let toldMs = 0
let isTimeTold = false
let leftUnsaid = 0

const wire = new Wire(new Socket({ fd: wireFd, readable: true, writable: true }), {
  frame: take,
  closed: () => process.exit(1), // The gateway is gone: nobody could be answered any more.
  freed: () => broker?.goOn(),
})

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => {})
process.on('disconnect', () => process.exit(1))
process.on('message', (_word, socket: Socket | undefined) => {
  if (socket === undefined) countLeft()
  else {
    socket.once('close', countLeft)
    if (broker === undefined) socket.destroy()
    else broker.acceptSocket(socket)
  }
})

function take(frame: Frame): void {
  if (gate?.take(frame)) return
  switch (frame.kind) {
    case kind.open:
      void open(readJson<DoorStart>(frame))
      break
    case kind.relay: {
      const { head, payload } = readHeaded<RelayHead>(frame)
      toldMs = head.nowMs
      broker?.relay(head.topic, payload, head)
      break
    }
    case kind.deliver: {
      const { head, payload } = readHeaded<DeliverHead>(frame)
      toldMs = head.nowMs
      void deliver(frame.number, head, payload)
      break
    }
    case kind.disconnect:
      broker?.disconnect(readJson<string>(frame))
      break
    case kind.reload:
      void reload(frame.number)
      break
    case kind.stop:
      void stop(frame.number)
  }
}

async function open(start: DoorStart): Promise<void> {
  isTimeTold = start.isTimeTold
  const remote = new RemoteGate(wire, start.at)
  gate = remote
  const opening = createBroker({
    gate: remote,
    registry: remote,
    observer: remote,
    readersChanged: (filter, isRead) => sendJson(wire, kind.reader, 0, { filter, isRead }),
    clock: { nowMs: () => (isTimeTold ? toldMs : clock.nowMs()) },
    log: createRelayLog((line) => sendJson(wire, kind.line, 0, line)),
    metrics: {
      connections: metrics.gauge('connections'),
      handshakesFailed: metrics.counter('handshakesFailed'),
      authRefused: metrics.counter('authRefused'),
      connectionsClosed: metrics.counter('connectionsClosed'),
      deliveries: metrics.counter('deliveries'),
    },
    tls: start.tls as TlsFiles,
    limits: start.limits as Partial<BrokerLimits>,
    host: start.host,
    port: 'handed',
    ticketSecret: Buffer.from(start.ticketSecret, 'base64'),
  })
  try {
    await opening.start(new AbortController().signal)
  } catch (error) {
    sendJson(wire, kind.failed, 0, plainError(error))
    wire.end()
    return
  }
  broker = opening
  clock.every(reportEveryMs, report)
  wire.send(kind.opened)
}

function report(): void {
  sendJson(wire, kind.report, 0, { values: metrics.take() })
}

/** TCP connections that have ended are told together. */
function countLeft(): void {
  if (leftUnsaid === 0) {
    setImmediate(() => {
      wire.send(kind.left, leftUnsaid)
      leftUnsaid = 0
    })
  }
  leftUnsaid += 1
}

async function deliver(id: number, head: DeliverHead, payload: Buffer): Promise<void> {
  const { node, topic, timeoutMs } = head
  const outcome = (await broker?.deliver(node, topic, payload, timeoutMs)) ?? 'offline'
  wire.send(kind.delivered, id, outcomes.indexOf(outcome))
}

async function reload(id: number): Promise<void> {
  await broker?.reloadCredentials()
  wire.send(kind.done, id)
}

async function stop(deadlineMs: number): Promise<void> {
  await broker?.stop(deadlineMs)
  report()
  wire.end(() => process.exit(0))
}
