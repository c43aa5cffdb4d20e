/**
 * Where an authority keeps what, and how files are written: whole or not at all, keys readable by their owner only.
 *
 *   ca.crt ca.key        the authority                    issued/<name, / → _>.crt .key   one per name
 *   server.crt .key      the broker's own                 certificates.jsonl              what was ever issued
 *   crl.pem              what is revoked, signed
 */
import { randomBytes } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { PkiMissing } from './errors.ts'

const privateMode = 0o600
const publicMode = 0o644

export interface PkiPaths {
  readonly dir: string
  readonly caCert: string
  readonly caKey: string
  readonly crl: string
  readonly serverCert: string
  readonly serverKey: string
  readonly register: string
  cert(name: string): string
  key(name: string): string
}

export function pkiPaths(dir: string): PkiPaths {
  const issued = (name: string, ending: string) =>
    join(dir, 'issued', `${name.replaceAll('/', '_')}.${ending}`)
  return {
    dir,
    caCert: join(dir, 'ca.crt'),
    caKey: join(dir, 'ca.key'),
    crl: join(dir, 'crl.pem'),
    serverCert: join(dir, 'server.crt'),
    serverKey: join(dir, 'server.key'),
    register: join(dir, 'certificates.jsonl'),
    cert: (name) => issued(name, 'crt'),
    key: (name) => issued(name, 'key'),
  }
}

/** `durable` false spares the sync: for what can be issued again, when there is much of it. */
export function writePublic(path: string, text: string, durable = true): void {
  writeAtomically(path, text, publicMode, durable)
}

export function writePrivate(path: string, text: string, durable = true): void {
  writeAtomically(path, text, privateMode, durable)
}

/** A reader sees the old file or the new one, never a part; after a power cut too. */
function writeAtomically(path: string, text: string, mode: number, durable: boolean): void {
  mkdirSync(dirname(path), { recursive: true })
  const draft = `${path}.${randomBytes(4).toString('hex')}.tmp`
  const fd = openSync(draft, 'wx', mode)
  try {
    writeSync(fd, text)
    if (durable) fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
  renameSync(draft, path)
}

/** @throws IG_ERR_PKI_MISSING */
export function readPkiFile(dir: string, path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw PkiMissing.from(cause, dir, (cause as Error).message)
  }
}
