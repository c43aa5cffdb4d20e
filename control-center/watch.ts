/**
 * The control center in a terminal: `npm run watch`. Subscribes with a center's certificate and prints one line an
 * event: decisions and what they rest on, commands and each step of their life, what the junctions really run.
 *
 * Only listens. Colour only on a terminal; --json prints each message as it is, one JSON line.
 */
import type { ProgramSchema } from '../schemas/command-line.ts'
import { decodePayload } from '../schemas/payload.ts'
import { runProgram, untilStopped } from '../schemas/program.ts'
import { filters, isTopic, parseTopic } from '../schemas/topics.ts'
import { type DeskOptions, deskOptions, openDesk } from './desk.ts'
import { linesOf, render } from './watch-lines.ts'

interface WatchOptions extends DeskOptions {
  readonly node: readonly string[]
  readonly json: boolean
  readonly seconds: number
}

const program: ProgramSchema = {
  name: 'npm run watch --',
  summary: 'Shows commands and their life as they happen, and what each decision was based on.',
  properties: {
    ...deskOptions('center/desk-1'),
    node: {
      type: 'array',
      items: { type: 'string' },
      default: [],
      description: 'show these nodes only, e.g. north/tlc-001',
    },
    json: { type: 'boolean', default: false, description: 'print messages as JSON lines' },
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
  const { client } = await openDesk(options, { purpose: 'watch', reconnectMs: 2_000 })
  client.on('message', (topic, payload) => {
    for (const text of textsOf(topic, payload, options)) print(text)
  })
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
