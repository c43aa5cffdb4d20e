/**
 * Which statuses devices are to send, and how often: rules of the configuration, told to each device when it connects.
 *
 *   north/+/channel/traffic.queue/live=5s       every device of the zone, at most one message in 5 s
 *   north/det-007/channel/traffic.queue/live=on this one as it likes: of several rules that name a channel the last counts
 *
 * - It is desired state: nothing is queued for a device that is away, and all is told again whenever it is back.
 * - A device without a rule hears nothing of this. To undo a rule, turn it into `on`; a device remembers what it was told.
 */
import type { Channel } from '../../schemas/generated/messages.ts'
import { createCommandId, type NodeId } from '../../schemas/ids.ts'
import { formatTimestamp } from '../../schemas/time.ts'
import { isTopic, parseTopic, topics } from '../../schemas/topics.ts'
import { messageValidator, validateMessage } from '../../schemas/validators.ts'
import { ChannelRuleInvalid } from './errors.ts'

export interface ChannelPorts {
  /** At QoS 1, to the device alone. */
  send(topic: string, message: Channel): void
  readonly sent: { add(amount: number, labels: { readonly state: Channel['state'] }): void }
  nowMs(): number
}

export interface Channels {
  /** The device is connected and has subscribed. */
  tell(node: NodeId): void
}

type Order = Pick<Channel, 'state' | 'intervalMs'>

interface Rule {
  /** Levels of the node; `+` is any. */
  readonly levels: readonly string[]
  readonly code: string
  readonly channel: string
  readonly order: Order
}

/** @throws IG_ERR_CHANNEL_RULE_INVALID */
export function createChannels(texts: readonly string[], ports: ChannelPorts): Channels {
  const rules = texts.map(readRule)
  return {
    tell(node) {
      const levels = node.split('/')
      const orders = new Map<string, Order>()
      for (const { code, channel, order, levels: wanted } of rules) {
        const isMeant =
          wanted.length === levels.length &&
          wanted.every((level, at) => level === '+' || level === levels[at])
        if (isMeant) orders.set(topics.channel(node, code, channel), order)
      }
      for (const [topic, order] of orders) {
        ports.send(topic, messageOf(order, ports.nowMs()))
        ports.sent.add(1, { state: order.state })
      }
    },
  }
}

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1_000, min: 60_000 }

function readRule(text: string): Rule {
  const refuse = (why: string) => ChannelRuleInvalid(text, why)
  const [pattern = '', state = '', ...more] = text.split('=')
  const levels = pattern.split('/')
  const nodeLevels = levels.indexOf('channel')
  // A `+` stands for a level that is valid whatever it is.
  const valid = levels.map((level, at) => (level === '+' && at < nodeLevels ? 'any' : level))
  const topic = parseTopic(valid.join('/'))
  if (!isTopic(topic)) throw refuse(topic.reason)
  if (topic.type !== 'channel' || more.length > 0) throw refuse('it names no channel')
  if (!messageValidator('status', topic.code)) throw refuse(`there is no status ${topic.code}`)
  const [, amount, unit = ''] = /^(\d+)(ms|s|min)$/.exec(state) ?? []
  const order =
    amount === undefined
      ? { state: state as Channel['state'] }
      : { state: 'on' as const, intervalMs: Number(amount) * (unitMs[unit] ?? 0) }
  const errors = validateMessage('channel', topic.code, messageOf(order, 0))
  if (Array.isArray(errors)) throw refuse(`${state || 'nothing'}: ${errors[0]?.message}`)
  return { levels: levels.slice(0, nodeLevels), code: topic.code, channel: topic.channel, order }
}

function messageOf(order: Order, nowMs: number): Channel {
  return { id: createCommandId(nowMs), ts: formatTimestamp(nowMs), ...order }
}
