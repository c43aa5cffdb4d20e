/** Certificates that change, or cannot be looked at, while the broker runs. */
import { copyFileSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createCredentialKeeper } from '../../broker/credential-keeper.ts'
import { initAuthority } from '../../broker/pki/authority.ts'

test('a file that cannot even be looked at leaves the old credentials in force and the broker running', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'intergreen-keeper-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const { paths } = await initAuthority(dir, { name: 'City' })
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
      error: (fields: { code?: unknown }) => void errors.push(String(fields.code)),
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
  const kept = join(dir, 'kept.pem')
  copyFileSync(paths.crl, kept)
  rmSync(paths.crl)
  symlinkSync('crl.pem', paths.crl) // A link to itself: not missing, and not to be opened.
  await vi.waitFor(() => expect(errors).toContain('IG_ERR_TLS_CERT_UNREADABLE'), 10_000)
  expect(applied).toBe(0)
  rmSync(paths.crl)
  copyFileSync(kept, paths.crl)
  await vi.waitFor(() => expect(applied).toBe(1), 10_000)
})
