/**
 * From a client certificate to an identity, and which client ids belong to it. Pure.
 *
 * Common name = name, organizational unit = role. The chain was proven by TLS before anything here is asked. Of the
 * certificate only these and its serial and end are read: to take all of it apart is a tenth of a connect.
 */
import type { X509Certificate } from 'node:crypto'
import type { CodedError } from '../schemas/coded-error.ts'
import { isNodeId } from '../schemas/ids.ts'
import { AuthClientIdMismatch, AuthUnknownDevice } from './errors.ts'
import { clientIdLengthMax } from './limits.ts'
import { normalSerial } from './pki/serial.ts'
import type { Identity, Role } from './ports.ts'

/** What a certificate says, and until when it may. */
export interface CertifiedIdentity extends Identity {
  readonly notAfterMs: number
}

/** First levels under which the house itself speaks: the gateways, and the pages they serve. No certificate has them. */
const ownLevels: ReadonlySet<string> = new Set(['gateway', 'web'])
const roles: readonly Role[] = [
  'device',
  'center',
  'operator',
  'priority',
  'emergency',
  'simulator',
]

export function identityOf(
  certificate: X509Certificate | undefined,
): CertifiedIdentity | CodedError {
  if (certificate === undefined) return AuthUnknownDevice('', 'no certificate')
  const { subject } = certificate
  const name = single(subject, 'CN')
  const unit = single(subject, 'OU')
  if (name === undefined || unit === undefined)
    return AuthUnknownDevice(JSON.stringify(subject ?? ''), 'it wants one CN and one OU')
  const role = roles.find((one) => one === unit)
  if (role === undefined) return AuthUnknownDevice(name, `role ${JSON.stringify(unit)} is unknown`)
  if (!isNodeId(name)) return AuthUnknownDevice(name, 'its name is no node')
  if (ownLevels.has(name.split('/')[0] ?? ''))
    return AuthUnknownDevice(name, "that name is the gateway's own")
  return {
    role,
    name,
    serial: normalSerial(certificate.serialNumber),
    notAfterMs: certificate.validToDate.getTime(),
  }
}

/**
 * The value of an attribute that the subject has once: a line each, `CN=north/tlc-001`. What stands in a value and could be
 * taken for another line or attribute is escaped there [RFC 2253 §2.4], and no name or role of ours needs an escape.
 */
function single(subject: string | undefined, attribute: 'CN' | 'OU'): string | undefined {
  const head = `${attribute}=`
  const lines = subject?.split('\n').filter((line) => line.startsWith(head)) ?? []
  const [line] = lines
  return lines.length === 1 && line !== head ? line?.slice(head.length) : undefined
}

const printable = /^[\x21-\x7e]+$/

/** Undefined when the client id belongs to the identity. */
export function refuseClientId(identity: Identity, clientId: string): CodedError | undefined {
  return ownsClientId(identity, clientId)
    ? undefined
    : AuthClientIdMismatch(clientId.slice(0, clientIdLengthMax), identity.role, identity.name)
}

function ownsClientId({ role, name }: Identity, clientId: string): boolean {
  if (clientId.length > clientIdLengthMax || !printable.test(clientId)) return false
  switch (role) {
    case 'device':
      return clientId === name
    case 'simulator':
      return clientId.startsWith(`${name}/`) && isNodeId(clientId)
    default:
      return (
        clientId === name || (clientId.startsWith(`${name}/`) && clientId.length > name.length + 1)
      )
  }
}
