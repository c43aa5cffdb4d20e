/** Certificates for a run: an authority, a server, and a simulator of the zone `load`, as mutual TLS wants them. */
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { initAuthority } from '../../broker/pki/authority.ts'

export interface BenchCertificates {
  /** As the gateway reads it. */
  readonly pkiDir: string
  /** ca.crt, client.crt, client.key, as the load generator reads them. */
  readonly clientDir: string
  readonly ca: string
  readonly serverCert: string
  readonly serverKey: string
}

export async function makeCertificates(dir: string): Promise<BenchCertificates> {
  const pkiDir = join(dir, 'pki')
  const clientDir = join(dir, 'client')
  const authority = await initAuthority(pkiDir, { name: 'bench' })
  await authority.issue({ role: 'simulator', name: 'load' })
  const { paths } = authority
  mkdirSync(clientDir)
  copyFileSync(paths.caCert, join(clientDir, 'ca.crt'))
  copyFileSync(paths.cert('load'), join(clientDir, 'client.crt'))
  copyFileSync(paths.key('load'), join(clientDir, 'client.key'))
  return {
    pkiDir,
    clientDir,
    ca: paths.caCert,
    serverCert: paths.serverCert,
    serverKey: paths.serverKey,
  }
}
