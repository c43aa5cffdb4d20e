/**
 * The control center in a terminal: `npm run watch`. Subscribes with a center's certificate and prints one line an
 * event: decisions and what they rest on, commands and each step of their life, what the junctions really run.
 *
 * Only listens. Colour only on a terminal; --json prints each message as it is, one JSON line.
 */
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import mqtt, { type MqttClient } from 'mqtt'
import type { ProgramSchema } from '../schemas/command-line.ts'
import { decodePayload } from '../schemas/payload.ts'
import { runProgram, untilStopped } from '../schemas/program.ts'
import { filters, isTopic, parseTopic } from '../schemas/topics.ts'
import { CenterCertificateUnreadable, CenterRefused } from './errors.ts'
import { linesOf, render } from './watch-lines.ts'

interface WatchOptions {
  readonly url: string
  readonly cert: string
  readonly key: string
  readonly ca: string
  readonly node: readonly string[]
  readonly json: boolean
  readonly seconds: number
  readonly timeoutS: number
}

const program: ProgramSchema = {
  name: 'npm run watch --',
  summary: 'Shows commands and their life as they happen, and what each decision was based on.',
  properties: {
    url: {
      type: 'string',
      pattern: '^mqtts://',
      default: 'mqtts://localhost:8883',
      description: 'the gateway (mqtts://host:port)',
    },
    cert: {
      type: 'string',
      default: 'data/pki/issued/center_desk-1.crt',
      description: 'certificate of a center or operator',
    },
    key: { type: 'string', default: 'data/pki/issued/center_desk-1.key', description: 'its key' },
    ca: { type: 'string', default: 'data/pki/ca.crt', description: 'the authority' },
    node: {
      type: 'array',
      items: { type: 'string' },
      default: [],
      description: 'show these nodes only, e.g. north/tlc-001',
    },
    json: { type: 'boolean', default: false, description: 'print messages as JSON lines' },
    timeoutS: {
      type: 'number',
      minimum: 1,
      default: 15,
      description: 'give up when not let in after so long',
    },
    seconds: { type: 'number', minimum: 0, default: 0, description: 'end after so long; 0: never' },
  },
  notes: ['', 'Exit codes: 0 ended by signal or --seconds, 2 not let in or a bad option.'],
}

const levels = [1, 2, 3] as const
const subscriptions = [
  'gateway/+/status/#',
  ...levels.flatMap((level) => [
    filters.ofType('presence', level).replace('/#', ''),
    filters.ofType('command', level),
    filters.ofType('result', level),
    filters.ofType('alarm', level),
    filters.ofType('status', level).replace('#', 'tlc.plan'),
    filters.ofType('status', level).replace('#', 'tlc.mode'),
    filters.ofType('status', level).replace('#', 'sim.street'),
  ]),
]

await runProgram<WatchOptions>(program, async (options, { signal, print }) => {
  const cert = readCertificate(options.cert)
  const client = mqtt.connect(options.url, {
    ca: readFile(options.ca),
    cert,
    key: readFile(options.key),
    clientId: `${nameIn(cert, options.cert)}/watch-${process.pid}`,
    protocolVersion: 4,
    clean: true,
    reconnectPeriod: 2_000,
    connectTimeout: 10_000,
  })
  client.on('message', (topic, payload) => {
    for (const text of textsOf(topic, payload, options)) print(text)
  })
  await connected(client, options.url, options.timeoutS * 1000)
  const granted = await client.subscribeAsync(subscriptions, { qos: 0 })
  if (options.json) print(JSON.stringify({ event: 'ready', subscriptions: granted.length }))
  const isOver = new Promise<void>((resolve) => {
    if (options.seconds > 0) setTimeout(resolve, options.seconds * 1000)
  })
  await Promise.race([untilStopped(signal), isOver])
  await client.endAsync(true)
  return 0
})

function textsOf(topicText: string, payload: Buffer, options: WatchOptions): readonly string[] {
  const topic = parseTopic(topicText)
  const decoded = decodePayload(payload)
  if (!isTopic(topic) || 'error' in decoded) return []
  if (options.json) {
    const isShown = options.node.length === 0 || options.node.includes(topic.node)
    return isShown ? [JSON.stringify({ topic: topicText, payload: decoded.value })] : []
  }
  return linesOf(topic, decoded.value)
    .filter((line) => options.node.length === 0 || options.node.includes(line.node))
    .map((line) => render(line, process.stdout.isTTY === true))
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
    const timer = setTimeout(() => {
      client.end(true)
      reject(CenterRefused(url, reason))
    }, timeoutMs)
    client.once('connect', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
