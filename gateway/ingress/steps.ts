/**
 * The steps a message takes at the door, in the order they stand in `steps`. Each looks at one thing.
 *
 * - A step answers nothing (go on), or the verdict; the reason is then in `passage.error` and `passage.path`.
 * - Steps change nothing that outlives the message, but for routes being learnt; what is to be remembered is
 *   remembered only when the ledger has taken the message.
 */
import { type AskerRole, mayAsk, refuseAsk } from '../../schemas/askers.ts'
import type { CodedError } from '../../schemas/coded-error.ts'
import { MsgSchema, MsgUnknownCode, TopicMalformed } from '../../schemas/errors.ts'
import { decodePayload } from '../../schemas/payload.ts'
import { isTopic, type MessageType, parseTopic } from '../../schemas/topics.ts'
import { errorsOf, messageValidator } from '../../schemas/validators.ts'
import { MsgDeviceMismatch, MsgPayloadTooLarge, MsgTimeImplausible } from './errors.ts'
import type { IngressLimits } from './limits.ts'
import type { Arrival, Notes, PlausibilityJudge } from './ports.ts'
import type { Route, Routes } from './routes.ts'
import { printOf } from './sequence.ts'
import { readTimestamp } from './timestamp.ts'

/** One message on its way through the door. There is one such object; it is used again for the next message. */
export interface Passage {
  arrival: Arrival
  receivedAtMs: number
  route: Route | undefined
  value: unknown
  /** Of each entry, or one of the message. */
  readonly tsMs: number[]
  readonly seqs: number[]
  /** Checksum and length of the payload: same print, same content. */
  print: number
  notes: Notes | undefined
  error: CodedError | undefined
  path: string
}

export interface Door {
  readonly limits: IngressLimits
  readonly routes: Routes
  readonly plausibility: PlausibilityJudge | undefined
}

export type Stop = 'quarantine' | 'refuse' | 'duplicate'
export type Step = (passage: Passage, door: Door) => Stop | undefined

export const steps: readonly Step[] = [
  findRoute,
  matchIdentity,
  limitSize,
  parse,
  checkSchema,
  checkAsker,
  checkClock,
  judgePlausibility,
  checkSequence,
]

const fromDevices: ReadonlySet<MessageType> = new Set([
  'presence',
  'status',
  'alarm',
  'result',
  'replay',
  'request',
])

function findRoute(passage: Passage, { routes }: Door): Stop | undefined {
  const text = passage.arrival.topic
  passage.route = routes.find(text)
  if (passage.route !== undefined) return undefined
  const topic = parseTopic(text)
  if (!isTopic(topic)) return quarantine(passage, '', TopicMalformed(text, topic.reason))
  if (!fromDevices.has(topic.type)) {
    return quarantine(passage, '', TopicMalformed(text, `${topic.type} is not sent to the gateway`))
  }
  // Before anything is remembered under a node, its sender must be allowed to use it.
  if (!maySpeakFor(passage.arrival, topic.node)) return mismatch(passage, topic.node)
  const validate = messageValidator(topic.type, topic.code)
  if (!validate) return quarantine(passage, '', MsgUnknownCode(topic.type, topic.code))
  passage.route = routes.add(text, topic, validate)
  return undefined
}

function matchIdentity(passage: Passage): Stop | undefined {
  const { identity } = passage.arrival
  const route = passage.route as Route
  if (route.allowed === identity) return undefined
  if (!maySpeakFor(passage.arrival, route.topic.node)) return mismatch(passage, route.topic.node)
  route.allowed = identity
  return undefined
}

/** The broker's ACL has asked this already; the door does not rely on it. */
function maySpeakFor({ identity }: Arrival, node: string): boolean {
  if (identity.role === 'simulator') return node.startsWith(`${identity.name}/`)
  return node === identity.name
}

function mismatch(passage: Passage, node: string): Stop {
  passage.error = MsgDeviceMismatch(passage.arrival.identity.name, node)
  return 'refuse'
}

function limitSize(passage: Passage, { limits }: Door): Stop | undefined {
  const bytes = passage.arrival.payload.length
  if (bytes <= limits.messageBytesMax) return undefined
  return quarantine(passage, '', MsgPayloadTooLarge(bytes, limits.messageBytesMax))
}

function parse(passage: Passage): Stop | undefined {
  const decoded = decodePayload(passage.arrival.payload)
  if ('error' in decoded) return quarantine(passage, '', decoded.error)
  passage.value = decoded.value
  return undefined
}

function checkSchema(passage: Passage): Stop | undefined {
  const { validate, topic } = passage.route as Route
  if (validate(passage.value)) return undefined
  const [first] = errorsOf(validate)
  const path = first?.path ?? '/'
  return quarantine(passage, path, MsgSchema(`${topic.type} ${topic.code}`, path, first?.message))
}

/** What may be asked for is the certificate's to say. Control, which sees no certificates, is told the role. */
function checkAsker(passage: Passage): Stop | undefined {
  const { type, code } = (passage.route as Route).topic
  if (type !== 'request') return undefined
  const { role } = passage.arrival.identity
  const { values } = passage.value as { values: { kind?: unknown } }
  const error = refuseAsk(role, code, values)
  if (error) return quarantine(passage, mayAsk(role, code) ? '/values/kind' : '', error)
  note(passage).askerRole = role as AskerRole
  return undefined
}

interface Entry {
  readonly ts: string
  readonly seq?: number
  readonly values?: { readonly windowMs?: unknown }
}

function checkClock(passage: Passage, { limits }: Door): Stop | undefined {
  const route = passage.route as Route
  const { entries, ts } = passage.value as { entries?: readonly Entry[]; ts?: string }
  passage.tsMs.length = 0
  passage.seqs.length = 0
  if (entries === undefined) return checkTime(passage, ts as string, '/ts', limits)
  for (let i = 0; i < entries.length; i++) {
    const entry = entries[i] as Entry
    const stop = checkTime(passage, entry.ts, '', limits)
    if (stop !== undefined) {
      passage.path = `/entries/${i}/ts`
      return stop
    }
    if (!route.isNumbered) continue
    passage.seqs.push(entry.seq as number)
    const windowMs = entry.values?.windowMs
    if (typeof windowMs === 'number' && (passage.tsMs[i] as number) % windowMs !== 0) {
      note(passage).misaligned = true
    }
  }
  if (route.topic.type === 'replay') note(passage).replay = true
  return undefined
}

function checkTime(
  passage: Passage,
  ts: string,
  path: string,
  limits: IngressLimits,
): Stop | undefined {
  const tsMs = readTimestamp(ts)
  if (tsMs === undefined) {
    return quarantine(passage, path, MsgSchema('a timestamp', path || 'ts', 'there is no such day'))
  }
  passage.tsMs.push(tsMs)
  const { type } = (passage.route as Route).topic
  const aheadMs = tsMs - passage.receivedAtMs
  if (aheadMs > limits.futureMs) {
    if (aheadMs > limits.futureMsMax) return implausible(passage, path, ts, aheadMs)
    note(passage).future = true
  } else if (type !== 'presence' && -aheadMs > limits.lateMs) {
    // A presence may be a will, written when its connection began: it is never late.
    const pastMsMax = type === 'replay' ? limits.replayPastMsMax : limits.pastMsMax
    if (-aheadMs > pastMsMax) return implausible(passage, path, ts, aheadMs)
    if (type !== 'replay') note(passage).late = true
  }
  return undefined
}

function implausible(passage: Passage, path: string, ts: string, aheadMs: number): Stop {
  const side = aheadMs > 0 ? 'ahead of' : 'behind'
  const seconds = Math.round(Math.abs(aheadMs) / 1_000)
  return quarantine(passage, path, MsgTimeImplausible(ts, side, seconds))
}

function judgePlausibility(passage: Passage, { plausibility }: Door): Stop | undefined {
  const route = passage.route as Route
  if (plausibility === undefined || route.topic.type !== 'status') return undefined
  const qualities = plausibility.judge(route.topic, passage.value, passage.receivedAtMs)
  if (qualities !== undefined) note(passage).qualities = qualities
  return undefined
}

function checkSequence(passage: Passage, { routes }: Door): Stop | undefined {
  const { sequence, isNumbered, repeats, topic } = passage.route as Route
  if (sequence === undefined) return undefined
  const { seqs, tsMs } = passage
  passage.print = printOf(passage.arrival.payload)
  const finding = sequence.judge(seqs[0] ?? 0, tsMs[0] ?? 0, passage.print)
  if (finding === 'duplicate') return 'duplicate'
  if (!isNumbered) return undefined
  if (repeats !== undefined) return isKnown(passage, routes.find(repeats)) ? 'duplicate' : undefined
  if (finding === 'restarted') note(passage).restarted = true
  let last = finding === 'restarted' || sequence.last < 0 ? (seqs[0] as number) - 1 : sequence.last
  let missing = 0
  for (const seq of seqs) {
    if (seq > last + 1) missing += seq - last - 1
    if (seq > last) last = seq
  }
  if (missing > 0 && topic.type === 'status') note(passage).gap = missing
  return undefined
}

/** All that a replay brings has come before, and it says nothing else. */
function isKnown(passage: Passage, original: Route | undefined): boolean {
  if (original?.sequence === undefined) return false
  if ((passage.value as { done?: boolean }).done !== undefined) return false
  const { seqs, tsMs } = passage
  for (let i = 0; i < seqs.length; i++) {
    if (!original.sequence.has(seqs[i] as number, tsMs[i] as number)) return false
  }
  return true
}

function note(passage: Passage): Notes {
  passage.notes ??= {}
  return passage.notes
}

function quarantine(passage: Passage, path: string, error: CodedError): Stop {
  passage.error = error
  passage.path = path
  return 'quarantine'
}
