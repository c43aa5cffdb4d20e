/**
 * What was ever issued and revoked: one JSON line an event, appended only. The CRL is made from it; `list` reads it.
 *
 *   {"event":"issued","serial":"3f…","name":"north/tlc-001","role":"device","notBefore":"…","notAfter":"…","at":"…"}
 *   {"event":"revoked","serial":"3f…","at":"…"}
 *
 * A torn last line (power cut) is passed over: the certificate it would have named was never handed out.
 */
import { appendFileSync, existsSync, readFileSync } from 'node:fs'
import { PkiUnreadable } from './errors.ts'

export type CertificateRole =
  | 'device'
  | 'center'
  | 'operator'
  | 'priority'
  | 'emergency'
  | 'simulator'
  | 'server'

export interface RegisteredCertificate {
  readonly serial: string
  readonly name: string
  readonly role: CertificateRole
  readonly notBefore: string
  readonly notAfter: string
  readonly revokedAt?: string
}

export type RegisterEvent =
  | ({ readonly event: 'issued'; readonly at: string } & Omit<RegisteredCertificate, 'revokedAt'>)
  | { readonly event: 'revoked'; readonly at: string; readonly serial: string }

export function appendToRegister(path: string, events: readonly RegisterEvent[]): void {
  if (events.length === 0) return
  const torn = existsSync(path) && !readFileSync(path, 'utf8').endsWith('\n') ? '\n' : ''
  const lines = events.map((event) => `${JSON.stringify(event)}\n`).join('')
  appendFileSync(path, torn + lines, { mode: 0o600, flush: true })
}

/** By serial, in the order of issue. */
export function readRegister(path: string): Map<string, RegisteredCertificate> {
  const known = new Map<string, RegisteredCertificate>()
  if (!existsSync(path)) return known
  const text = readFileSync(path, 'utf8')
  const lines = text.split('\n').filter((line) => line !== '')
  for (const [at, line] of lines.entries()) {
    const event = parseLine(line)
    if (event === undefined) {
      if (at === lines.length - 1 && !text.endsWith('\n')) break
      if (at < lines.length - 1 && !line.endsWith('}')) continue
      throw PkiUnreadable(path, `line ${at + 1} is not JSON`)
    }
    if (event.event === 'issued') {
      const { event: _event, at: _at, ...certificate } = event
      known.set(event.serial, certificate)
    } else {
      const certificate = known.get(event.serial)
      if (certificate) known.set(event.serial, { ...certificate, revokedAt: event.at })
    }
  }
  return known
}

function parseLine(line: string): RegisterEvent | undefined {
  try {
    return JSON.parse(line) as RegisterEvent
  } catch {
    return undefined
  }
}
