/**
 * The authority of a first start: made in the data directory, so that `npm start` needs nothing prepared. Its name says
 * what it is for, and a production start refuses it.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { isIPv6 } from 'node:net'
import { type WallClock, wallClock } from '../wall-clock.ts'
import {
  developmentMark,
  initAuthority,
  openAuthority,
  type PkiAuthority,
  readServerNames,
  type ServerNames,
  withLoopback,
} from './authority.ts'
import { pkiPaths } from './files.ts'
import type { CertificateRole, RegisteredCertificate } from './register.ts'
import * as x509 from './x509.ts'

export interface DevelopmentPkiOptions extends ServerNames {
  /** Who needs a certificate; what is there already is kept. */
  readonly certificates?: readonly { readonly role: CertificateRole; readonly name: string }[]
  readonly clock?: WallClock
}

export interface DevelopmentPki {
  readonly authority: PkiAuthority
  /** True when the authority was made by this call: the caller warns and says what it is for. */
  readonly isNew: boolean
  /** True when the server certificate was made anew because other names were asked for. */
  readonly isRenamed: boolean
  /** Asked for, but revoked: who took the right to connect from a name gives it back by hand. */
  readonly revoked: readonly string[]
}

/** What is about to end is renewed at the start, so that a machine that is started daily never sees it. */
const renewBeforeMs = 14 * 86_400_000

/** The authority in `dir`, made when there is none, with a server certificate and those asked for. */
export async function ensureDevelopmentPki(
  dir: string,
  options: DevelopmentPkiOptions = {},
): Promise<DevelopmentPki> {
  const clock = options.clock ?? wallClock
  const isNew = !existsSync(pkiPaths(dir).caCert)
  const authority = isNew
    ? await initAuthority(dir, { ...options, name: `Intergreen authority, ${developmentMark}` })
    : await openAuthority(dir, clock)
  const { paths } = authority
  if (!existsSync(paths.crl)) await authority.refreshCrl()
  const known = new Map(authority.list().map((certificate) => [certificate.name, certificate]))
  const names = { dns: options.dns ?? [], ip: options.ip ?? [] }
  const isRenamed = known.has('server') && isOtherNames(paths.serverCert, names)
  const wanted = [{ role: 'server' as const, name: 'server' }, ...(options.certificates ?? [])]
  const revoked: string[] = []
  for (const { role, name } of wanted) {
    const certificate = known.get(name)
    const isServer = role === 'server'
    const [certFile, keyFile] = isServer
      ? [paths.serverCert, paths.serverKey]
      : [paths.cert(name), paths.key(name)]
    if (certificate === undefined) await authority.issue({ role, name, ...(isServer && names) })
    else if (certificate.revokedAt !== undefined) revoked.push(name)
    else if (isServer && isRenamed) await authority.renew(name, undefined, names)
    else if (!isPair(certFile, keyFile) || isEnding(certificate, clock.nowMs()))
      await authority.renew(name)
  }
  return { authority, isNew, isRenamed: isRenamed && !revoked.includes('server'), revoked }
}

const isEnding = ({ notAfter }: RegisteredCertificate, nowMs: number) =>
  Date.parse(notAfter) - nowMs < renewBeforeMs

/** A start that was cut off may have written a new key beside an old certificate. */
function isPair(certFile: string, keyFile: string): boolean {
  if (!existsSync(certFile) || !existsSync(keyFile)) return false
  const certificate = new X509Certificate(readFileSync(certFile))
  return certificate.checkPrivateKey(createPrivateKey(readFileSync(keyFile, 'utf8')))
}

/** Who asks for no names leaves them as they are: several programs share one folder, and not all know them. */
function isOtherNames(certFile: string, asked: Required<ServerNames>): boolean {
  if (asked.dns.length + asked.ip.length === 0) return false
  const text = ({ dns, ip }: Required<ServerNames>) => [...dns, ...ip.map(shortest)].sort().join()
  return text(withLoopback(asked)) !== text(readServerNames(certFile))
}

/** An IPv6 address has many spellings. */
const shortest = (ip: string) => (isIPv6(ip) ? new URL(`http://[${ip}]`).hostname : ip)

/** The common name of the authority in the PEM text when it is one made for development, else undefined. */
export function developmentAuthorityName(caPem: string): string | undefined {
  const name = new x509.X509Certificate(caPem).subjectName.getField('CN')[0] ?? ''
  return name.includes(developmentMark) ? name : undefined
}
