/**
 * All devices of a load, their connections and the figures of the phase that runs. Reconnects who was lost, hands out
 * the next device that is ready, and keeps what every phase measured.
 *
 * - In a ramp only so many handshakes are under way at once: they cost both sides milliseconds, and on a busy machine a
 *   thousand begun together are all near their end when the first ones time out. Who waits is timed from when it was due.
 * - Who is cut comes back at once, however many they are: that is the storm. Who fails waits longer each time, as devices
 *   in the field do, so that a storm that is too much for the machine ends.
 */
import { createSecureContext } from 'node:tls'
import { parseNodeId } from '../../schemas/ids.ts'
import type { Credentials } from '../device/credentials.ts'
import { createRandom } from '../random.ts'
import { emptyFigures, type PhaseFigures } from './figures.ts'
import { createLoadDevice, type LoadDevice } from './load-device.ts'
import { createMessageSource, type MessageClass, type MessageSource } from './messages.ts'
import type { LoadOptions } from './options.ts'

export interface Fleet {
  readonly devices: readonly LoadDevice[]
  readonly sentByClass: Record<MessageClass, number>
  readonly acknowledgedByClass: Record<MessageClass, number>
  readonly totals: { connects: number; resent: number; commandsAnswered: number }
  begin(): PhaseFigures
  /** The first `wanted` devices are to be connected from now on. */
  open(wanted: number): void
  readyCount(): number
  unacknowledged(): number
  /** Sends `count` messages of the next device that is ready, in one write. False when nobody is. */
  sendNext(count: number, dueAt: number): boolean
  cut(share: number): void
  /** To be called about every `pingStepMs`: each time a few devices ping, all of them within a minute. */
  ping(): void
  end(): void
}

/** An address has some 28,000 ports, and a cut leaves as many waiting to be free again as it opens. */
const devicesPerAddress = 10_000
/** Who was lost comes back after one to two of these, twice as many after each attempt that failed. */
const reconnectMs = 1_000
const reconnectDoublingsMax = 4
/** At 3 ms each side this is as fast as a gateway lets in: 250 a second. */
const rampConnectingMax = 64
const pingEveryMs = 60_000
export const pingStepMs = 200

export function createFleet(options: LoadOptions, credentials: Credentials): Fleet {
  const url = new URL(options.url)
  const isLoopback = ['localhost', '127.0.0.1'].includes(url.hostname)
  const random = createRandom('load', options.seed)
  const jitter = createRandom('load reconnects', options.seed)
  const classes = () => ({ ok: 0, late: 0, malformed: 0, duplicate: 0 })
  const sentByClass = classes()
  const acknowledgedByClass = classes()
  const totals = { connects: 0, resent: 0, commandsAnswered: 0 }
  const sources: MessageSource[] = []
  let figures = emptyFigures()
  const ready = createReadySet(options.devices)
  const secureContext = createSecureContext({ ...credentials })
  const connecting = new Set<number>()
  const failedAttempts = new Uint8Array(options.devices)
  /** Who is to connect in the ramp, and since when. */
  const toConnect = new Map<number, number>()
  let opened = 0
  let pinged = 0
  let isEnding = false

  const devices = Array.from({ length: options.devices }, (_, index) => {
    const node = parseNodeId(`${options.zone}/dev-${String(index).padStart(5, '0')}`)
    sources.push(createMessageSource(node, index, options, random))
    const device: LoadDevice = createLoadDevice({
      node,
      host: url.hostname,
      port: Number(url.port || 8883),
      localAddress:
        isLoopback && options.devices > devicesPerAddress
          ? `127.0.0.${1 + Math.floor(index / devicesPerAddress)}`
          : undefined,
      secureContext,
      qos: options.qos,
      resume: options.resume,
      events: {
        connected(tookMs) {
          connecting.delete(index)
          failedAttempts[index] = 0
          ready.add(index)
          admit()
          totals.connects += 1
          figures.connects += 1
          figures.connectUs.recordValue(Math.max(1, tookMs * 1000))
        },
        lost(reason, wasReady) {
          count(reason)
          connecting.delete(index)
          if (wasReady) ready.remove(index)
          if (!isEnding) reconnectLater(index)
          admit()
        },
        acknowledged({ message, dueAt, figures: of }, wasResent) {
          acknowledgedByClass[message.class] += 1
          if (wasResent) totals.resent += 1
          if (of === undefined) return
          of.acknowledged += 1
          const tookUs = Math.max(1, (performance.now() - dueAt) * 1000)
          ;(wasResent ? of.resentUs : of.latencyUs).recordValue(tookUs)
        },
        commandAnswered() {
          totals.commandsAnswered += 1
        },
      },
    })
    return device
  })

  function connect(index: number, dueAt: number): void {
    if (isEnding || ready.has(index) || connecting.has(index)) return
    connecting.add(index)
    devices[index]?.connect(dueAt)
  }

  function reconnectLater(index: number): void {
    const doublings = failedAttempts[index] ?? 0
    failedAttempts[index] = Math.min(reconnectDoublingsMax, doublings + 1)
    const waitMs = reconnectMs * 2 ** doublings * (1 + jitter())
    setTimeout(() => connect(index, performance.now()), waitMs)
  }

  function admit(): void {
    for (const [index, dueAt] of toConnect) {
      if (connecting.size >= rampConnectingMax) return
      toConnect.delete(index)
      connect(index, dueAt)
    }
  }

  function count(reason: string): void {
    figures.errors.set(reason, (figures.errors.get(reason) ?? 0) + 1)
  }

  return {
    devices,
    sentByClass,
    acknowledgedByClass,
    totals,
    begin() {
      figures = emptyFigures()
      return figures
    },
    open(wanted) {
      for (; opened < Math.min(wanted, devices.length); opened += 1) {
        toConnect.set(opened, performance.now())
      }
      admit()
    },
    readyCount: () => ready.size(),
    unacknowledged: () => devices.reduce((sum, device) => sum + device.unacknowledged(), 0),
    sendNext(wanted, dueAt) {
      figures.due += wanted
      const index = ready.next()
      const device = index === undefined ? undefined : devices[index]
      const source = index === undefined ? undefined : sources[index]
      if (!device || !source) {
        figures.unsent += wanted
        return false
      }
      const nowMs = Date.now()
      const batch = Array.from({ length: wanted }, () => {
        const message = source.next(nowMs)
        sentByClass[message.class] += 1
        return { message, dueAt, figures }
      })
      device.send(batch)
      figures.sent += wanted
      return true
    },
    cut(share) {
      const many = Math.min(opened, Math.round(devices.length * share))
      for (const [index, device] of devices.slice(0, many).entries()) {
        ready.remove(index)
        connecting.delete(index)
        device.cut()
      }
      for (let index = 0; index < many; index++) connect(index, performance.now())
    },
    ping() {
      const share = Math.ceil((devices.length * pingStepMs) / pingEveryMs)
      for (let i = 0; i < share; i++) {
        devices[pinged]?.ping()
        pinged = (pinged + 1) % devices.length
      }
    },
    end() {
      isEnding = true
      for (const device of devices) device.end()
    },
  }
}

/** Who is connected, so that the next to send is found without looking through all. */
function createReadySet(length: number) {
  const members: number[] = []
  const placeOf = new Int32Array(length).fill(-1)
  let cursor = 0
  return {
    size: () => members.length,
    has: (index: number): boolean => (placeOf[index] ?? -1) >= 0,
    add(index: number): void {
      if ((placeOf[index] ?? -1) >= 0) return
      placeOf[index] = members.length
      members.push(index)
    },
    remove(index: number): void {
      const place = placeOf[index] ?? -1
      if (place < 0) return
      const last = members.pop() as number
      placeOf[index] = -1
      if (last === index) return
      members[place] = last
      placeOf[last] = place
    },
    next(): number | undefined {
      if (members.length === 0) return undefined
      cursor = (cursor + 1) % members.length
      return members[cursor]
    },
  }
}
