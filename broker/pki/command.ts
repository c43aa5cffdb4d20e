/**
 * What `npm run pki` does, word by word, without process or terminal. Answers the exit code; what is wrong is a coded
 * error. Results are one line each; with --json, JSON.
 */
import { readFileSync } from 'node:fs'
import type { ProgramSchema } from '../../schemas/command-line.ts'
import { type IssuedCertificate, initAuthority, openAuthority } from './authority.ts'
import { PkiUnreadable, PkiUsage } from './errors.ts'
import type { CertificateRole } from './register.ts'

export interface PkiOptions {
  readonly pkiDir: string
  readonly authorityName?: string
  readonly validDays?: number
  readonly dns: readonly string[]
  readonly ip: readonly string[]
  readonly namesFile?: string
  readonly json: boolean
}

export const pkiProgram: ProgramSchema = {
  name: 'npm run pki --',
  summary: 'Makes, renews and revokes the certificates that say who may connect as what.',
  positionals: 'init | issue ROLE NAME… | renew NAME… | revoke NAME… | list',
  properties: {
    pkiDir: {
      type: 'string',
      default: 'data/pki',
      description: 'Folder of the authority and of what it issued',
    },
    authorityName: {
      type: 'string',
      minLength: 1,
      maxLength: 64,
      description: 'init: name of the authority',
    },
    validDays: {
      type: 'integer',
      minimum: 1,
      maximum: 36_500,
      description: 'How long the new certificate is good (authority 3650, others 397)',
    },
    dns: {
      type: 'array',
      items: { type: 'string' },
      default: [],
      description: 'init, issue server: host names beside localhost',
    },
    ip: {
      type: 'array',
      items: { type: 'string' },
      default: [],
      description: 'init, issue server: addresses beside 127.0.0.1 and ::1',
    },
    namesFile: {
      type: 'string',
      description: 'issue: a file with one name a line, for many at once',
    },
    json: { type: 'boolean', default: false, description: 'Print JSON' },
  },
  notes: [
    'Roles: device (its name is its node, north/tlc-001), simulator (a zone, north), center, operator, server;',
    'priority asks for buses and trams and for nothing else, emergency for emergency vehicles too.',
    'Keys are written with mode 0600. The gateway needs ca.crt, crl.pem, server.crt and server.key; keep ca.key elsewhere.',
    '',
    '  npm run pki -- init --authority-name "City of Intergreen" --dns gateway.example',
    '  npm run pki -- issue device north/tlc-001 north/det-014',
    '  npm run pki -- issue priority transit/buses',
    '  npm run pki -- revoke north/det-014',
  ],
}

type Print = (line: string) => void
type Act = (options: PkiOptions, words: readonly string[], print: Print) => Promise<void>

const acts: Readonly<Record<string, Act>> = { init, issue, renew, revoke, list }
const roles: readonly string[] = [
  'device',
  'simulator',
  'center',
  'operator',
  'priority',
  'emergency',
  'server',
]

/** @throws IG_ERR_PKI_… */
export async function runPki(
  options: PkiOptions,
  positionals: readonly string[],
  print: Print,
): Promise<number> {
  const [word, ...words] = positionals
  const act = word !== undefined && Object.hasOwn(acts, word) ? acts[word] : undefined
  if (act === undefined)
    throw PkiUsage(
      `${word === undefined ? 'say what to do' : `${word} is unknown`}: ${Object.keys(acts).join(', ')}`,
    )
  await act(options, words, print)
  return 0
}

async function init(options: PkiOptions, words: readonly string[], print: Print): Promise<void> {
  if (words.length > 0) throw PkiUsage(`init takes no words, but was given ${words.join(' ')}`)
  const { pkiDir, validDays: days, dns, ip } = options
  const name = options.authorityName ?? 'Intergreen authority'
  const { paths } = await initAuthority(pkiDir, { name, days, dns, ip })
  const made = [paths.caCert, paths.caKey, paths.crl, paths.serverCert, paths.serverKey]
  print(options.json ? JSON.stringify({ event: 'made', files: made }) : `made ${made.join(' ')}`)
}

async function issue(options: PkiOptions, words: readonly string[], print: Print): Promise<void> {
  const [role, ...given] = words
  if (role === undefined || !roles.includes(role))
    throw PkiUsage(`issue wants a role first: ${roles.join(', ')}`)
  const names = [...given, ...namesIn(options.namesFile)]
  if (names.length === 0) throw PkiUsage(`issue ${role} wants at least one name`)
  const authority = await openAuthority(options.pkiDir)
  const { validDays: days, dns, ip } = options
  const issued = await authority.issueAll(
    names.map((name) => ({ role: role as CertificateRole, name, days, dns, ip })),
  )
  for (const [at, certificate] of issued.entries()) tell(options, names[at]!, certificate, print)
}

async function renew(options: PkiOptions, words: readonly string[], print: Print): Promise<void> {
  if (words.length === 0) throw PkiUsage('renew wants at least one name')
  const authority = await openAuthority(options.pkiDir)
  for (const name of words)
    tell(options, name, await authority.renew(name, options.validDays), print)
}

async function revoke(options: PkiOptions, words: readonly string[], print: Print): Promise<void> {
  if (words.length === 0) throw PkiUsage('revoke wants at least one name')
  const authority = await openAuthority(options.pkiDir)
  for (const name of words) {
    const certificates = await authority.revoke(name)
    print(
      options.json
        ? JSON.stringify({ event: 'revoked', name, certificates })
        : `revoked ${name}: ${certificates} certificate(s), ${authority.paths.crl} written`,
    )
  }
}

async function list(options: PkiOptions, _words: readonly string[], print: Print): Promise<void> {
  const authority = await openAuthority(options.pkiDir)
  for (const known of authority.list()) {
    const state = known.revokedAt ? `revoked ${known.revokedAt}` : `until ${known.notAfter}`
    print(
      options.json
        ? JSON.stringify(known)
        : `${known.role.padEnd(9)}  ${known.name.padEnd(24)}  ${known.serial}  ${state}`,
    )
  }
}

function tell(
  options: PkiOptions,
  name: string,
  { certFile, keyFile, serial, notAfter }: IssuedCertificate,
  print: Print,
): void {
  print(
    options.json
      ? JSON.stringify({ event: 'issued', name, serial, notAfter, certFile, keyFile })
      : `issued ${name} until ${notAfter}: ${certFile} ${keyFile}`,
  )
}

function namesIn(path: string | undefined): string[] {
  if (path === undefined) return []
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('#'))
  } catch (cause) {
    throw PkiUnreadable.from(cause, path, (cause as Error).message)
  }
}
