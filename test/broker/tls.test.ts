/** Who gets through the handshake, by real TLS: whose certificate, how old, revoked or not, resumed or not. */
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type TLSSocket, connect as tlsConnect } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { createBroker } from '../../broker/broker.ts'
import { initAuthority, openAuthority } from '../../broker/pki/authority.ts'
import { ensureDevelopmentPki } from '../../broker/pki/development.ts'
import { ended, eventually, type House, makeDir, openHouse } from './house.ts'

const dayMs = 86_400_000

test('a client without a certificate does not get in', async () => {
  const house = await openHouse()
  await house.issue('device', 'north/det-1')
  const device = house.client('north/det-1', { cert: undefined, key: undefined })
  expect(await ended(device)).toMatch(/certificate required|closed|reset/i)
  await eventually(() => house.counts.get('handshakesFailed IG_ERR_TLS_HANDSHAKE_FAILED') === 1)
})

test('a certificate of another authority does not get in, whatever it says', async () => {
  const house = await openHouse()
  const foreign = await initAuthority(makeDir(), { name: 'Test authority' })
  const { certFile, keyFile } = await foreign.issue({ role: 'device', name: 'north/det-1' })
  await house.issue('device', 'north/det-1')
  const device = house.client('north/det-1', {
    cert: readFileSync(certFile),
    key: readFileSync(keyFile),
  })
  await ended(device)
  await eventually(() => house.counts.get('handshakesFailed IG_ERR_TLS_HANDSHAKE_FAILED') === 1)
  expect(house.counts.get('connections')).toBeUndefined()
})

test('an expired client certificate does not get in', async () => {
  const house = await openHouse()
  const past = await openAuthority(house.authority.paths.dir, {
    nowMs: () => Date.now() - 10 * dayMs,
  })
  await past.issue({ role: 'device', name: 'north/det-1', days: 3 })
  await ended(house.client('north/det-1'))
  await eventually(() => house.counts.get('handshakesFailed IG_ERR_TLS_HANDSHAKE_FAILED') === 1)
  expect(JSON.stringify(house.logged)).toContain('CERT_HAS_EXPIRED')
})

test('a server certificate cannot be used as a client', async () => {
  const house = await openHouse()
  await house.issue('device', 'north/det-1')
  const { paths } = house.authority
  const device = house.client('server', {
    as: 'north/det-1',
    cert: readFileSync(paths.serverCert),
    key: readFileSync(paths.serverKey),
  } as never)
  await ended(device)
  await eventually(() => house.counts.get('handshakesFailed IG_ERR_TLS_HANDSHAKE_FAILED') === 1)
})

test('a certificate of our authority that names no role is no identity', async () => {
  const house = await openHouse()
  await house.authority.issue({ role: 'king' as never, name: 'north/det-1' })
  await ended(house.client('north/det-1'))
  await eventually(() => house.counts.get('handshakesFailed IG_ERR_AUTH_UNKNOWN_DEVICE') === 1)
})

test('a client id that is not the certificate’s name is answered with code 5 and counted', async () => {
  const house = await openHouse()
  await house.issue('device', 'north/det-1')
  const device = house.client('north/det-2', { as: 'north/det-1' })
  expect(await ended(device)).toContain('Not authorized')
  expect(house.counts.get('authRefused IG_ERR_AUTH_CLIENT_ID_MISMATCH')).toBe(1)
})

test('a revoked device is disconnected when the list changes, and refused when it comes back', async () => {
  const house = await openHouse()
  await house.issue('device', 'north/det-1')
  await house.issue('device', 'north/det-2')
  const device = await house.connected('north/det-1')
  const other = await house.connected('north/det-2')
  const end = ended(device)
  await house.authority.revoke('north/det-1')
  await end
  expect(house.counts.get('connectionsClosed IG_ERR_AUTH_REVOKED')).toBe(1)
  expect(await ended(house.client('north/det-1'))).toContain('Not authorized')
  expect(house.counts.get('authRefused IG_ERR_AUTH_REVOKED')).toBe(1)
  expect(other.connected).toBe(true)
})

/** A raw TLS connection that can hand over its session. */
async function handshake(house: House, name: string, session?: Buffer) {
  const { paths } = house.authority
  const socket = tlsConnect({
    host: 'localhost',
    port: house.port,
    ca: readFileSync(paths.caCert),
    cert: readFileSync(paths.cert(name)),
    key: readFileSync(paths.key(name)),
    session,
  })
  socket.on('error', () => {})
  onTestFinished(() => {
    socket.destroy()
  })
  const ticket = new Promise<Buffer>((resolve) => socket.once('session', resolve))
  await new Promise((resolve) => socket.once('secureConnect', resolve))
  return { socket, ticket }
}

/** CONNECT by hand, as MQTT 3.1.1 writes it; answers the return code of CONNACK. */
function sayConnect(socket: TLSSocket, clientId: string): Promise<number> {
  const id = Buffer.from(clientId)
  const body = Buffer.concat([
    Buffer.from([0, 4]),
    Buffer.from('MQTT'),
    Buffer.from([4, 2, 0, 60, 0, id.length]),
    id,
  ])
  socket.write(Buffer.concat([Buffer.from([0x10, body.length]), body]))
  return new Promise((resolve) => socket.once('data', (bytes: Buffer) => resolve(bytes[3]!)))
}

test('a resumed session has its identity, and is looked at again: revoked is refused', async () => {
  const house = await openHouse()
  await house.issue('device', 'north/det-1')
  const first = await handshake(house, 'north/det-1')
  expect(await sayConnect(first.socket, 'north/det-1')).toBe(0)
  const session = await first.ticket
  first.socket.destroy()

  const second = await handshake(house, 'north/det-1', session)
  expect(second.socket.isSessionReused()).toBe(true)
  expect(await sayConnect(second.socket, 'north/det-1')).toBe(0)
  second.socket.destroy()

  const third = await handshake(house, 'north/det-1', session)
  expect(third.socket.isSessionReused()).toBe(true)
  expect(await sayConnect(third.socket, 'north/det-2')).toBe(5)
  third.socket.destroy()

  const fourth = await handshake(house, 'north/det-1', session)
  expect(fourth.socket.isSessionReused()).toBe(true)
  await house.authority.revoke('north/det-1')
  await house.broker.reloadCredentials()
  expect(await sayConnect(fourth.socket, 'north/det-1')).toBe(5)
  expect(house.counts.get('authRefused IG_ERR_AUTH_REVOKED')).toBe(1)
})

test('a certificate that ends closes its connection, and its resumed session is refused', async () => {
  const house = await openHouse()
  const lifeMs = 4_000
  const yesterday = await openAuthority(house.authority.paths.dir, {
    nowMs: () => Date.now() - dayMs + lifeMs,
  })
  await yesterday.issue({ role: 'device', name: 'north/det-1', days: 1 })
  const first = await handshake(house, 'north/det-1')
  expect(await sayConnect(first.socket, 'north/det-1')).toBe(0)
  first.socket.resume()
  const session = await first.ticket
  await eventually(() => first.socket.closed, 15_000)
  expect(house.counts.get('connectionsClosed IG_ERR_AUTH_CERT_EXPIRED')).toBe(1)
  const second = await handshake(house, 'north/det-1', session)
  expect(second.socket.isSessionReused()).toBe(true)
  expect(await sayConnect(second.socket, 'north/det-1')).toBe(5)
  expect(house.counts.get('authRefused IG_ERR_AUTH_CERT_EXPIRED')).toBe(1)
})

test('a new server certificate is taken without a restart; open connections stay', async () => {
  const house = await openHouse()
  await house.issue('device', 'north/det-1')
  const device = await house.connected('north/det-1')
  const before = await handshake(house, 'north/det-1')
  const serial = before.socket.getPeerCertificate().serialNumber
  await house.authority.renew('server')
  await eventually(() => house.logged.some(({ msg }) => msg.includes('read anew')))
  const after = await handshake(house, 'north/det-1')
  expect(after.socket.getPeerCertificate().serialNumber).not.toBe(serial)
  expect(device.connected).toBe(true)
})

test('new files that cannot be used leave the old ones in force, and say so', async () => {
  const house = await openHouse()
  await house.issue('device', 'north/det-1')
  writeFileSync(house.authority.paths.serverCert, 'nonsense')
  await eventually(() =>
    house.logged.some(({ fields }) => fields.code === 'IG_ERR_TLS_CERT_UNREADABLE'),
  )
  expect((await house.connected('north/det-1')).connected).toBe(true)
})

test('TLS 1.2 is refused unless allowed', async () => {
  const strict = await openHouse()
  await strict.issue('device', 'north/det-1')
  await ended(strict.client('north/det-1', { maxVersion: 'TLSv1.2' } as never))
  await eventually(() => strict.counts.get('handshakesFailed IG_ERR_TLS_HANDSHAKE_FAILED') === 1)
  const old = await openHouse({ tls: { minVersion: 'TLSv1.2' } as never })
  await old.issue('device', 'north/det-1')
  const device = await old.connected('north/det-1', { maxVersion: 'TLSv1.2' } as never)
  expect(device.connected).toBe(true)
})

interface Start {
  keyFile: string
  certFile: string
  caFile: string
  crlFile?: string
  production?: boolean
  port?: number
}

async function startWith({ port = 0, ...tls }: Start): Promise<void> {
  const nothing = { add() {}, set() {} }
  const silent = { debug() {}, info() {}, warn() {}, error() {} }
  const broker = createBroker({
    gate: { admit: (_arrival, answer) => answer({ kind: 'acknowledge', forward: false }) },
    observer: { clientReady() {}, clientGone() {} },
    clock: { nowMs: () => 0 },
    log: silent,
    metrics: {
      connections: nothing,
      handshakesFailed: nothing,
      authRefused: nothing,
      connectionsClosed: nothing,
      deliveries: nothing,
    },
    tls,
    host: '127.0.0.1',
    port,
  })
  onTestFinished(() => broker.stop(1_000))
  await broker.start(new AbortController().signal)
}

async function files() {
  const { paths } = await initAuthority(makeDir(), { name: 'City' })
  return {
    keyFile: paths.serverKey,
    certFile: paths.serverCert,
    caFile: paths.caCert,
    crlFile: paths.crl,
  }
}

test('files that cannot be used end the start with a code that names them', async () => {
  const good = await files()
  const other = await files()
  const rubbish = join(makeDir(), 'rubbish.pem')
  writeFileSync(rubbish, 'nonsense')
  const unreadable: Start[] = [
    { ...good, keyFile: '/nowhere/server.key' },
    { ...good, certFile: rubbish },
    { ...good, caFile: rubbish },
    { ...good, crlFile: rubbish },
    { ...good, crlFile: other.crlFile }, // Signed by somebody else.
    { ...good, keyFile: other.keyFile }, // Not the key of this certificate.
  ]
  for (const start of unreadable)
    await expect(startWith(start)).rejects.toMatchObject({ code: 'IG_ERR_TLS_CERT_UNREADABLE' })
})

test('an expired server certificate ends the start', async () => {
  const dir = makeDir()
  const clock = { nowMs: () => Date.now() - 20 * dayMs }
  const authority = await initAuthority(dir, { name: 'City', clock })
  await authority.renew('server', 5)
  const { paths } = authority
  const start = { keyFile: paths.serverKey, certFile: paths.serverCert, caFile: paths.caCert }
  await expect(startWith(start)).rejects.toMatchObject({ code: 'IG_ERR_TLS_CERT_EXPIRED' })
})

test('a port that is taken ends the start', async () => {
  const squatter = createServer()
  onTestFinished(() => {
    squatter.close()
  })
  await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve))
  const { port } = squatter.address() as { port: number }
  await expect(startWith({ ...(await files()), port })).rejects.toMatchObject({
    code: 'IG_ERR_BROKER_PORT_TAKEN',
  })
})

test('a production start refuses the development authority', async () => {
  const { authority } = await ensureDevelopmentPki(makeDir())
  const { paths } = authority
  const start = { keyFile: paths.serverKey, certFile: paths.serverCert, caFile: paths.caCert }
  await expect(startWith({ ...start, production: true })).rejects.toMatchObject({
    code: 'IG_ERR_TLS_DEVELOPMENT_AUTHORITY',
  })
  await startWith(start)
})
