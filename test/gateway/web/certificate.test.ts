/** The HTTPS page's certificate, read anew while the gateway runs. */
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { initAuthority } from '../../../broker/pki/authority.ts'
import { silentLog } from '../../../gateway/kit/log.ts'
import { createWeb, type WebOptions } from '../../../gateway/web/server.ts'
import { eventually } from '../../support/eventually.ts'

async function openSecureWeb(overrides: Partial<WebOptions> = {}) {
  const dir = mkdtempSync(join(tmpdir(), 'intergreen-web-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const authority = await initAuthority(dir, { name: 'City' })
  const { serverKey: keyFile, serverCert: certFile } = authority.paths
  const errors: unknown[] = []
  const web = createWeb({
    host: '127.0.0.1',
    port: 0,
    tls: { keyFile, certFile },
    certificatePollMs: 20,
    files: {},
    metrics: async () => '',
    health: () => ({ ready: true, findings: [] }),
    acceptCenter: () => {},
    log: { ...silentLog, error: (fields) => void errors.push(fields.code) },
    ...overrides,
  })
  onTestFinished(() => web.stop(1_000))
  return { authority, certFile, keyFile, web, errors }
}

async function serialShown(port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  await once(socket, 'secureConnect')
  const { serialNumber } = socket.getPeerCertificate()
  socket.destroy()
  return serialNumber
}
const serialIn = (path: string) => new X509Certificate(readFileSync(path)).serialNumber

test('a renewed certificate is shown to who connects next, without a restart', async () => {
  const { authority, certFile, web } = await openSecureWeb()
  await web.start(new AbortController().signal)
  const { port } = web.address()
  const before = serialIn(certFile)
  expect(await serialShown(port)).toBe(before)
  await authority.renew('server')
  expect(serialIn(certFile)).not.toBe(before)
  await eventually(async () => expect(await serialShown(port)).toBe(serialIn(certFile)))
})

test('a pair that does not fit leaves the old one in force and is told', async () => {
  const { keyFile, certFile, web, errors } = await openSecureWeb()
  await web.start(new AbortController().signal)
  const before = await serialShown(web.address().port)
  const other = await openSecureWeb()
  copyFileSync(other.keyFile, keyFile)
  await eventually(() => expect(errors).toContain('IG_ERR_WEB_CERT_UNREADABLE'))
  expect(await serialShown(web.address().port)).toBe(before)
  copyFileSync(other.certFile, certFile)
  await eventually(async () => {
    expect(await serialShown(web.address().port)).toBe(serialIn(other.certFile))
  })
})

test('a start without a usable certificate is IG_ERR_WEB_CERT_UNREADABLE', async () => {
  const { certFile, web } = await openSecureWeb()
  writeFileSync(certFile, 'nothing')
  await expect(web.start(new AbortController().signal)).rejects.toMatchObject({
    code: 'IG_ERR_WEB_CERT_UNREADABLE',
    message: expect.stringContaining(certFile),
  })
})

test('a connection over TLS frees its place when it ends', async () => {
  const { web } = await openSecureWeb({
    limits: { connectionsMax: 2, connectionsOfOneMax: 2, requestsMax: 9, requestsOfOneMax: 9 },
  })
  await web.start(new AbortController().signal)
  for (let round = 0; round < 5; round++)
    await eventually(async () => expect(await serialShown(web.address().port)).not.toBe(''))
})
