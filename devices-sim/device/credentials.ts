/** Certificates of simulated devices, read from the directory that `npm run pki` keeps. Read once per name. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { CertificateMissing } from '../errors.ts'

export interface Credentials {
  readonly ca: Buffer
  readonly cert: Buffer
  readonly key: Buffer
}

/** own: each device its own. zone: one simulator certificate for all. mixed: controllers own, detectors the zone's. */
export type CertificateChoice = 'own' | 'zone' | 'mixed'

export interface CredentialStore {
  /** @throws IG_ERR_SIM_CERTIFICATE_MISSING */
  of(name: string): Credentials
}

export function createCredentialStore(pkiDir: string): CredentialStore {
  const known = new Map<string, Credentials>()
  return {
    of(name) {
      const found = known.get(name)
      if (found) return found
      const base = join(pkiDir, 'issued', name.replaceAll('/', '_'))
      try {
        const credentials = {
          ca: readFileSync(join(pkiDir, 'ca.crt')),
          cert: readFileSync(`${base}.crt`),
          key: readFileSync(`${base}.key`),
        }
        known.set(name, credentials)
        return credentials
      } catch (cause) {
        throw CertificateMissing.from(cause, name, (cause as Error).message)
      }
    },
  }
}

/** Whose certificate a device of this node connects with. */
export function certificateNameFor(
  choice: CertificateChoice,
  node: string,
  kind: 'tlc' | 'det' | 'sim',
): string {
  const zone = node.split('/')[0] ?? node
  if (kind === 'sim' || choice === 'zone') return zone
  return choice === 'own' || kind === 'tlc' ? node : zone
}
