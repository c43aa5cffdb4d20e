/**
 * Ids with a type of their own, made here only, so that a string that was never looked at cannot be taken for a node or a
 * command.
 */
import { ulid } from 'ulid'
import { IdMalformed } from './errors.ts'

declare const brand: unique symbol
type Branded<T, B> = T & { readonly [brand]: B }

/** One to three levels of `[a-z0-9-]`, normally `<zone>/<device>`. */
export type NodeId = Branded<string, 'NodeId'>
/** A ULID: its first 48 bits are the time of issue, so ids sort by age. */
export type CommandId = Branded<string, 'CommandId'>

const nodePattern = /^[a-z0-9-]{1,32}(\/[a-z0-9-]{1,32}){0,2}$/

export function isNodeId(text: string): text is NodeId {
  return nodePattern.test(text)
}

/** @throws IG_ERR_ID_MALFORMED */
export function parseNodeId(text: string): NodeId {
  if (isNodeId(text)) return text
  throw IdMalformed('node', text, 'one to three levels of a-z, 0-9 and -, separated by /')
}

/** A new command id for the given moment; `random` (0 ≤ x < 1) makes it repeatable. */
export function createCommandId(nowMs: number, random?: () => number): CommandId {
  return ulid(nowMs, random) as CommandId
}

/** The zone of a node: its first level. */
export function zoneOf(node: NodeId): string {
  const slash = node.indexOf('/')
  return slash < 0 ? node : node.slice(0, slash)
}
