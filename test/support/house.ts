/**
 * A whole gateway for a test, in this process or as a process of its own, with a data directory and certificates made
 * on the spot, and MQTT clients that speak to it over TLS. Everything ends with the test.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { onTestFinished } from 'vitest'
import { ensureDevelopmentPki } from '../../broker/pki/development.ts'
import { pkiPaths } from '../../broker/pki/files.ts'
import type { CertificateRole } from '../../broker/pki/register.ts'
import { composeGateway, type Gateway } from '../../gateway/compose.ts'
import { type GatewayChoices, gatewayConfig } from '../../gateway/config/gateway-config.ts'
import { silentLog } from '../../gateway/kit/log.ts'

export interface Certificates {
  readonly dir: string
  /** Paths of somebody's certificate, made when there is none. */
  of(role: CertificateRole, name: string): Promise<{ ca: string; cert: string; key: string }>
}

export async function temporaryFolder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'intergreen-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return dir
}

export async function makeCertificates(dir: string): Promise<Certificates> {
  const { authority } = await ensureDevelopmentPki(dir)
  const paths = pkiPaths(dir)
  return {
    dir,
    async of(role, name) {
      if (!authority.list().some((known) => known.name === name))
        await authority.issue({ role, name })
      return { ca: paths.caCert, cert: paths.cert(name), key: paths.key(name) }
    },
  }
}

export interface Client {
  readonly mqtt: MqttClient
  readonly received: {
    readonly topic: string
    readonly message: unknown
    readonly retain: boolean
  }[]
  /** Resolves with the PUBACK. */
  publish(topic: string, message: unknown, qos?: 0 | 1): Promise<void>
  subscribe(...filters: readonly string[]): Promise<void>
  end(): Promise<void>
}

/** Connects as somebody; rejects when the broker does not let it in. */
export async function connect(
  certificates: Certificates,
  port: number,
  who: { role: CertificateRole; name: string; clientId?: string },
  options: IClientOptions = {},
): Promise<Client> {
  const files = await certificates.of(who.role, who.name)
  const client = mqtt.connect(`mqtts://localhost:${port}`, {
    ca: await readFile(files.ca),
    cert: await readFile(files.cert),
    key: await readFile(files.key),
    clientId: who.clientId ?? who.name,
    reconnectPeriod: 0,
    connectTimeout: 10_000,
    ...options,
  })
  const received: Client['received'] = []
  client.on('message', (topic, payload, { retain }) => {
    received.push({
      topic,
      message: payload.length > 0 ? JSON.parse(String(payload)) : null,
      retain,
    })
  })
  await new Promise<void>((resolve, reject) => {
    client.once('connect', () => resolve())
    client.once('error', reject)
    client.once('close', () => reject(new Error('closed before it was connected')))
  })
  client.on('error', () => {})
  onTestFinished(() => void client.end(true))
  return {
    mqtt: client,
    received,
    async publish(topic, message, qos = 1) {
      const payload = Buffer.isBuffer(message) ? message : Buffer.from(JSON.stringify(message))
      await client.publishAsync(topic, payload, { qos })
    },
    async subscribe(...filters) {
      for (const filter of filters) await client.subscribeAsync(filter, { qos: 1 })
    },
    end: () => client.endAsync(),
  }
}

export interface House {
  readonly gateway: Gateway
  readonly certificates: Certificates
  readonly dataDir: string
  readonly port: number
  readonly webUrl: string
  connect(role: CertificateRole, name: string, clientId?: string): Promise<Client>
  stop(): Promise<void>
}

/** A gateway in this process. */
export async function openHouse(choices: Partial<GatewayChoices> = {}): Promise<House> {
  const dataDir = choices.dataDir ?? (await temporaryFolder())
  const certificates = await makeCertificates(choices.pkiDir ?? join(dataDir, 'pki'))
  const config = gatewayConfig({
    mqttPort: 0,
    webPort: 0,
    ...choices,
    dataDir,
    pkiDir: certificates.dir,
  })
  const gateway = await composeGateway(config, silentLog)
  await gateway.start(new AbortController().signal)
  let isStopped = false
  const stop = async () => {
    if (isStopped) return
    isStopped = true
    await gateway.stop(5_000)
  }
  onTestFinished(stop)
  const { mqtts, web } = gateway.addresses()
  return {
    gateway,
    certificates,
    dataDir,
    port: mqtts,
    webUrl: `http://127.0.0.1:${web}`,
    connect: (role, name, clientId) =>
      connect(certificates, mqtts, { role, name, ...(clientId ? { clientId } : {}) }),
    stop,
  }
}

export interface RunningProgram {
  readonly child: ChildProcess
  /** First JSON line on stdout. */
  readonly ready: Promise<Record<string, unknown>>
  readonly lines: readonly string[]
  readonly errors: () => string
  /** Exit code, or the signal's name. */
  readonly ended: Promise<number | string>
}

export const root = join(import.meta.dirname, '../..')

/** Any of our programs as a process. */
export function runProgramFile(file: string, args: readonly string[]): RunningProgram {
  const child = spawn(process.execPath, [join(root, file), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, NO_COLOR: '1' },
  })
  const lines: string[] = []
  let errors = ''
  child.stderr.on('data', (chunk) => {
    errors += chunk
  })
  const ready = Promise.withResolvers<Record<string, unknown>>()
  ready.promise.catch(() => {})
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    if (line.startsWith('{')) ready.resolve(JSON.parse(line))
  })
  const ended = once(child, 'close').then(([code, signal]) => {
    ready.reject(new Error(`${file} ended before it was ready: ${errors}`))
    return (code ?? signal) as number | string
  })
  onTestFinished(async () => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
    await ended
  })
  return { child, ready: ready.promise, lines, errors: () => errors, ended }
}

/** The gateway as a process of its own, for tests that kill it. */
export async function spawnGateway(
  dataDir: string,
  pkiDir: string,
  args: readonly string[] = [],
): Promise<RunningProgram & { readonly port: number; readonly web: number }> {
  const program = runProgramFile('gateway/main.ts', [
    `--data-dir=${dataDir}`,
    `--pki-dir=${pkiDir}`,
    '--mqtt-port=0',
    '--web-port=0',
    ...args,
  ])
  const { mqtts, web } = (await program.ready) as { mqtts: number; web: number }
  return { ...program, port: mqtts, web }
}
