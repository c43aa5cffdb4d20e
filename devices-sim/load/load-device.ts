/**
 * One device of the load: a bare MQTT 3.1.1 client on a TLS socket, so that twenty thousand fit into a process.
 *
 * - Unacknowledged QoS 1 messages are kept, and sent again with DUP when the connection is back.
 * - Answers commands as a controller would: accepted, applied.
 * - Knows nothing of schedules: it is told what to send, and tells what was acknowledged, and when.
 */
import { isIP } from 'node:net'
import { connect as connectTls, type SecureContext, type TLSSocket } from 'node:tls'
import mqttPacket, { type Packet } from 'mqtt-packet'
import type { NodeId } from '../../schemas/ids.ts'
import { decodePayload } from '../../schemas/payload.ts'
import { formatTimestamp } from '../../schemas/time.ts'
import { filters, isTopic, parseTopic, topics } from '../../schemas/topics.ts'
import type { PhaseFigures } from './figures.ts'
import type { LoadMessage } from './messages.ts'

export interface DueMessage {
  readonly message: LoadMessage
  /** What its latency counts from (performance.now). */
  readonly dueAt: number
  /** Of the phase it was sent in; none for the answer to a command, which no phase sends. */
  readonly figures: PhaseFigures | undefined
}

export interface LoadDeviceEvents {
  connected(tookMs: number): void
  /** Not by our own doing. */
  lost(reason: string, wasReady: boolean): void
  acknowledged(due: DueMessage, wasResent: boolean): void
  commandAnswered(): void
}

export interface LoadDevice {
  readonly node: NodeId
  isReady(): boolean
  /** `dueAt` is what its time counts from (performance.now). */
  connect(dueAt: number): void
  /** In one write. */
  send(messages: readonly DueMessage[]): void
  unacknowledged(): number
  /** Cut, as by a broken cable. */
  cut(): void
  end(): void
  ping(): void
}

export interface LoadDeviceOptions {
  readonly node: NodeId
  readonly host: string
  readonly port: number
  readonly localAddress: string | undefined
  /** One for all: reading certificates and keys anew for each connection costs more than its handshake. */
  readonly secureContext: SecureContext
  readonly qos: 0 | 1
  readonly resume: boolean
  readonly events: LoadDeviceEvents
}

interface InFlight {
  readonly due: DueMessage
  wasResent: boolean
}

const keepAliveS = 120
const connectMsMax = 30_000
const packetIdMax = 65_535

export function createLoadDevice(options: LoadDeviceOptions): LoadDevice {
  const { node, events, qos } = options
  const inFlight = new Map<number, InFlight>()
  let socket: TLSSocket | undefined
  let session: Buffer | undefined
  let isReady = false
  let isEnding = false
  let lastId = 0
  let startedAt = 0

  function nextId(): number {
    do lastId = (lastId % packetIdMax) + 1
    while (inFlight.has(lastId))
    return lastId
  }

  function write(packet: Packet): void {
    socket?.write(mqttPacket.generate(packet))
  }

  function publish(id: number, { due, wasResent }: InFlight): void {
    const { topic, payload } = due.message
    write({ cmd: 'publish', topic, payload, qos, messageId: id, dup: wasResent, retain: false })
  }

  function lose(reason: string, of: TLSSocket): void {
    if (socket !== of) return
    const wasReady = isReady
    socket = undefined
    isReady = false
    of.destroy()
    if (!isEnding) events.lost(reason, wasReady)
  }

  function handle(packet: Packet): void {
    switch (packet.cmd) {
      case 'connack':
        if (packet.returnCode === 0) subscribe()
        else if (socket) lose(`refused ${packet.returnCode}`, socket)
        break
      case 'suback':
        begin()
        break
      case 'puback':
        acknowledge(packet.messageId ?? 0)
        break
      case 'publish':
        if (packet.qos === 1) write({ cmd: 'puback', messageId: packet.messageId } as Packet)
        answerCommand(packet.topic, packet.payload as Buffer)
        break
    }
  }

  function subscribe(): void {
    const subscriptions = [{ topic: filters.commandsFor(node), qos: 1 }]
    write({ cmd: 'subscribe', messageId: nextId(), subscriptions } as Packet)
  }

  function begin(): void {
    isReady = true
    socket?.setTimeout(0)
    events.connected(performance.now() - startedAt)
    socket?.cork()
    for (const [id, entry] of inFlight) {
      entry.wasResent = true
      publish(id, entry)
    }
    socket?.uncork()
  }

  function acknowledge(id: number): void {
    const entry = inFlight.get(id)
    if (!entry) return
    inFlight.delete(id)
    events.acknowledged(entry.due, entry.wasResent)
  }

  function answerCommand(topicText: string, payload: Buffer): void {
    const topic = parseTopic(topicText)
    const decoded = decodePayload(payload)
    if (!isTopic(topic) || topic.type !== 'command' || 'error' in decoded) return
    const { id, ts } = decoded.value as { id: string; ts: string }
    for (const state of ['accepted', 'applied']) {
      const result = JSON.stringify({ ts: formatTimestamp(Date.parse(ts)), id, state })
      const message: LoadMessage = {
        topic: topics.result(node, topic.code),
        payload: result,
        class: 'ok',
      }
      const due = { message, dueAt: performance.now(), figures: undefined }
      const entry = { due, wasResent: false }
      const packetId = nextId()
      if (qos === 1) inFlight.set(packetId, entry)
      publish(packetId, entry)
    }
    events.commandAnswered()
  }

  return {
    node,
    isReady: () => isReady,
    unacknowledged: () => inFlight.size,
    connect(dueAt) {
      if (socket || isEnding) return
      startedAt = dueAt
      const opened = connectTls({
        // An address of our own wants one of the same family at the other end, whatever the name resolves to.
        host: options.localAddress ? '127.0.0.1' : options.host,
        port: options.port,
        ...(isIP(options.host) === 0 && { servername: options.host }),
        ...(options.localAddress && { localAddress: options.localAddress }),
        secureContext: options.secureContext,
        ...(options.resume && session && { session }),
      })
      socket = opened
      opened.setNoDelay(true)
      opened.setTimeout(connectMsMax, () => {
        if (!isReady) lose('connect timed out', opened)
      })
      const parser = mqttPacket.parser({ protocolVersion: 4 })
      parser.on('packet', handle)
      parser.on('error', (error) => lose(error.message, opened))
      opened.on('data', (chunk) => void parser.parse(chunk))
      opened.on('session', (value) => {
        session = value
      })
      opened.on('error', (error) =>
        lose((error as NodeJS.ErrnoException).code ?? error.message, opened),
      )
      opened.on('close', () => lose('closed', opened))
      opened.once('secureConnect', () => {
        write({
          cmd: 'connect',
          clientId: node,
          protocolId: 'MQTT',
          protocolVersion: 4,
          clean: true,
          keepalive: keepAliveS,
        } as Packet)
      })
    },
    send(messages) {
      const single = messages.length === 1
      if (!single) socket?.cork()
      for (const due of messages) {
        const entry = { due, wasResent: false }
        const id = nextId()
        if (qos === 1) inFlight.set(id, entry)
        publish(id, entry)
      }
      if (!single) socket?.uncork()
    },
    cut() {
      const cutting = socket
      socket = undefined
      isReady = false
      cutting?.destroy()
    },
    end() {
      isEnding = true
      isReady = false
      if (!socket) return
      write({ cmd: 'disconnect' } as Packet)
      socket.end()
    },
    ping() {
      if (isReady) write({ cmd: 'pingreq' } as Packet)
    },
  }
}
