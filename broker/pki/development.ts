/**
 * The authority of a first start: made in the data directory, so that `npm start` needs nothing prepared. Its name says
 * what it is for, and a production start refuses it.
 */
import { existsSync, readFileSync } from 'node:fs'
import { type WallClock, wallClock } from '../wall-clock.ts'
import { developmentMark, initAuthority, openAuthority, type PkiAuthority } from './authority.ts'
import { pkiPaths } from './files.ts'
import type { CertificateRole } from './register.ts'
import * as x509 from './x509.ts'

export interface DevelopmentPkiOptions {
  /** Who needs a certificate; what is there already is kept. */
  readonly certificates?: readonly { readonly role: CertificateRole; readonly name: string }[]
  readonly dns?: readonly string[]
  readonly ip?: readonly string[]
  readonly clock?: WallClock
}

export interface DevelopmentPki {
  readonly authority: PkiAuthority
  /** True when the authority was made by this call: the caller warns and says what it is for. */
  readonly isNew: boolean
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
  const known = new Map(authority.list().map((certificate) => [certificate.name, certificate]))
  const wanted = [{ role: 'server' as const, name: 'server' }, ...(options.certificates ?? [])]
  for (const { role, name } of wanted) {
    const certificate = known.get(name)
    const { cert, serverCert } = authority.paths
    const file = role === 'server' ? serverCert : cert(name)
    const isMissing = certificate === undefined || certificate.revokedAt !== undefined
    if (isMissing) await authority.issue({ role, name })
    else if (!existsSync(file) || Date.parse(certificate.notAfter) - clock.nowMs() < renewBeforeMs)
      await authority.renew(name)
  }
  return { authority, isNew }
}

/** The common name of the authority in the PEM text when it is one made for development, else undefined. */
export function developmentAuthorityName(caPem: string): string | undefined {
  const name = new x509.X509Certificate(caPem).subjectName.getField('CN')[0] ?? ''
  return name.includes(developmentMark) ? name : undefined
}

/** True when the file holds such an authority. */
export function isDevelopmentAuthority(caFile: string): boolean {
  return developmentAuthorityName(readFileSync(caFile, 'utf8')) !== undefined
}
