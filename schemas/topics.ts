/**
 * The topics: the only place that builds or takes one apart (RSMP 4's shape, docs/topics.md).
 *
 *   <node>/<type>/<code>[/<channel>]      node: one to three levels of [a-z0-9-]
 *   <node>/presence   <node>/reject       these two have no code
 *
 * A node may not contain a level that is the name of a type: the first such level ends the node.
 */
import { isNodeId, type NodeId } from './ids.ts'

export const messageTypes = [
  'presence',
  'status',
  'alarm',
  'result',
  'replay',
  'request',
  'command',
  'channel',
  'reject',
] as const

export type MessageType = (typeof messageTypes)[number]

export interface Topic {
  readonly node: NodeId
  readonly type: MessageType
  /** Empty for presence and reject. */
  readonly code: string
  /** Empty where there is none. */
  readonly channel: string
}

const types: ReadonlySet<string> = new Set(messageTypes)
const withoutCode: ReadonlySet<string> = new Set(['presence', 'reject'])
const withChannel: ReadonlySet<string> = new Set(['status', 'replay', 'channel'])
const codePattern = /^[a-z][a-z0-9-]{0,31}(\.[a-z][a-z0-9-]{0,31}){0,3}$/
const channelPattern = /^[a-z0-9][a-z0-9-]{0,31}$/
const topicLengthMax = 256 // The longest legal topic is shorter; longer ones are not worth splitting.

/** The parts of a topic, or the reason why it is none. */
export function parseTopic(text: string): Topic | { readonly reason: string } {
  if (text.length > topicLengthMax) return { reason: `longer than ${topicLengthMax} characters` }
  const levels = text.split('/')
  const at = levels.findIndex((level) => types.has(level))
  if (at < 0) return { reason: 'no level is a message type' }
  const node = levels.slice(0, at).join('/')
  if (!isNodeId(node)) return { reason: 'the node is not one to three levels of a-z, 0-9 and -' }
  const type = levels[at] as MessageType
  const rest = levels.slice(at + 1)
  if (withoutCode.has(type)) {
    if (rest.length > 0) return { reason: `${type} is the last level` }
    return { node, type, code: '', channel: '' }
  }
  const [code = '', channel = ''] = rest
  if (!codePattern.test(code)) return { reason: `${type} wants a code like traffic.count` }
  if (rest.length > 2) return { reason: 'too many levels' }
  if (rest.length === 2 && !(withChannel.has(type) && channelPattern.test(channel))) {
    return { reason: `channel ${JSON.stringify(channel)} is not allowed here` }
  }
  return { node, type, code, channel }
}

export function isTopic(parsed: Topic | { readonly reason: string }): parsed is Topic {
  return 'node' in parsed
}

const withOptional = (base: string, channel?: string) => (channel ? `${base}/${channel}` : base)

export const topics = {
  presence: (node: NodeId) => `${node}/presence`,
  status: (node: NodeId, code: string, channel?: string) =>
    withOptional(`${node}/status/${code}`, channel),
  replay: (node: NodeId, code: string, channel?: string) =>
    withOptional(`${node}/replay/${code}`, channel),
  alarm: (node: NodeId, code: string) => `${node}/alarm/${code}`,
  result: (node: NodeId, code: string) => `${node}/result/${code}`,
  request: (node: NodeId, code: string) => `${node}/request/${code}`,
  command: (node: NodeId, code: string) => `${node}/command/${code}`,
  channel: (node: NodeId, code: string, channel?: string) =>
    withOptional(`${node}/channel/${code}`, channel),
  reject: (node: NodeId) => `${node}/reject`,
}

/** Filters, for who subscribes. `#` at a type covers all its codes. */
export const filters = {
  /** The one subscription a device has for commands (never overlapping another: aedes#543). */
  commandsFor: (node: NodeId) => `${node}/command/#`,
  channelsFor: (node: NodeId) => `${node}/channel/#`,
  rejectFor: (node: NodeId) => `${node}/reject`,
  resultsFor: (node: NodeId) => `${node}/result/#`,
  /** A type of all nodes that have exactly `levels` levels. */
  ofType: (type: MessageType, levels: 1 | 2 | 3) =>
    `${Array(levels).fill('+').join('/')}/${type}/#`,
}
