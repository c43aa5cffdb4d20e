/**
 * An authority in a directory: init, issue, renew, revoke, list. The library behind `npm run pki`, the first start
 * and the tests.
 *
 * - A certificate names one identity: common name = node (for a simulator its zone), organizational unit = role.
 * - A name has one role. Renewing leaves the older certificate good until it ends; revoking a name ends all of them.
 * - The private key of the authority is a plain file, mode 0600: keep the directory off the gateway in production,
 *   which needs ca.crt, crl.pem, server.crt and server.key only.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { isNodeId } from '../../schemas/ids.ts'
import { type WallClock, wallClock } from '../wall-clock.ts'
import {
  type Authority,
  createAuthority,
  createCrl,
  createLeaf,
  importKey,
  type KeyAndCertificate,
} from './certificates.ts'
import {
  PkiExists,
  PkiNameInvalid,
  PkiNameRevoked,
  PkiNameTaken,
  PkiUnknownName,
  PkiUnreadable,
} from './errors.ts'
import { type PkiPaths, pkiPaths, readPkiFile, writePrivate, writePublic } from './files.ts'
import {
  appendToRegister,
  type CertificateRole,
  type RegisterEvent,
  type RegisteredCertificate,
  readRegister,
} from './register.ts'
import { normalSerial } from './serial.ts'
import * as x509 from './x509.ts'

/** A development authority has this in its name; a production start refuses it. */
export const developmentMark = 'development only'

const authorityDays = 3650
/** Beyond so many at once files are not synced one by one: a power cut then costs a `renew`. */
const syncedMax = 16
/** Common lengths: a year for what can be renewed by hand. */
const leafDays = 397

/** By what a server is reached, beside localhost and the loopback addresses. */
export interface ServerNames {
  readonly dns?: readonly string[]
  readonly ip?: readonly string[]
}

export interface IssueRequest extends ServerNames {
  readonly role: CertificateRole
  readonly name: string
  readonly days?: number
}

export interface IssuedCertificate {
  readonly certFile: string
  readonly keyFile: string
  readonly serial: string
  readonly notAfter: string
}

export interface PkiAuthority {
  readonly paths: PkiPaths
  readonly name: string
  issue(request: IssueRequest): Promise<IssuedCertificate>
  /** Many at once: one write of the register. */
  issueAll(requests: readonly IssueRequest[]): Promise<readonly IssuedCertificate[]>
  /** A server keeps its names, unless others are given. @throws IG_ERR_PKI_UNKNOWN_NAME, IG_ERR_PKI_NAME_REVOKED */
  renew(name: string, days?: number, names?: ServerNames): Promise<IssuedCertificate>
  /** All certificates of the name; answers how many. */
  revoke(name: string): Promise<number>
  list(): readonly RegisteredCertificate[]
  /** Writes crl.pem anew, so that it is current. */
  refreshCrl(): Promise<void>
}

export interface InitOptions extends ServerNames {
  readonly name: string
  readonly days?: number
  readonly clock?: WallClock
}

/**
 * One that was cut off before it had issued anything is completed with the key that is there: nothing is written over.
 *
 * @throws IG_ERR_PKI_EXISTS
 */
export async function initAuthority(dir: string, options: InitOptions): Promise<PkiAuthority> {
  const paths = pkiPaths(dir)
  if (readRegister(paths.register).size > 0) throw PkiExists(paths.register)
  const clock = options.clock ?? wallClock
  if (!existsSync(paths.caCert)) await makeAuthority(paths, options, clock.nowMs())
  else if (!existsSync(paths.caKey)) throw PkiExists(paths.caCert)
  const authority = await openAuthority(dir, clock)
  // Another's authority, put here by hand, is not made ours without a word.
  if (authority.name !== options.name) throw PkiExists(paths.caCert)
  await authority.refreshCrl()
  await authority.issue({ role: 'server', name: 'server', dns: options.dns, ip: options.ip })
  return authority
}

async function makeAuthority(paths: PkiPaths, options: InitOptions, nowMs: number): Promise<void> {
  const keyPem = existsSync(paths.caKey) ? readPkiFile(paths.dir, paths.caKey) : undefined
  const made = await createAuthority(options.name, options.days ?? authorityDays, nowMs, keyPem)
  if (keyPem === undefined) writePrivate(paths.caKey, made.keyPem)
  writePublic(paths.caCert, `${made.certificate.toString('pem')}\n`)
}

/** @throws IG_ERR_PKI_MISSING, IG_ERR_PKI_UNREADABLE */
export async function openAuthority(
  dir: string,
  clock: WallClock = wallClock,
): Promise<PkiAuthority> {
  const paths = pkiPaths(dir)
  const authority = await loadAuthority(paths)

  async function issueAll(requests: readonly IssueRequest[], mayExist: boolean) {
    const taken = new Map(
      mayExist ? [] : [...readRegister(paths.register).values()].map((c) => [c.name, c]),
    )
    const nowIso = new Date(clock.nowMs()).toISOString()
    for (const request of requests) {
      checkName(request)
      const known = taken.get(request.name)
      if (known && !known.revokedAt && known.notAfter > nowIso)
        throw PkiNameTaken(request.name, known.role, known.notAfter)
    }
    const events: RegisterEvent[] = []
    const issued: IssuedCertificate[] = []
    const made: { leaf: KeyAndCertificate; certFile: string; keyFile: string }[] = []
    for (const request of requests) {
      const leaf = await createLeaf(authority, withServerNames(request), clock.nowMs())
      const { certFile, keyFile } = filesOf(paths, request)
      const { notBefore, notAfter, serialNumber } = leaf.certificate
      const serial = normalSerial(serialNumber)
      events.push({
        event: 'issued',
        serial,
        name: request.name,
        role: request.role,
        notBefore: notBefore.toISOString(),
        notAfter: notAfter.toISOString(),
        at: nowIso,
      })
      issued.push({ certFile, keyFile, serial, notAfter: notAfter.toISOString() })
      made.push({ leaf, certFile, keyFile })
    }
    // The register first: a certificate that was handed out can always be revoked.
    appendToRegister(paths.register, events)
    const isFew = made.length <= syncedMax
    for (const { leaf, certFile, keyFile } of made) {
      writePrivate(keyFile, leaf.keyPem, isFew)
      writePublic(certFile, `${leaf.certificate.toString('pem')}\n`, isFew)
    }
    return issued
  }

  async function refreshCrl(): Promise<void> {
    const revoked = [...readRegister(paths.register).values()].flatMap(({ serial, revokedAt }) =>
      revokedAt ? [{ serial, revokedAtMs: Date.parse(revokedAt) }] : [],
    )
    writePublic(paths.crl, await createCrl(authority, revoked, clock.nowMs()))
  }

  return {
    paths,
    name: authority.certificate.subjectName.getField('CN')[0] ?? '',
    issue: async (request) => (await issueAll([request], false))[0]!,
    issueAll: (requests) => issueAll(requests, false),
    async renew(name, days, names) {
      const known = newestOf(paths, name)
      if (known === undefined) throw PkiUnknownName(name)
      if (known.revokedAt !== undefined) throw PkiNameRevoked(name, known.revokedAt)
      const kept = known.role === 'server' ? readServerNames(filesOf(paths, known).certFile) : {}
      return (await issueAll([{ role: known.role, name, days, ...(names ?? kept) }], true))[0]!
    },
    async revoke(name) {
      const at = new Date(clock.nowMs()).toISOString()
      const all = [...readRegister(paths.register).values()].filter((known) => known.name === name)
      if (all.length === 0) throw PkiUnknownName(name)
      const open = all.filter((known) => !known.revokedAt)
      appendToRegister(
        paths.register,
        open.map(({ serial }) => ({ event: 'revoked', serial, at })),
      )
      await refreshCrl()
      return open.length
    },
    list: () => [...readRegister(paths.register).values()],
    refreshCrl,
  }
}

async function loadAuthority(paths: PkiPaths): Promise<Authority> {
  const certPem = readPkiFile(paths.dir, paths.caCert)
  const keyPem = readPkiFile(paths.dir, paths.caKey)
  try {
    if (!new X509Certificate(certPem).checkPrivateKey(createPrivateKey(keyPem)))
      throw new Error('the one is not the key of the other')
    return { certificate: new x509.X509Certificate(certPem), key: await importKey(keyPem) }
  } catch (cause) {
    throw PkiUnreadable.from(cause, `${paths.caCert} or ${paths.caKey}`, (cause as Error).message)
  }
}

function newestOf(paths: PkiPaths, name: string): RegisteredCertificate | undefined {
  return [...readRegister(paths.register).values()].findLast((known) => known.name === name)
}

const serverNamePattern = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/

/** Gateways speak as `gateway/<name>`, their pages as `web/…`, none with a certificate: whoever had one could speak in their place. */
const ownLevels: readonly string[] = ['gateway', 'web']

/** @throws IG_ERR_PKI_NAME_INVALID */
function checkName({ role, name }: IssueRequest): void {
  if (role === 'server') {
    if (!serverNamePattern.test(name)) throw PkiNameInvalid(name, role, 'not a host name')
  } else if (!isNodeId(name)) {
    throw PkiNameInvalid(name, role, 'one to three levels of a-z, 0-9 and -, separated by /')
  } else if (ownLevels.includes(name.split('/')[0] ?? '')) {
    throw PkiNameInvalid(name, role, 'gateway/… and web/… are the gateways themselves')
  } else if (role === 'simulator' && name.split('/').length > 2) {
    throw PkiNameInvalid(name, role, 'a zone leaves a level for its devices')
  }
}

function filesOf(paths: PkiPaths, { role, name }: Pick<IssueRequest, 'role' | 'name'>) {
  return role === 'server' && name === 'server'
    ? { certFile: paths.serverCert, keyFile: paths.serverKey }
    : { certFile: paths.cert(name), keyFile: paths.key(name) }
}

function withServerNames(request: IssueRequest) {
  const days = request.days ?? leafDays
  return request.role === 'server'
    ? { ...request, days, ...withLoopback(request) }
    : { ...request, days }
}

/** What a server certificate is good for in any case, and what was asked for. */
export function withLoopback({ dns = [], ip = [] }: ServerNames): Required<ServerNames> {
  return {
    dns: [...new Set(['localhost', ...dns])],
    ip: [...new Set(['127.0.0.1', '::1', ...ip])],
  }
}

/** The names a server certificate has, as far as it is still there to tell them. */
export function readServerNames(certFile: string): Required<ServerNames> {
  if (!existsSync(certFile)) return { dns: [], ip: [] }
  const certificate = new x509.X509Certificate(readFileSync(certFile, 'utf8'))
  const names = certificate.getExtension(x509.SubjectAlternativeNameExtension)?.names.toJSON() ?? []
  const ofType = (type: string) => names.filter((n) => n.type === type).map((n) => n.value)
  return { dns: ofType('dns'), ip: ofType('ip') }
}
