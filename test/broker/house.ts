/** A real broker on a free port with certificates made on the spot, and clients that connect to it. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { MqttClient } from 'mqtt'
import { onTestFinished } from 'vitest'
import { type Broker, type BrokerOptions, createBroker } from '../../broker/broker.ts'
import { initAuthority, type PkiAuthority } from '../../broker/pki/authority.ts'
import type { Arrival, GateAnswer } from '../../broker/ports.ts'
import { type Clients, createClients } from './clients.ts'

export interface House extends Clients {
  readonly broker: Broker
  readonly authority: PkiAuthority
  readonly url: string
  readonly port: number
  readonly arrivals: Arrival[]
  /** What the gate was told, as `<client> <topic> <payload>`. */
  readonly heard: () => string[]
  readonly ready: string[]
  readonly gone: string[]
  readonly counts: Map<string, number>
  readonly logged: { fields: Record<string, unknown>; msg: string }[]
  /** What the gate does with a message; accepts all at first. */
  judge: (arrival: Arrival, answer: (answer: GateAnswer) => void) => void
  nowMs: number
}

export const accepted: GateAnswer = { kind: 'acknowledge', forward: true }
export const kept: GateAnswer = { kind: 'acknowledge', forward: false }

export function makeDir(prefix = 'broker-'): string {
  const dir = mkdtempSync(join(tmpdir(), `intergreen-${prefix}`))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

export async function openHouse(overrides: Partial<BrokerOptions> = {}): Promise<House> {
  const dir = makeDir()
  const authority = await initAuthority(dir, { name: 'Test authority' })
  const { paths } = authority
  const arrivals: Arrival[] = []
  const ready: string[] = []
  const gone: string[] = []
  const logged: House['logged'] = []
  const counts = new Map<string, number>()
  const counter = (name: string) => ({
    add(amount = 1, labels: Record<string, string> = {}) {
      const key = [name, ...Object.values(labels)].join(' ')
      counts.set(key, (counts.get(key) ?? 0) + amount)
    },
  })
  const say = (fields: Record<string, unknown>, msg: string) => logged.push({ fields, msg })
  const broker = createBroker({
    gate: {
      admit(arrival, answer) {
        arrivals.push({ ...arrival, payload: Buffer.from(arrival.payload) })
        house.judge(arrival, answer)
      },
    },
    observer: {
      clientReady: (clientId) => ready.push(clientId),
      clientGone: (clientId) => gone.push(clientId),
    },
    clock: { nowMs: () => house.nowMs },
    log: { debug: say, info: say, warn: say, error: say },
    metrics: {
      connections: { set: (value) => counts.set('connections', value) },
      handshakesFailed: counter('handshakesFailed'),
      authRefused: counter('authRefused'),
      connectionsClosed: counter('connectionsClosed'),
      deliveries: counter('deliveries'),
    },
    host: '127.0.0.1',
    port: 0,
    credentialsPollMs: 100,
    ...overrides,
    tls: {
      keyFile: paths.serverKey,
      certFile: paths.serverCert,
      caFile: paths.caCert,
      crlFile: paths.crl,
      ...overrides.tls,
    },
  })
  await broker.start(new AbortController().signal)
  onTestFinished(() => broker.stop(5_000))
  const { port } = broker.address()
  const url = `mqtts://localhost:${port}`

  const house: House = {
    broker,
    authority,
    url,
    port,
    arrivals,
    heard: () => arrivals.map((a) => `${a.clientId} ${a.topic} ${a.payload}`),
    ready,
    gone,
    counts,
    logged,
    judge: (_arrival, answer) => answer(accepted),
    nowMs: Date.now(),
    ...createClients(authority, url),
  }
  return house
}

export async function eventually(
  check: () => boolean | Promise<boolean>,
  deadlineMs = 10_000,
): Promise<void> {
  const endMs = Date.now() + deadlineMs
  while (!(await check())) {
    if (Date.now() > endMs) throw new Error(`not within ${deadlineMs} ms: ${check}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}

/** Resolves with the error or `closed` when the connection ends. */
export function ended(client: MqttClient): Promise<string> {
  return new Promise((resolve) => {
    client.once('error', (error) => resolve(error.message))
    client.once('close', () => resolve('closed'))
  })
}

/** Collects what arrives as `<topic> <payload>`. */
export function collect(client: MqttClient): string[] {
  const messages: string[] = []
  client.on('message', (topic, payload) => messages.push(`${topic} ${payload}`))
  return messages
}

export function commandPayload(expiresAtMs: number, id = '01J0000000000000000000000A'): Buffer {
  return Buffer.from(JSON.stringify({ id, expiresAt: new Date(expiresAtMs).toISOString() }))
}
