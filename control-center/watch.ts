/**
 * The control center in a terminal: `npm run watch`. Subscribes with a center's certificate and prints one line an
 * event: decisions and what they rest on, commands and each step of their life, what the junctions really run.
 *
 * Only listens. Colour only on a terminal; --json prints each message as it is, one JSON line.
 */
import { decodePayload } from '../schemas/payload.ts'
import { runProgram, untilStopped } from '../schemas/program.ts'
import { filters, isTopic, parseTopic } from '../schemas/topics.ts'
import { openDesk } from './desk.ts'
import { linesOf, render } from './watch-lines.ts'
import { type WatchOptions, watchProgram } from './watch-options.ts'

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

await runProgram<WatchOptions>(watchProgram, async (options, { signal, print }) => {
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
    const isShown = options.nodes.length === 0 || options.nodes.includes(topic.node)
    return isShown ? [JSON.stringify({ topic: topicText, payload: decoded.value })] : []
  }
  return linesOf(topic, decoded.value)
    .filter((line) => options.nodes.length === 0 || options.nodes.includes(line.node))
    .map((line) => render(line, process.stdout.isTTY === true))
}
