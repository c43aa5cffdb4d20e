import type { TLSSocket } from 'node:tls'
import { expect, test } from 'vitest'
import { identityOf } from '../../broker/identity.ts'

/** Only the part of a socket that is read: what the certificate says of its holder. */
const holding = (CN: string, OU: string) =>
  ({
    getPeerCertificate: () => ({
      subject: { CN, OU },
      serialNumber: '0A',
      valid_to: 'Nov 22 07:00:00 2027 GMT',
    }),
  }) as unknown as TLSSocket

test('a certificate says who somebody is and in which role', () => {
  expect(identityOf(holding('north/tlc-001', 'device'))).toMatchObject({
    role: 'device',
    name: 'north/tlc-001',
    serial: 'a',
  })
})

test.each(['device', 'center', 'operator', 'priority', 'emergency', 'simulator'])(
  'the role %s is known',
  (role) => expect(identityOf(holding('somebody', role))).toMatchObject({ role }),
)

test.each(['gateway/main', 'gateway', 'web', 'web/page-1'])(
  'no certificate makes its holder %s, which is the house itself',
  (name) => {
    for (const role of ['device', 'simulator', 'operator']) {
      expect(identityOf(holding(name, role))).toMatchObject({ code: 'IG_ERR_AUTH_UNKNOWN_DEVICE' })
    }
  },
)
