import { X509Certificate } from 'node:crypto'
import { expect, test } from 'vitest'
import { identityOf } from '../../broker/identity.ts'
import * as x509 from '../../broker/pki/x509.ts'

/** As an authority might issue it: what the certificate says of its holder, an attribute or several together a step. */
async function certificateOf(subject: Record<string, string[]>[]): Promise<X509Certificate> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: '0A',
    name: subject,
    notBefore: new Date('2026-11-22T07:00:00Z'),
    notAfter: new Date('2027-11-22T07:00:00Z'),
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    keys: await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']),
  })
  return new X509Certificate(Buffer.from(certificate.rawData))
}

const holding = (name: string, role: string) => certificateOf([{ CN: [name] }, { OU: [role] }])
const unknown = { code: 'IG_ERR_AUTH_UNKNOWN_DEVICE' }

test('a certificate says who somebody is and in which role, and until when', async () => {
  expect(identityOf(await holding('north/tlc-001', 'device'))).toEqual({
    role: 'device',
    name: 'north/tlc-001',
    serial: 'a',
    notAfterMs: Date.parse('2027-11-22T07:00:00Z'),
  })
})

test.each(['device', 'center', 'operator', 'priority', 'emergency', 'simulator'])(
  'the role %s is known',
  async (role) => expect(identityOf(await holding('somebody', role))).toMatchObject({ role }),
)

test.each(['gateway/main', 'gateway', 'web', 'web/page-1'])(
  'no certificate makes its holder %s, which is the house itself',
  async (name) => {
    for (const role of ['device', 'simulator', 'operator'])
      expect(identityOf(await holding(name, role))).toMatchObject(unknown)
  },
)

test.each([
  ['without a role', [{ CN: ['north/tlc-001'] }]],
  ['without a name', [{ OU: ['device'] }]],
  ['of an unknown role', [{ CN: ['north/tlc-001'] }, { OU: ['mayor'] }]],
  ['with two names', [{ CN: ['north/tlc-001'] }, { CN: ['north/tlc-002'] }, { OU: ['device'] }]],
  ['with two roles', [{ CN: ['north/tlc-001'] }, { OU: ['device'] }, { OU: ['operator'] }]],
  ['with two names in one step', [{ CN: ['north/tlc-001', 'north/tlc-002'] }, { OU: ['device'] }]],
  ['whose name hides a role', [{ CN: ['north/tlc-001\nOU=operator'] }]],
  ['whose name hides a role beside its own', [{ CN: ['desk\nOU=operator'] }, { OU: ['device'] }]],
  ['whose organization hides a role', [{ CN: ['north/tlc-001'] }, { O: ['x\nOU=operator'] }]],
] as [string, Record<string, string[]>[]][])(
  'somebody with a certificate %s is nobody',
  async (_, subject) => expect(identityOf(await certificateOf(subject))).toMatchObject(unknown),
)

test('somebody without a certificate is nobody', () => {
  expect(identityOf(undefined)).toMatchObject(unknown)
})
