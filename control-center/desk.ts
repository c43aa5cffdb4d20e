/**
 * A desk in a terminal: how a program connects to the gateway with the certificate of a center or an operator, and what
 * it is told for that. What is wrong with the files is said before anybody is asked.
 */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import mqtt, { type MqttClient } from 'mqtt'
import type { OptionSchema } from '../schemas/command-line.ts'
import { CenterCertificateUnreadable, CenterRefused } from './errors.ts'

export interface DeskOptions {
  readonly url: string
  readonly cert: string
  readonly key: string
  readonly ca: string
  readonly timeoutS: number
}

/** The options that every desk has; `name` is whose certificate it takes where none is named. */
export function deskOptions(name: string): Readonly<Record<keyof DeskOptions, OptionSchema>> {
  const file = `data/pki/issued/${name.replaceAll('/', '_')}`
  return {
    url: {
      type: 'string',
      pattern: '^mqtts://',
      default: 'mqtts://localhost:8883',
      description: 'the gateway (mqtts://host:port)',
    },
    cert: {
      type: 'string',
      default: `${file}.crt`,
      description: 'certificate of a center or operator',
    },
    key: { type: 'string', default: `${file}.key`, description: 'its key' },
    ca: { type: 'string', default: 'data/pki/ca.crt', description: 'the authority' },
    timeoutS: {
      type: 'number',
      minimum: 1,
      default: 15,
      description: 'give up when not let in after so long',
    },
  }
}

export interface Desk {
  readonly client: MqttClient
  /** The certificate's name: the node that the desk speaks for. */
  readonly name: string
}

/**
 * Connected. `purpose` tells several programs of one desk apart; `reconnectMs` 0 is for who does one thing and ends.
 * @throws IG_ERR_CENTER_CERTIFICATE_UNREADABLE, IG_ERR_CENTER_REFUSED
 */
export async function openDesk(
  options: DeskOptions,
  { purpose, reconnectMs }: { readonly purpose: string; readonly reconnectMs: number },
): Promise<Desk> {
  const cert = readCertificate(options.cert)
  const name = nameIn(cert, options.cert)
  const client = mqtt.connect(options.url, {
    ca: readFile(options.ca),
    cert,
    key: readFile(options.key),
    clientId: `${name}/${purpose}-${process.pid}`,
    protocolVersion: 4,
    clean: true,
    reconnectPeriod: reconnectMs,
    connectTimeout: 10_000,
  })
  await connected(client, options.url, options.timeoutS * 1000)
  return { client, name }
}

function readFile(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (cause) {
    throw CenterCertificateUnreadable.from(cause, path, (cause as Error).message)
  }
}

function readCertificate(path: string): Buffer {
  const pem = readFile(path)
  const until = new Date(nameAndEnd(pem, path).validTo)
  if (until.getTime() < Date.now()) {
    throw CenterCertificateUnreadable(path, `it ended on ${until.toISOString().slice(0, 10)}`)
  }
  return pem
}

function nameAndEnd(pem: Buffer, path: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (cause) {
    throw CenterCertificateUnreadable.from(cause, path, (cause as Error).message)
  }
}

/** The common name: what the client id has to begin with. */
function nameIn(pem: Buffer, path: string): string {
  return /^CN=(.+)$/m.exec(nameAndEnd(pem, path).subject)?.[1] ?? ''
}

async function connected(client: MqttClient, url: string, timeoutMs: number): Promise<void> {
  let reason = 'no answer'
  client.on('error', (error) => {
    reason = error.message
  })
  await new Promise<void>((resolve, reject) => {
    const giveUp = () => {
      clearTimeout(timer)
      client.end(true)
      reject(CenterRefused(url, reason))
    }
    const timer = setTimeout(giveUp, timeoutMs)
    // Who does not try again need not wait for the time to be over.
    if (client.options.reconnectPeriod === 0) client.once('close', giveUp)
    client.once('connect', () => {
      clearTimeout(timer)
      client.removeListener('close', giveUp)
      resolve()
    })
  })
}
