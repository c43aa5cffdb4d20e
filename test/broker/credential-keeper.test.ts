/** Certificates that change, or cannot be looked at, while the broker runs. */
import { copyFileSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createCredentialKeeper } from '../../broker/credential-keeper.ts'
import { initAuthority } from '../../broker/pki/authority.ts'
import { normalSerial } from '../../broker/pki/serial.ts'
import { eventually } from '../support/eventually.ts'

async function watched({ hasList = true } = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'intergreen-keeper-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const authority = await initAuthority(dir, { name: 'City' })
  const { paths } = authority
  const issued = await authority.issue({ role: 'device', name: 'north/det-001' })
  await authority.revoke('north/det-001')
  const kept = join(dir, 'kept.pem')
  copyFileSync(paths.crl, kept)
  if (!hasList) rmSync(paths.crl)
  const errors: string[] = []
  const ignore = () => {}
  const keeper = createCredentialKeeper({
    files: {
      keyFile: paths.serverKey,
      certFile: paths.serverCert,
      caFile: paths.caCert,
      crlFile: paths.crl,
    },
    pollMs: 5,
    log: {
      debug: ignore,
      info: ignore,
      warn: ignore,
      error: (fields: { code?: unknown; err?: Error }) =>
        void errors.push(`${fields.code} ${fields.err?.message}`),
    } as never,
    refusals: {} as never,
    connections: () => [],
  })
  onTestFinished(() => keeper.stop())
  await keeper.load()
  let applied = 0
  keeper.watch(() => {
    applied += 1
  })
  return {
    keeper,
    errors,
    crl: paths.crl,
    revoked: normalSerial(issued.serial),
    applied: () => applied,
    putBack: () => copyFileSync(kept, paths.crl),
  }
}

test('a file that cannot even be looked at leaves the old credentials in force and the broker running', async () => {
  const { errors, crl, applied, putBack } = await watched()
  rmSync(crl)
  symlinkSync('crl.pem', crl) // A link to itself: not missing, and not to be opened.
  await eventually(() => expect(errors.join()).toContain('ELOOP'))
  expect(applied()).toBe(0)
  rmSync(crl)
  putBack()
  await eventually(() => expect(applied()).toBe(1))
})

test('a revocation list that disappears is an error, and who was revoked stays revoked', async () => {
  const { keeper, errors, crl, revoked, applied, putBack } = await watched()
  rmSync(crl)
  await eventually(() => expect(errors.join()).toMatch(/IG_ERR_TLS_CERT_UNREADABLE .*crl\.pem/))
  expect(keeper.isRevoked(revoked)).toBe(true)
  await keeper.reload()
  expect([keeper.isRevoked(revoked), applied()]).toEqual([true, 0])
  putBack()
  await eventually(() => expect(applied()).toBe(1))
  expect(keeper.isRevoked(revoked)).toBe(true)
})

test('where there never was a revocation list none is missed, and the first one counts as soon as it is there', async () => {
  const { keeper, errors, revoked, putBack } = await watched({ hasList: false })
  await keeper.reload()
  expect([keeper.isRevoked(revoked), errors]).toEqual([false, []])
  putBack()
  await eventually(() => expect(keeper.isRevoked(revoked)).toBe(true))
})
