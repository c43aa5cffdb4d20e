/**
 * Who may publish and subscribe to what. Pure; the whole table is here.
 *
 *   role        publishes under its own node               subscribes to
 *   device      presence status alarm result replay        own command/#, channel/#, reject
 *   simulator   as a device, for the node its client id names (any under its zone);
 *               <zone>/sim besides:                        gateway/+/status/gateway.clock
 *   center      presence                                   everything but $-topics
 *   operator    presence request result                    everything but $-topics
 *   priority    request, of vehicles only                  own result/#, reject
 *   emergency   as priority
 *
 * - Nobody publishes command, channel or reject: those are the gateway's, which does not pass here.
 * - A command subscription is exactly `<node>/command/#` at QoS 1: one filter, so that nothing overlaps (aedes#543), and
 *   acknowledged, so that a delivery has an outcome.
 * - `$share/…` is refused: Aedes 1.x would grant it and never deliver.
 */
import { mayAsk } from '../schemas/askers.ts'
import type { CodedError } from '../schemas/coded-error.ts'
import { isNodeId, type NodeId } from '../schemas/ids.ts'
import { filters, isTopic, type MessageType, parseTopic } from '../schemas/topics.ts'
import { AuthTopicDenied } from './errors.ts'
import type { Identity, Role } from './ports.ts'

const ofDevices: ReadonlySet<MessageType> = new Set([
  'presence',
  'status',
  'alarm',
  'result',
  'replay',
])
const publishable: Readonly<Record<Role, ReadonlySet<MessageType>>> = {
  device: ofDevices,
  simulator: ofDevices,
  center: new Set(['presence']),
  operator: new Set(['presence', 'request', 'result']),
  priority: new Set(['request']),
  emergency: new Set(['request']),
}

/** The node a client speaks for: its client id where a certificate covers many, else its certificate's name. */
export function nodeOf(identity: Identity, clientId: string): NodeId {
  return (identity.role === 'simulator' ? clientId : identity.name) as NodeId
}

/** Undefined when the client may. */
export function refusePublish(
  identity: Identity,
  clientId: string,
  text: string,
): CodedError | undefined {
  const deny = (why: string) =>
    AuthTopicDenied(identity.role, clientId, 'publish to', text.slice(0, 256), why)
  const topic = parseTopic(text)
  if (!isTopic(topic)) return deny(topic.reason)
  const node = nodeOf(identity, clientId)
  if (topic.node !== node) return deny(`it speaks for ${node}`)
  if (!publishable[identity.role].has(topic.type)) return deny(`not its type of message`)
  if (topic.type === 'request' && !mayAsk(identity.role, topic.code))
    return deny('it asks for vehicles: tlc.priority.request and release')
  return undefined
}

/** Undefined when the client may. */
export function refuseSubscribe(
  identity: Identity,
  clientId: string,
  filter: string,
  qos: number,
): CodedError | undefined {
  const deny = (why: string) =>
    AuthTopicDenied(identity.role, clientId, 'subscribe to', filter.slice(0, 256), why)
  if (filter.startsWith('$')) return deny('topics that begin with $ are not served')
  if (identity.role === 'center' || identity.role === 'operator') return undefined
  const node = nodeOf(identity, clientId)
  if (identity.role === 'priority' || identity.role === 'emergency') {
    if (filter === filters.resultsFor(node) || filter === filters.rejectFor(node)) return undefined
    return deny('it subscribes to its own result/# and reject')
  }
  if (filter === filters.commandsFor(node))
    return qos === 0 ? deny('commands are delivered at QoS 1') : undefined
  if (filter === filters.channelsFor(node) || filter === filters.rejectFor(node)) return undefined
  if (identity.role === 'simulator' && isClock(identity, clientId, filter)) return undefined
  return deny('a device subscribes to its own command/#, channel/# and reject')
}

/** The clock of a simulated street: `<zone>/sim` waits for the gateway to have caught up. */
function isClock({ name }: Identity, clientId: string, filter: string): boolean {
  if (clientId !== `${name}/sim`) return false
  const gateway = /^gateway\/([^/]+)\/status\/gateway\.clock$/.exec(filter)?.[1]
  return gateway === '+' || (gateway !== undefined && isNodeId(gateway))
}

/** Only the last presence is kept for those who subscribe later. */
export function isRetainable(topic: string): boolean {
  const parsed = parseTopic(topic)
  return isTopic(parsed) && parsed.type === 'presence'
}
