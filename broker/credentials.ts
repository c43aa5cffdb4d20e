/**
 * The broker's own key and certificate, whom it trusts, and what is revoked: read from files and checked.
 *
 * - What cannot be used is a coded error that names the file.
 * - A revocation list must be signed by the authority. One past its `nextUpdate` still counts, with a warning: a street
 *   does not stop because a list was not renewed.
 * - There need not be a list; but where one is in force its file must stay, or who was revoked would be let in again.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { createSecureContext, type SecureVersion } from 'node:tls'
import { isCodedError } from '../schemas/coded-error.ts'
import { DevelopmentAuthority, TlsCertExpired, TlsCertUnreadable } from './errors.ts'
import { developmentAuthorityName } from './pki/development.ts'
import { normalSerial } from './pki/serial.ts'
import * as x509 from './pki/x509.ts'
import { wallClock } from './wall-clock.ts'

export interface TlsFiles {
  readonly keyFile: string
  readonly certFile: string
  readonly caFile: string
  readonly crlFile?: string
  /** TLSv1.3 unless old devices force TLSv1.2. */
  readonly minVersion?: Extract<SecureVersion, 'TLSv1.2' | 'TLSv1.3'>
  /** Refuses an authority that was made for development. */
  readonly production?: boolean
}

export interface Credentials {
  readonly key: string
  readonly cert: string
  readonly ca: string
  readonly notAfterMs: number
  /** There is a revocation list, be it empty. */
  readonly hasRevocationList: boolean
  readonly isRevoked: (serial: string) => boolean
  /** Faults that do not stop us, for the log. */
  readonly warnings: readonly string[]
}

const expiryWarningMs = 14 * 86_400_000

/**
 * `inForce` is what these are to follow, if they do.
 *
 * @throws IG_ERR_TLS_CERT_UNREADABLE, IG_ERR_TLS_CERT_EXPIRED, IG_ERR_TLS_DEVELOPMENT_AUTHORITY
 */
export async function readCredentials(
  files: TlsFiles,
  inForce?: Credentials,
): Promise<Credentials> {
  const nowMs = wallClock.nowMs()
  const key = readPem('key', files.keyFile)
  const cert = readPem('certificate', files.certFile)
  const ca = readPem('authority', files.caFile)
  const own = parseCertificate('certificate', files.certFile, cert)
  checkValidity(files.certFile, own, nowMs)
  const authority = parseCertificate('authority', files.caFile, ca)
  checkValidity(files.caFile, authority, nowMs)
  checkKey(files, own, key)
  const development = developmentAuthorityName(ca)
  if (files.production && development !== undefined)
    throw DevelopmentAuthority(files.caFile, development)
  try {
    createSecureContext({ key, cert, ca })
  } catch (cause) {
    throw TlsCertUnreadable.from(cause, 'certificate', files.certFile, (cause as Error).message)
  }
  const warnings: string[] = []
  const notAfterMs = Date.parse(own.validTo)
  if (notAfterMs - nowMs < expiryWarningMs)
    warnings.push(`${files.certFile} ends on ${new Date(notAfterMs).toISOString()}`)
  const revoked = await readRevoked(files, ca, nowMs, warnings)
  if (revoked === undefined && inForce?.hasRevocationList)
    throw TlsCertUnreadable(
      'revocation list',
      files.crlFile,
      'it is in force, and the file is gone',
    )
  return {
    key,
    cert,
    ca,
    notAfterMs,
    warnings,
    hasRevocationList: revoked !== undefined,
    isRevoked: (serial) => revoked?.has(serial) ?? false,
  }
}

function readPem(what: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw TlsCertUnreadable.from(cause, what, path, (cause as Error).message)
  }
}

function parseCertificate(what: string, path: string, pem: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch (cause) {
    throw TlsCertUnreadable.from(
      cause,
      what,
      path,
      `no PEM certificate (${(cause as Error).message})`,
    )
  }
}

function checkValidity(path: string, certificate: X509Certificate, nowMs: number): void {
  const [from, to] = [Date.parse(certificate.validFrom), Date.parse(certificate.validTo)]
  if (nowMs < from || nowMs > to)
    throw TlsCertExpired(path, new Date(from).toISOString(), new Date(to).toISOString())
}

function checkKey(files: TlsFiles, certificate: X509Certificate, pem: string): void {
  let fits: boolean
  try {
    fits = certificate.checkPrivateKey(createPrivateKey(pem))
  } catch (cause) {
    throw TlsCertUnreadable.from(cause, 'key', files.keyFile, (cause as Error).message)
  }
  if (!fits) throw TlsCertUnreadable('key', files.keyFile, `it is not the key of ${files.certFile}`)
}

async function readRevoked(
  files: TlsFiles,
  ca: string,
  nowMs: number,
  warnings: string[],
): Promise<ReadonlySet<string> | undefined> {
  // None yet is no list: it may be put there later, and is read as soon as it is.
  if (files.crlFile === undefined || isAbsent(files.crlFile)) return undefined
  const pem = readPem('revocation list', files.crlFile)
  try {
    const crl = new x509.X509Crl(pem)
    const authority = new x509.X509Certificate(ca)
    if (!(await crl.verify({ publicKey: authority.publicKey })))
      throw TlsCertUnreadable('revocation list', files.crlFile, `not signed by ${files.caFile}`)
    if (crl.nextUpdate && crl.nextUpdate.getTime() < nowMs)
      warnings.push(`${files.crlFile} was to be renewed by ${crl.nextUpdate.toISOString()}`)
    return new Set(crl.entries.map((entry) => normalSerial(entry.serialNumber)))
  } catch (cause) {
    if (isCodedError(cause)) throw cause
    throw TlsCertUnreadable.from(cause, 'revocation list', files.crlFile, (cause as Error).message)
  }
}

/** Not there at all; a file that is there and cannot be looked at is not absent. */
function isAbsent(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) === undefined
  } catch {
    return false
  }
}
