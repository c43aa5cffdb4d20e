/** Clients of a broker under test: certificates from its authority, one attempt to connect, an end with the test. */
import { readFileSync } from 'node:fs'
import { type IClientOptions, type MqttClient, connect as mqttConnect } from 'mqtt'
import { onTestFinished } from 'vitest'
import type { PkiAuthority } from '../../broker/pki/authority.ts'
import type { CertificateRole } from '../../broker/pki/register.ts'

/** `as`: with the certificate of that name instead of its own. */
export type ClientOptions = IClientOptions & { as?: string }

export interface Clients {
  issue(role: CertificateRole, name: string): Promise<void>
  credentials(name: string): IClientOptions
  client(name: string, options?: ClientOptions): MqttClient
  connected(name: string, options?: ClientOptions): Promise<MqttClient>
}

export function createClients(authority: PkiAuthority, url: string): Clients {
  const { paths } = authority
  const clients: Clients = {
    async issue(role, name) {
      await authority.issue({ role, name })
    },
    credentials: (name) => ({
      clientId: name,
      ca: readFileSync(paths.caCert),
      cert: readFileSync(paths.cert(name)),
      key: readFileSync(paths.key(name)),
      protocolVersion: 4,
      reconnectPeriod: 0,
      connectTimeout: 10_000,
    }),
    client(name, { as = name, ...options } = {}) {
      const client = mqttConnect(url, { ...clients.credentials(as), clientId: name, ...options })
      client.on('error', () => {})
      onTestFinished(async () => {
        await client.endAsync(true)
      })
      return client
    },
    async connected(name, options) {
      const client = clients.client(name, options)
      await new Promise<void>((resolve, reject) => {
        client.once('connect', () => resolve())
        client.once('error', reject)
        client.once('close', () => reject(new Error('closed before CONNACK')))
      })
      return client
    },
  }
  return clients
}
