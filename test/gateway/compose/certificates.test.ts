/** The certificates a first start makes, and what is said about them. */
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openAuthority } from '../../../broker/pki/authority.ts'
import { provideCertificates } from '../../../gateway/compose/certificates.ts'
import { gatewayConfig } from '../../../gateway/config/gateway-config.ts'
import { type Log, silentLog } from '../../../gateway/kit/log.ts'

test('a gateway takes up other host names at its next start and says so; a revoked desk stays out', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'intergreen-certificates-'))
  onTestFinished(() => rmSync(dataDir, { recursive: true }))
  const said: string[] = []
  const log: Log = { ...silentLog, warn: (_, msg) => void said.push(msg) }
  const start = (...hostNames: string[]) =>
    provideCertificates({ ...gatewayConfig({ dataDir }), pki: { hostNames } }, log)

  await start()
  expect(said.splice(0)).toEqual([expect.stringContaining('--production refuses them')])
  await (await openAuthority(join(dataDir, 'pki'))).revoke('center/desk-1')
  const { certFile } = await start('gw.example', '192.0.2.7')
  expect(said.splice(0)).toEqual([
    expect.stringContaining('other host names'),
    expect.stringContaining('revoked'),
  ])
  const server = new X509Certificate(readFileSync(certFile))
  expect(server.checkHost('gw.example')).toBe('gw.example')
  expect(server.checkIP('192.0.2.7')).toBe('192.0.2.7')
})

test('whoever is shown at a first start has a certificate: desk, operator, street and load test', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'intergreen-certificates-'))
  onTestFinished(() => rmSync(dataDir, { recursive: true }))
  await provideCertificates(gatewayConfig({ dataDir }), silentLog)
  const known = (await openAuthority(join(dataDir, 'pki'))).list()
  expect(known.map(({ role, name }) => `${role} ${name}`)).toEqual([
    'server server',
    'center center/desk-1',
    'operator center/operator-1',
    'simulator north',
    'simulator load',
  ])
})
