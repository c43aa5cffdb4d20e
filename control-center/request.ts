/**
 * An operator at a terminal: `npm run request -- stage north/tlc-001 2 --hold 60s`. Publishes one request with the
 * operator's certificate, and tells as JSON lines what is answered and what becomes of the commands made for it.
 *
 *   exit code 0: applied (a release: released) · 1: rejected, expired, taken back, no answer · 2: bad usage
 *
 * - It ends when the request is decided; the hold goes on in the gateway, and `release` gives the junction back.
 * - It asks once. Nothing is sent again after a lost connection: ask again by hand.
 */
import { createCommandId } from '../schemas/ids.ts'
import { decodePayload, encodePayload } from '../schemas/payload.ts'
import { runProgram } from '../schemas/program.ts'
import { filters, isTopic, parseTopic, type Topic, topics } from '../schemas/topics.ts'
import { type Desk, openDesk } from './desk.ts'
import { CenterRefused, CenterUnanswered } from './errors.ts'
import { createGatewayTime } from './gateway-time.ts'
import { type RequestOptions, requestProgram } from './request-options.ts'
import { type OperatorRequest, readWords, requestMessage } from './request-words.ts'

/** A simulated second of `npm start` is a tenth of one; a gateway in real time may have nothing to say for longer. */
const gatewayTimeMsMax = 1_500
/** Statuses that the gateway dates by what its clock shows as it says them. */
const tellsTime = new Set(['gateway.clock', 'gateway.accounts', 'gateway.control'])
/** What is decided last is answered, also when the gateway is busy. */
const graceMs = 30_000

await runProgram<RequestOptions>(
  requestProgram,
  async (options, { signal, positionals, print }) => {
    const request = readWords(positionals, options)
    // What the schema would refuse is said before anybody is asked.
    requestMessage(request, { ...dated(Date.now()), validS: options.validS })
    const desk = await openDesk(options, { purpose: 'request', reconnectMs: 0 })
    try {
      return await ask(desk, request, { options, signal, print })
    } finally {
      await desk.client.endAsync(true)
    }
  },
)

function dated(nowMs: number) {
  return { id: createCommandId(nowMs), nowMs }
}

interface Context {
  readonly options: RequestOptions
  readonly signal: AbortSignal
  print(line: string): void
}

async function ask(
  { client, name }: Desk,
  request: OperatorRequest,
  { options, signal, print }: Context,
): Promise<number> {
  const time = createGatewayTime({ nowMs: () => Date.now() })
  const over = Promise.withResolvers<number>()
  let timer: NodeJS.Timeout | undefined
  const giveUp = (why: string) => over.reject(CenterUnanswered(options.url, why))
  const endIn = (ms: number) => {
    clearTimeout(timer)
    timer = setTimeout(giveUp, ms, `${Math.round(ms / 1000)} s are over`)
  }
  let sent: { readonly id: string; readonly topic: string } | undefined
  let isAnswered = false

  function heed(topic: Topic, value: Loose): void {
    if (topic.type === 'status') {
      if (tellsTime.has(topic.code)) time.observe(value)
      if (sent && topic.code === 'gateway.commands') tellCommands(value)
    } else if (topic.type === 'result' && value.id === sent?.id) {
      const { ts, state, reason } = value
      print(JSON.stringify({ event: 'answer', ts, id: value.id, state, ...(reason && { reason }) }))
      isAnswered = true
      const code = exitCodeOf(state, request)
      if (code !== undefined) over.resolve(code)
      else endIn((request.holdForMs ?? 0) + options.etaS * 1000 + graceMs)
    } else if (topic.type === 'reject' && value.topic === sent?.topic) {
      print(JSON.stringify({ event: 'refused', ...value }))
      over.resolve(1)
    }
  }

  function tellCommands(value: Loose): void {
    for (const { ts, values } of value.entries ?? []) {
      const isOurs = values.junction === request.target && values.issuer.endsWith(`:${name}`)
      if (isOurs) print(JSON.stringify({ event: 'command', ts, ...values }))
    }
  }

  client.on('message', (text, payload) => {
    const topic = parseTopic(text)
    const decoded = decodePayload(payload)
    if (isTopic(topic) && 'value' in decoded) heed(topic, decoded.value)
  })
  client.once('close', () => {
    if (isAnswered) giveUp('the connection was lost')
    else over.reject(CenterRefused(options.url, 'only the certificate of an operator may ask'))
  })
  signal.addEventListener('abort', () => over.resolve(1), { once: true })
  // Awaited below; what comes before that is not unheard of.
  over.promise.catch(() => {})
  const node = name as Topic['node']
  await client.subscribeAsync(
    [filters.resultsFor(node), filters.rejectFor(node), 'gateway/+/status/#'],
    { qos: 1 },
  )
  await time.known(gatewayTimeMsMax)
  const now = dated(time.nowMs())
  const message = requestMessage(request, { ...now, validS: options.validS })
  sent = { id: now.id, topic: topics.request(node, request.code) }
  print(JSON.stringify({ event: 'request', topic: sent.topic, ...message }))
  endIn(options.answerS * 1000)
  // Its acknowledgement is not waited for: the answer tells more, and a closed door acknowledges nothing.
  client.publish(sent.topic, encodePayload(message), { qos: 1 })
  try {
    return await over.promise
  } finally {
    clearTimeout(timer)
  }
}

// biome-ignore lint/suspicious/noExplicitAny: the gateway says only what its schemas allow.
type Loose = any

/** Undefined while it is not decided. */
function exitCodeOf(state: string, { code }: OperatorRequest): number | undefined {
  if (state === 'accepted') return undefined
  return state === (code === 'release' ? 'released' : 'applied') ? 0 : 1
}
