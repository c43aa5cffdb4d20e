/**
 * Devices that behave as real ones do, and a book of every PUBACK they were given.
 *
 * - A reading is offered until it is acknowledged: over a lost connection, a restart, a refusal, in its order.
 * - Each reading has a time of its own, so it is one point of a database, and its value tells its number.
 * - At most `inFlightMax` wait for an answer at a time, as with any MQTT client.
 */
import { readFile } from 'node:fs/promises'
import mqtt, { type MqttClient } from 'mqtt'
import type { CertificateRole } from '../../broker/pki/register.ts'
import type { Certificates } from './house.ts'

export interface Reading {
  readonly node: string
  readonly seq: number
  readonly atMs: number
}

export interface FleetOptions {
  readonly certificates: Certificates
  readonly zone: string
  readonly devices: number
  /** Readings of each device per second. */
  readonly perSecond: number
  /** A device's own idea of the time. */
  readonly nowMs?: () => number
  /** So many of its latest readings a device sends again at each reconnect although they were acknowledged. */
  readonly resendLast?: number
  /** Length of a payload, filled up with blanks. */
  readonly payloadBytes?: number
}

export interface Fleet {
  readonly zone: string
  readonly readings: readonly Reading[]
  readonly acknowledged: ReadonlySet<Reading>
  /** PUBLISHes that repeated a reading sent before. */
  readonly resent: () => number
  /** Readings of all devices together. */
  readonly perSecond: number
  /** How long PUBACKs took since `fromMs` (performance.now()), at this quantile. */
  quantileMs(quantile: number, fromMs: number): number
  /** When the last PUBACK came (performance.now()). */
  lastAnswerAtMs(): number
  /** Where to connect to from now on. */
  toward(port: number): void
  /** No more new readings; resolves when all there are have been acknowledged. */
  settle(deadlineMs?: number): Promise<void>
  /** No more new readings, nothing is waited for. */
  quiet(): void
  /** Cuts all connections; the devices come back by themselves. */
  cut(): void
  connected(): number
  end(): void
}

const inFlightMax = 32 // The gateway remembers the last 64 of each stream.
const reconnectMs = 60
const tickMs = 20

/** `queueMeters` may be 5,000 at most; what was sent is told apart by its time, this is the cross-check. */
export const metersOf = (seq: number) => seq % 5_000

export const topicOf = (node: string) => `${node}/status/traffic.queue/live`

export function payloadOf({ seq, atMs }: Reading, bytes = 0): Buffer {
  const lane = { queueVehicles: seq % 7, queueMeters: metersOf(seq), approachingVehicles: 0 }
  const entry = { ts: new Date(atMs).toISOString(), seq, values: { lanes: { 'ln/1': lane } } }
  return Buffer.from(JSON.stringify({ entries: [entry] }).padEnd(bytes, ' '))
}

export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { certificates, zone, devices, perSecond, nowMs = Date.now, resendLast = 0 } = options
  const { ca, cert, key } = await readCertificate(certificates, 'simulator', zone)
  const readings: Reading[] = []
  const acknowledged = new Set<Reading>()
  const answers: { atMs: number; tookMs: number }[] = []
  let port: number | undefined
  let isMaking = true
  let isOver = false
  let resent = 0
  const everyone = Array.from({ length: devices }, (_, i) => createDevice(`${zone}/dev-${i}`))

  function createDevice(node: string) {
    const waiting: Reading[] = []
    const underWay = new Map<Reading, number>()
    const sent = new Set<Reading>()
    const latest: Reading[] = []
    let seq = 0
    const moments = new Set<number>()
    let client: MqttClient | undefined

    function make(): void {
      let atMs = Math.floor(nowMs())
      while (moments.has(atMs)) atMs += 1
      moments.add(atMs)
      const reading = { node, seq, atMs }
      seq += 1
      readings.push(reading)
      waiting.push(reading)
      if (resendLast > 0) latest.push(reading)
      if (latest.length > resendLast) latest.shift()
    }

    function connect(): void {
      if (isOver || port === undefined) return
      const link = mqtt.connect(`mqtts://localhost:${port}`, {
        ...{ ca, cert, key, clientId: node },
        reconnectPeriod: 0,
        connectTimeout: 5_000,
        keepalive: 5,
      })
      client = link
      link.on('connect', () => {
        // What was under way goes first, in its order; then, for those who do so, what is known already.
        const again = [...underWay.keys()]
        underWay.clear()
        const known = latest.filter((one) => sent.has(one) && !again.includes(one))
        for (const reading of [...known, ...again]) publish(link, reading)
        flow()
      })
      link.on('error', () => {})
      link.once('close', () => {
        link.end(true)
        if (client === link) client = undefined
        setTimeout(connect, reconnectMs)
      })
    }

    function publish(link: MqttClient, reading: Reading): void {
      const startMs = performance.now()
      if (sent.has(reading)) resent += 1
      sent.add(reading)
      if (!acknowledged.has(reading)) underWay.set(reading, startMs)
      const payload = payloadOf(reading, options.payloadBytes)
      link.publish(topicOf(node), payload, { qos: 1, dup: false }, (error) => {
        if (error) return
        answers.push({ atMs: performance.now(), tookMs: performance.now() - startMs })
        acknowledged.add(reading)
        underWay.delete(reading)
        flow()
      })
    }

    function flow(): void {
      const link = client
      if (!link?.connected) return
      while (waiting.length > 0 && underWay.size < inFlightMax) publish(link, waiting.shift()!)
    }

    return {
      make,
      flow,
      connect,
      isConnected: () => client?.connected === true,
      cut: () => client?.stream.destroy(),
      end: () => client?.end(true),
    }
  }

  // Readings come in an even stream, whatever the event loop does.
  let owed = 0
  let lastTickMs = performance.now()
  let turn = 0
  const ticking = setInterval(() => {
    const now = performance.now()
    if (isMaking && port !== undefined) owed += ((now - lastTickMs) / 1_000) * perSecond * devices
    lastTickMs = now
    for (; owed >= 1; owed -= 1) everyone[turn++ % devices]!.make()
    for (const device of everyone) device.flow()
  }, tickMs)

  return {
    zone,
    readings,
    acknowledged,
    resent: () => resent,
    perSecond: perSecond * devices,
    quantileMs(quantile, fromMs) {
      const took = answers.filter(({ atMs }) => atMs >= fromMs).map(({ tookMs }) => tookMs)
      took.sort((a, b) => a - b)
      return took[Math.floor(took.length * quantile)] ?? Number.POSITIVE_INFINITY
    },
    lastAnswerAtMs: () => answers.at(-1)?.atMs ?? Number.NEGATIVE_INFINITY,
    toward(to) {
      const isFirst = port === undefined
      port = to
      if (isFirst) for (const device of everyone) device.connect()
    },
    async settle(deadlineMs = 30_000) {
      isMaking = false
      const untilMs = performance.now() + deadlineMs
      while (acknowledged.size < readings.length) {
        if (performance.now() > untilMs) {
          const open = readings.length - acknowledged.size
          throw new Error(`${open} of ${readings.length} readings were not acknowledged in time`)
        }
        await new Promise((resolve) => setTimeout(resolve, tickMs))
      }
    },
    quiet() {
      isMaking = false
    },
    cut() {
      for (const device of everyone) device.cut()
    },
    end() {
      isOver = true
      clearInterval(ticking)
      for (const device of everyone) device.end()
    },
    connected: () => everyone.filter((device) => device.isConnected()).length,
  }
}

/** A client of any role, connected. */
export async function openLink(
  certificates: Certificates,
  port: number,
  { role, name }: { readonly role: CertificateRole; readonly name: string },
): Promise<MqttClient> {
  const { ca, cert, key } = await readCertificate(certificates, role, name)
  const link = mqtt.connect(`mqtts://localhost:${port}`, {
    ...{ ca, cert, key, clientId: name },
    reconnectPeriod: 0,
  })
  await new Promise<void>((resolve, reject) => {
    link.once('connect', () => resolve())
    link.once('error', reject)
    link.once('close', () => reject(new Error('closed before it was connected')))
  })
  link.on('error', () => {})
  return link
}

export async function readCertificate(
  certificates: Certificates,
  role: CertificateRole,
  name: string,
) {
  const files = await certificates.of(role, name)
  const [ca, cert, key] = await Promise.all(
    [files.ca, files.cert, files.key].map((file) => readFile(file)),
  )
  return { ca, cert, key }
}
