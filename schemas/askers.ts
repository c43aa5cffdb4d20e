/**
 * Who may ask the gateway for what. The role in the asker's certificate decides, never what a message says of itself.
 * Pure; the broker asks it for the code, the gate and control for what the message claims.
 *
 *   role        asks for                          for which kinds of vehicle
 *   operator    everything                        all
 *   emergency   tlc.priority.request, release     all
 *   priority    tlc.priority.request, release     bus, tram
 */
import type { CodedError } from './coded-error.ts'
import { MsgBeyondCertificate } from './errors.ts'

export type AskerRole = 'operator' | 'emergency' | 'priority'

const ofVehicles: ReadonlySet<string> = new Set(['tlc.priority.request', 'release'])
const withoutSiren: ReadonlySet<unknown> = new Set(['bus', 'tram'])

export function mayAsk(role: string | undefined, code: string): boolean {
  switch (role) {
    case 'operator':
      return true
    case 'emergency':
    case 'priority':
      return ofVehicles.has(code)
    default:
      return false
  }
}

/** Undefined when the role allows what is asked for. A role that nobody knows allows nothing. */
export function refuseAsk(
  role: string | undefined,
  code: string,
  values: { readonly kind?: unknown },
): CodedError | undefined {
  if (!mayAsk(role, code)) return MsgBeyondCertificate(role ?? 'unknown', code)
  if (role === 'priority' && code !== 'release' && !withoutSiren.has(values.kind))
    return MsgBeyondCertificate(role, `${code} of kind ${values.kind}`)
  return undefined
}
