/** Certificates as OpenSSL and Node read them, and what an authority keeps. */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { initAuthority, openAuthority } from '../../../broker/pki/authority.ts'
import { developmentAuthorityName, ensureDevelopmentPki } from '../../../broker/pki/development.ts'
import * as x509 from '../../../broker/pki/x509.ts'
import { makeDir } from '../house.ts'

const read = (path: string) => new X509Certificate(readFileSync(path))
const dayMs = 86_400_000

test('the server certificate is good for localhost, both loopback addresses and the names given', async () => {
  const { paths } = await initAuthority(join(makeDir(), 'pki'), {
    name: 'City',
    dns: ['gw.example'],
    ip: ['192.0.2.7'],
  })
  const server = read(paths.serverCert)
  for (const host of ['localhost', 'gw.example'])
    expect(server.checkHost(host, { subject: 'never' })).toBe(host)
  for (const ip of ['127.0.0.1', '::1', '192.0.2.7']) expect(server.checkIP(ip)).toBe(ip)
  expect(server.checkHost('other.example')).toBeUndefined()
  expect(server.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1'])
  expect(server.verify(read(paths.caCert).publicKey)).toBe(true)
})

test('a device certificate names node and role, is for clients only and can sign nothing', async () => {
  const authority = await initAuthority(makeDir(), { name: 'City' })
  const issued = await authority.issue({ role: 'device', name: 'north/tlc-1', days: 30 })
  const device = read(issued.certFile)
  expect(device.subject).toBe('CN=north/tlc-1\nOU=device')
  expect(device.ca).toBe(false)
  expect(device.keyUsage).toEqual(['1.3.6.1.5.5.7.3.2'])
  expect(read(authority.paths.caCert).ca).toBe(true)
  expect(device.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1')
  const days = (Date.parse(device.validTo) - Date.now()) / dayMs
  expect(Math.round(days)).toBe(30)
  expect(issued.serial).toMatch(/^[4-7][0-9a-f]{31}$/)
})

test('private keys are readable by their owner only and no draft is left behind', async () => {
  const authority = await initAuthority(makeDir(), { name: 'City' })
  const issued = await authority.issue({ role: 'device', name: 'north/tlc-1' })
  const { paths } = authority
  for (const key of [paths.caKey, paths.serverKey, issued.keyFile])
    expect(statSync(key).mode & 0o777).toBe(0o600)
  const files = [...readdirSync(paths.dir), ...readdirSync(join(paths.dir, 'issued'))]
  expect(files.filter((name) => name.endsWith('.tmp'))).toEqual([])
})

test('a leaf never outlives its authority', async () => {
  const authority = await initAuthority(makeDir(), { name: 'City', days: 10 })
  const { notAfter } = await authority.issue({ role: 'device', name: 'north/tlc-1', days: 400 })
  expect(notAfter).toBe(new Date(read(authority.paths.caCert).validTo).toISOString())
})

test('a second init, a taken name, a bad name and an unknown name are refused by code', async () => {
  const dir = makeDir()
  const authority = await initAuthority(dir, { name: 'City' })
  await expect(initAuthority(dir, { name: 'City' })).rejects.toMatchObject({
    code: 'IG_ERR_PKI_EXISTS',
  })
  await authority.issue({ role: 'device', name: 'north/tlc-1' })
  await expect(authority.issue({ role: 'center', name: 'north/tlc-1' })).rejects.toMatchObject({
    code: 'IG_ERR_PKI_NAME_TAKEN',
  })
  for (const [role, name] of [
    ['device', 'North/TLC'],
    ['device', 'a/b/c/d'],
    ['simulator', 'a/b/c'],
    ['server', 'not a host'],
  ] as const)
    await expect(authority.issue({ role, name })).rejects.toMatchObject({
      code: 'IG_ERR_PKI_NAME_INVALID',
    })
  await expect(authority.renew('nobody')).rejects.toMatchObject({
    code: 'IG_ERR_PKI_UNKNOWN_NAME',
  })
  await expect(openAuthority(join(dir, 'elsewhere'))).rejects.toMatchObject({
    code: 'IG_ERR_PKI_MISSING',
  })
})

test('renewing keeps role and server names, revoking ends every certificate of the name', async () => {
  const authority = await initAuthority(makeDir(), { name: 'City', dns: ['gw.example'] })
  const first = await authority.issue({ role: 'device', name: 'north/tlc-1' })
  const second = await authority.renew('north/tlc-1')
  expect(second.serial).not.toBe(first.serial)
  await authority.renew('server')
  expect(read(authority.paths.serverCert).checkHost('gw.example')).toBe('gw.example')
  expect(await authority.revoke('north/tlc-1')).toBe(2)
  const crl = new x509.X509Crl(readFileSync(authority.paths.crl, 'utf8'))
  expect(crl.entries.map((entry) => entry.serialNumber).sort()).toEqual(
    [first.serial, second.serial].sort(),
  )
  const key = new x509.X509Certificate(readFileSync(authority.paths.caCert, 'utf8')).publicKey
  expect(await crl.verify({ publicKey: key })).toBe(true)
  expect(await authority.revoke('north/tlc-1')).toBe(0)
})

test('a revoked name is not renewed; who says so explicitly may issue it anew', async () => {
  const authority = await initAuthority(makeDir(), { name: 'City' })
  await authority.issue({ role: 'device', name: 'north/tlc-1' })
  await authority.revoke('north/tlc-1')
  const before = authority.list()
  await expect(authority.renew('north/tlc-1')).rejects.toMatchObject({
    code: 'IG_ERR_PKI_NAME_REVOKED',
    hint: expect.stringContaining('issue'),
  })
  expect(authority.list()).toEqual(before)
  await authority.issue({ role: 'device', name: 'north/tlc-1' })
  await authority.renew('north/tlc-1')
  expect(authority.list().filter(({ revokedAt }) => !revokedAt)).toHaveLength(3)
})

test.each([
  ['the key only', ['ca.crt']],
  ['key and certificate, nothing issued', []],
])('an init that was cut off is completed with the key that is there: %s', async (_, lost) => {
  const dir = makeDir()
  const { paths } = await initAuthority(dir, { name: 'City' })
  const keyBefore = readFileSync(paths.caKey, 'utf8')
  for (const file of [...lost, 'certificates.jsonl', 'crl.pem', 'server.crt', 'server.key'])
    rmSync(join(dir, file))
  const authority = await initAuthority(dir, { name: 'City', dns: ['gw.example'] })
  expect(readFileSync(paths.caKey, 'utf8')).toBe(keyBefore)
  const server = read(paths.serverCert)
  expect(server.checkHost('gw.example')).toBe('gw.example')
  expect(server.verify(read(paths.caCert).publicKey)).toBe(true)
  expect(authority.list().map(({ name }) => name)).toEqual(['server'])
  expect(existsSync(paths.crl)).toBe(true)
})

test('an authority that has issued certificates, is not whole, or has another name is left alone', async () => {
  const dir = makeDir()
  const { paths } = await initAuthority(dir, { name: 'City' })
  const again = (name: string) =>
    expect(initAuthority(dir, { name })).rejects.toMatchObject({ code: 'IG_ERR_PKI_EXISTS' })
  const certificate = readFileSync(paths.caCert)
  rmSync(paths.caCert)
  await again('City')
  expect(existsSync(paths.caCert)).toBe(false)
  writeFileSync(paths.caCert, certificate)
  rmSync(paths.register)
  await again('Town')
  rmSync(paths.caKey)
  await again('City')
  expect(readFileSync(paths.caCert)).toEqual(certificate)
})

test('a key that is not the key of the authority is told', async () => {
  const [one, other] = [
    await initAuthority(makeDir(), { name: 'City' }),
    await initAuthority(makeDir(), { name: 'City' }),
  ]
  copyFileSync(other.paths.caKey, one.paths.caKey)
  await expect(openAuthority(one.paths.dir)).rejects.toMatchObject({
    code: 'IG_ERR_PKI_UNREADABLE',
  })
})

test('a register line torn by a power cut costs nothing', async () => {
  const dir = makeDir()
  const authority = await initAuthority(dir, { name: 'City' })
  appendFileSync(authority.paths.register, '{"event":"issued","serial":"4')
  await authority.issue({ role: 'device', name: 'north/tlc-1' })
  expect((await openAuthority(dir)).list().map((known) => known.name)).toEqual([
    'server',
    'north/tlc-1',
  ])
})

test('a register line that was tampered with is told, not passed over', async () => {
  const dir = makeDir()
  const authority = await initAuthority(dir, { name: 'City' })
  appendFileSync(authority.paths.register, '{"event" oops}\n')
  expect(() => authority.list()).toThrow(expect.objectContaining({ code: 'IG_ERR_PKI_UNREADABLE' }))
})

test('many are issued at once', async () => {
  const authority = await initAuthority(makeDir(), { name: 'City' })
  const names = Array.from({ length: 200 }, (_, at) => `load/dev-${at}`)
  const issued = await authority.issueAll(names.map((name) => ({ role: 'device' as const, name })))
  expect(new Set(issued.map((one) => one.serial)).size).toBe(200)
  expect(authority.list()).toHaveLength(201)
  expect(issued.every((one) => existsSync(one.keyFile))).toBe(true)
})

test('the development authority is made once, kept, completed, and known by its name', async () => {
  const dir = join(makeDir(), 'pki')
  const first = await ensureDevelopmentPki(dir, {
    certificates: [{ role: 'simulator', name: 'north' }],
  })
  expect(first.isNew).toBe(true)
  const ca = readFileSync(first.authority.paths.caCert, 'utf8')
  const second = await ensureDevelopmentPki(dir, {
    certificates: [
      { role: 'simulator', name: 'north' },
      { role: 'center', name: 'center/desk' },
    ],
  })
  expect(second.isNew).toBe(false)
  expect(readFileSync(second.authority.paths.caCert, 'utf8')).toBe(ca)
  expect(second.authority.list().map((known) => known.name)).toEqual([
    'server',
    'north',
    'center/desk',
  ])
  expect(developmentAuthorityName(ca)).toContain('development only')
  const city = await initAuthority(makeDir(), { name: 'City' })
  expect(developmentAuthorityName(readFileSync(city.paths.caCert, 'utf8'))).toBeUndefined()
})

test('a development certificate near its end is renewed at the next start', async () => {
  const dir = join(makeDir(), 'pki')
  const certificates = [{ role: 'center' as const, name: 'center/desk' }]
  const { authority } = await ensureDevelopmentPki(dir, { certificates })
  const before = readFileSync(authority.paths.cert('center/desk'), 'utf8')
  const later = { nowMs: () => Date.now() + 390 * dayMs }
  await ensureDevelopmentPki(dir, { certificates, clock: later })
  expect(readFileSync(authority.paths.cert('center/desk'), 'utf8')).not.toBe(before)
})

test('a second server is renewed with its own names, and a server whose file is gone gets a new one', async () => {
  const authority = await initAuthority(makeDir(), { name: 'City', dns: ['gw.example'] })
  const issued = await authority.issue({ role: 'server', name: 'gw-2', dns: ['second.example'] })
  await authority.renew('gw-2')
  expect(read(issued.certFile).checkHost('second.example')).toBe('second.example')
  expect(read(issued.certFile).checkHost('gw.example')).toBeUndefined()
  rmSync(authority.paths.serverCert)
  await authority.renew('server')
  expect(read(authority.paths.serverCert).checkHost('localhost')).toBe('localhost')
})

test.each([
  { role: 'device' as const, name: 'gateway/main' },
  { role: 'simulator' as const, name: 'gateway' },
])('nobody gets a certificate to speak as the gateway: $role $name', async (request) => {
  const authority = await initAuthority(makeDir(), { name: 'City' })
  await expect(authority.issue(request)).rejects.toMatchObject({ code: 'IG_ERR_PKI_NAME_INVALID' })
})

test('a revoked development certificate stays revoked at the next start', async () => {
  const dir = makeDir()
  const certificates = [{ role: 'center' as const, name: 'center/desk' }]
  const { authority, revoked } = await ensureDevelopmentPki(dir, { certificates })
  expect(revoked).toEqual([])
  await authority.revoke('center/desk')
  const before = authority.list()
  const next = await ensureDevelopmentPki(dir, { certificates })
  expect(next.revoked).toEqual(['center/desk'])
  expect(next.authority.list()).toEqual(before)
})

test('other host names make a new development server certificate, once; none given leave it as it is', async () => {
  const dir = makeDir()
  const { authority, isRenamed } = await ensureDevelopmentPki(dir, { dns: ['one.example'] })
  const { serverCert } = authority.paths
  expect(isRenamed).toBe(false)
  const names = { dns: ['two.example'], ip: ['192.0.2.7', '2001:DB8:0:0::1'] }
  expect((await ensureDevelopmentPki(dir, names)).isRenamed).toBe(true)
  const renamed = read(serverCert)
  expect(renamed.checkHost('two.example')).toBe('two.example')
  expect(renamed.checkHost('one.example')).toBeUndefined()
  expect(renamed.checkIP('2001:db8::1')).toBe('2001:db8::1')
  expect(renamed.checkHost('localhost', { subject: 'never' })).toBe('localhost')
  for (const asked of [names, {}])
    expect((await ensureDevelopmentPki(dir, asked)).isRenamed).toBe(false)
  expect(read(serverCert).serialNumber).toBe(renamed.serialNumber)
})

test('a development start that was cut off is completed: half an authority, a key without its certificate', async () => {
  const dir = makeDir()
  const { authority } = await ensureDevelopmentPki(dir)
  const { caCert, serverKey, serverCert, register, crl } = authority.paths
  for (const file of [caCert, register, serverKey, serverCert, crl]) rmSync(file)
  expect((await ensureDevelopmentPki(dir)).isNew).toBe(true)
  expect(read(serverCert).verify(read(caCert).publicKey)).toBe(true)

  const other = await initAuthority(makeDir(), { name: 'City' })
  copyFileSync(other.paths.serverKey, serverKey)
  await ensureDevelopmentPki(dir)
  expect(read(serverCert).checkPrivateKey(createPrivateKey(readFileSync(serverKey)))).toBe(true)
})
