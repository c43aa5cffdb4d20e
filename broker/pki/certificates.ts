/**
 * Certificates and revocation lists as values: nothing here touches a file.
 *
 * ECDSA P-256 with SHA-256 throughout; serial numbers are 127 random bits; a leaf may sign nothing and is good for
 * one purpose only (server or client), so that a stolen device key cannot pose as the broker.
 */
import { createPublicKey, randomBytes, webcrypto } from 'node:crypto'
import type { CertificateRole } from './register.ts'
import * as x509 from './x509.ts'

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const dayMs = 86_400_000
/** Clocks of devices are not exact: a certificate is good a little before it was made. */
const backdateMs = 5 * 60_000
/** How long a revocation list calls itself current. The broker only warns when it is older. */
const crlDays = 30

export interface KeyAndCertificate {
  readonly certificate: x509.X509Certificate
  readonly keyPem: string
}

export interface Authority {
  readonly certificate: x509.X509Certificate
  readonly key: webcrypto.CryptoKey
}

export interface LeafRequest {
  readonly role: CertificateRole
  readonly name: string
  readonly days: number
  readonly dns?: readonly string[]
  readonly ip?: readonly string[]
}

x509.cryptoProvider.set(webcrypto)

/** With `keyPem`: of that key instead of a new one. */
export async function createAuthority(
  name: string,
  days: number,
  nowMs: number,
  keyPem?: string,
): Promise<KeyAndCertificate> {
  const keys = keyPem === undefined ? await generateKeys() : await importKeys(keyPem)
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: randomSerial(),
    name: [{ CN: [name] }],
    notBefore: new Date(nowMs - backdateMs),
    notAfter: new Date(nowMs + days * dayMs),
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { certificate, keyPem: keyPem ?? (await exportKey(keys.privateKey)) }
}

export async function createLeaf(
  authority: Authority,
  request: LeafRequest,
  nowMs: number,
): Promise<KeyAndCertificate> {
  const keys = await generateKeys()
  const isServer = request.role === 'server'
  const purpose = isServer ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth
  const names = [
    ...(request.dns ?? []).map((value) => ({ type: 'dns' as const, value })),
    ...(request.ip ?? []).map((value) => ({ type: 'ip' as const, value })),
  ]
  const notAfterMs = Math.min(
    nowMs + request.days * dayMs,
    authority.certificate.notAfter.getTime(), // A leaf that outlives its authority only looks valid.
  )
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: randomSerial(),
    subject: [{ CN: [request.name] }, { OU: [request.role] }],
    issuer: authority.certificate.subjectName,
    notBefore: new Date(nowMs - backdateMs),
    notAfter: new Date(notAfterMs),
    publicKey: keys.publicKey,
    signingKey: authority.key,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([purpose]),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(authority.certificate.publicKey),
      ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
    ],
  })
  return { certificate, keyPem: await exportKey(keys.privateKey) }
}

export interface RevokedSerial {
  readonly serial: string
  readonly revokedAtMs: number
}

export async function createCrl(
  authority: Authority,
  revoked: readonly RevokedSerial[],
  nowMs: number,
): Promise<string> {
  const crl = await x509.X509CrlGenerator.create({
    issuer: authority.certificate.subjectName,
    thisUpdate: new Date(nowMs),
    nextUpdate: new Date(nowMs + crlDays * dayMs),
    signingAlgorithm: algorithm,
    signingKey: authority.key,
    extensions: [
      await x509.AuthorityKeyIdentifierExtension.create(authority.certificate.publicKey),
      new x509.Extension(crlNumberId, false, derInteger(nowMs)),
    ],
    entries: revoked.map(({ serial, revokedAtMs }) => ({
      serialNumber: serial,
      revocationDate: new Date(revokedAtMs),
    })),
  })
  return `${x509.PemConverter.encode(crl.rawData, 'X509 CRL')}\n` // RFC 7468 §6
}

/** RFC 5280 §5.2.3: it grows with each list; the moment of issue does. */
const crlNumberId = '2.5.29.20'

/** DER of a positive integer: no superfluous zero byte, but one where the first bit would read as a sign. */
function derInteger(value: number): Uint8Array<ArrayBuffer> {
  const hex = value.toString(16)
  const bytes = Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex')
  const padded = bytes[0]! >= 0x80 ? [0, ...bytes] : [...bytes]
  return Uint8Array.from([0x02, padded.length, ...padded])
}

export async function importKey(pem: string): Promise<webcrypto.CryptoKey> {
  const [der] = x509.PemConverter.decode(pem)
  if (der === undefined) throw new Error('no PEM block in it')
  return await webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign'])
}

async function importKeys(pem: string): Promise<webcrypto.CryptoKeyPair> {
  const der = createPublicKey(pem).export({ type: 'spki', format: 'der' })
  const publicKey = await webcrypto.subtle.importKey('spki', der, algorithm, true, ['verify'])
  return { publicKey, privateKey: await importKey(pem) }
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
}

async function exportKey(key: webcrypto.CryptoKey): Promise<string> {
  const der = await webcrypto.subtle.exportKey('pkcs8', key)
  return `${x509.PemConverter.encode(der, 'PRIVATE KEY')}\n`
}

/** RFC 5280 §4.1.2.2: positive, at most 20 octets. The first byte is 0x40–0x7f, so it is never shortened. */
function randomSerial(): string {
  const bytes = randomBytes(16)
  bytes[0] = (bytes[0]! & 0x3f) | 0x40
  return bytes.toString('hex')
}
