/**
 * Whose alarm is it? A device's own; of the gateway's alarms, the device they name: the gateway raises `detector.fault` and
 * `system.clock` under its own node about somebody else.
 *
 * Only the gateway may speak of others: what a device says in `values.node` changes nothing.
 */
import { type NodeId, zoneOf } from '../../schemas/ids.ts'

const gatewayZone = 'gateway'

export function alarmNode(publisher: NodeId, values: { readonly node?: unknown }): string {
  const { node } = values
  return zoneOf(publisher) === gatewayZone && typeof node === 'string' ? node : publisher
}
