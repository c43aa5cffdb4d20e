/**
 * One device's MQTT connection: mutual TLS, presence and last will, its three subscriptions, and publishing at
 * QoS 1 with a count of what is not acknowledged yet.
 *
 * - `settled` resolves when every publish is acknowledged, or the connection is gone.
 * - What was in flight when a connection broke is sent again by the MQTT client after it is back.
 * - Publishing without a connection does nothing and answers false: what is worth keeping is the caller's to keep.
 */
import mqtt, { type IPublishPacket, type MqttClient } from 'mqtt'
import type { NodeId } from '../../schemas/ids.ts'
import { encodePayload } from '../../schemas/payload.ts'
import { formatTimestamp } from '../../schemas/time.ts'
import { filters, topics } from '../../schemas/topics.ts'
import { BrokerUnreachable } from '../errors.ts'
import type { Credentials } from './credentials.ts'

export interface LinkOptions {
  readonly url: string
  readonly node: NodeId
  /** `tlc`, `det` or `sim`: told in the presence. */
  readonly kind: string
  readonly credentials: Credentials
  /** Filters beside or instead of the device's own. */
  readonly subscriptions?: readonly string[]
  /** The device's own time. */
  nowMs(): number
}

export interface Link {
  readonly node: NodeId
  /** @throws IG_ERR_SIM_BROKER_UNREACHABLE when not connected within the time; goes on trying only if it was. */
  connect(timeoutMs: number): Promise<void>
  isConnected(): boolean
  publish(topic: string, value: object | Buffer, qos?: 0 | 1): boolean
  settled(): Promise<void>
  onMessage(listener: (topic: string, payload: Buffer) => void): void
  /** The connection is there, subscribed and present; or it is gone. */
  onChange(listener: (isUp: boolean) => void): void
  /** Called after a message was handed over and before its PUBACK; false withholds that (a fault). */
  onBeforeAcknowledge(listener: (topic: string) => boolean): void
  /** Cuts the connection as a broken cable does; it comes back after a while. */
  cut(): void
  /** True: the device is taken away and stays so; false: it comes back. */
  setAway(isAway: boolean): void
  /** Presence `shutdown`, then DISCONNECT. */
  end(): Promise<void>
  readonly counts: { published: number; acknowledged: number; connects: number }
}

type SendPacket = (
  packet: { readonly cmd: string; readonly messageId?: number },
  done?: () => void,
  ...rest: unknown[]
) => void

const firmware = 'street 0.1'
const reconnectMs = 1_000
const connectTimeoutMs = 10_000
const endMsMax = 2_000

export function createLink(options: LinkOptions): Link {
  const { node } = options
  const counts = { published: 0, acknowledged: 0, connects: 0 }
  const messageListeners: ((topic: string, payload: Buffer) => void)[] = []
  const changeListeners: ((isUp: boolean) => void)[] = []
  let client: MqttClient | undefined
  let isUp = false
  let isAway = false
  let pending = 0
  let waiters: (() => void)[] = []
  let beforeAcknowledge: (topic: string) => boolean = () => true
  let lastError: Error | undefined

  function wake(): void {
    const woken = waiters
    waiters = []
    for (const resolve of woken) resolve()
  }

  function setUp(value: boolean): void {
    if (isUp === value) return
    isUp = value
    if (!value) {
      pending = 0
      wake()
    }
    for (const listener of changeListeners) listener(value)
  }

  function presence(state: 'online' | 'shutdown' | 'offline'): Buffer {
    const ts = formatTimestamp(options.nowMs())
    return encodePayload({ ts, state, firmware, kind: options.kind })
  }

  function publishRaw(topic: string, payload: Buffer, qos: 0 | 1, retain: boolean): void {
    counts.published += 1
    if (qos === 1) pending += 1
    const generation = counts.connects
    client?.publish(topic, payload, { qos, retain }, (error) => {
      if (error || qos === 0) return
      counts.acknowledged += 1
      // What an earlier connection left behind was written off when that one broke.
      if (generation !== counts.connects || pending === 0) return
      pending -= 1
      if (pending === 0) wake()
    })
  }

  function begin(opened: MqttClient): void {
    // Small messages at once: a step waits for its acknowledgements, and Nagle would hold them for 40 ms.
    const socket = opened.stream as { setNoDelay?: (isOn: boolean) => void }
    socket.setNoDelay?.(true)
    counts.connects += 1
    pending = 0
    const wanted = options.subscriptions ?? [
      filters.commandsFor(node),
      filters.channelsFor(node),
      filters.rejectFor(node),
    ]
    opened.subscribe([...wanted], { qos: 1 }, (error) => {
      if (error) return
      publishRaw(topics.presence(node), presence('online'), 1, true)
      setUp(true)
    })
  }

  function open(): MqttClient {
    const opened = mqtt.connect(options.url, {
      ...options.credentials,
      clientId: node,
      protocolVersion: 4,
      clean: true,
      keepalive: 30,
      connectTimeout: connectTimeoutMs,
      reconnectPeriod: reconnectMs,
      resubscribe: false,
      rejectUnauthorized: true,
      will: { topic: topics.presence(node), payload: presence('offline'), qos: 1, retain: true },
    })
    opened.on('connect', () => begin(opened))
    opened.on('close', () => setUp(false))
    opened.on('error', (error) => {
      lastError = error
    })
    opened.on('message', (topic, payload) => {
      for (const listener of messageListeners) listener(topic, payload)
    })
    watchAcknowledgements(opened)
    return opened
  }

  function watchAcknowledgements(opened: MqttClient): void {
    const withheld = new Set<number>()
    const handle = opened.handleMessage.bind(opened)
    opened.handleMessage = (packet: IPublishPacket, done) => {
      if (!beforeAcknowledge(packet.topic)) withheld.add(packet.messageId ?? 0)
      handle(packet, done)
    }
    // The client has no way of its own to leave a PUBACK out.
    const inner = opened as unknown as { _sendPacket: SendPacket }
    const send = inner._sendPacket.bind(opened)
    inner._sendPacket = (packet, done, ...rest) => {
      if (packet.cmd === 'puback' && withheld.delete(packet.messageId ?? 0)) done?.()
      else send(packet, done, ...rest)
    }
  }

  return {
    node,
    counts,
    isConnected: () => isUp,
    async connect(timeoutMs) {
      client ??= open()
      if (isUp) return
      const opened = client
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => {
          opened.end(true)
          const why = lastError?.message ?? 'no answer'
          reject(
            BrokerUnreachable.from(lastError, node, options.url, Math.ceil(timeoutMs / 1000), why),
          )
        }, timeoutMs)
        changeListeners.push((isNowUp) => {
          if (!isNowUp) return
          clearTimeout(timer)
          resolve()
        })
      })
    },
    publish(topic, value, qos = 1) {
      if (!isUp) return false
      publishRaw(topic, Buffer.isBuffer(value) ? value : encodePayload(value), qos, false)
      return true
    },
    async settled() {
      if (pending === 0 || !isUp) return
      await new Promise<void>((resolve) => waiters.push(resolve))
    },
    onMessage: (listener) => void messageListeners.push(listener),
    onChange: (listener) => void changeListeners.push(listener),
    onBeforeAcknowledge(listener) {
      beforeAcknowledge = listener
    },
    cut() {
      client?.stream.destroy()
    },
    setAway(wanted) {
      if (!client || wanted === isAway) return
      isAway = wanted
      client.options.reconnectPeriod = isAway ? 0 : reconnectMs
      if (isAway) client.stream.destroy()
      else client.reconnect()
    },
    async end() {
      const closing = client
      if (!closing) return
      client = undefined
      let timer: NodeJS.Timeout | undefined
      const tooLate = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, endMsMax)
      })
      if (isUp) {
        const payload = presence('shutdown')
        const said = closing.publishAsync(topics.presence(node), payload, { qos: 1, retain: true })
        await Promise.race([said.catch(() => {}), tooLate])
      }
      // Orderly, with DISCONNECT; by force when something that was in flight keeps it from that.
      await Promise.race([closing.endAsync(!isUp), tooLate])
      closing.stream?.destroy()
      clearTimeout(timer)
      setUp(false)
    },
  }
}
