/**
 * Which certificates the broker uses. Without a folder given, a first start makes an authority and certificates for
 * development in the data directory and says so; in production what is there must have been made for it.
 */
import { isIP } from 'node:net'
import { join } from 'node:path'
import type { TlsFiles } from '../../broker/credentials.ts'
import { ensureDevelopmentPki } from '../../broker/pki/development.ts'
import { pkiPaths } from '../../broker/pki/files.ts'
import type { GatewayConfig } from '../config/gateway-config.ts'
import type { Log } from '../kit/log.ts'

/** Who can connect right after a first start: a desk that reads, one that may ask, a simulated street, a load test. */
const developmentCertificates = [
  { role: 'center', name: 'center/desk-1' },
  { role: 'operator', name: 'center/operator-1' },
  { role: 'simulator', name: 'north' },
  { role: 'simulator', name: 'load' },
] as const

export interface Wishes {
  /** Devices that get certificates of their own. */
  readonly devices?: readonly string[]
  /** Names and addresses of this machine beside localhost. */
  readonly hostNames?: readonly string[]
}

/** Makes what is missing and says so when it is the first time. */
export async function makeDevelopmentCertificates(
  dir: string,
  log: Log,
  { devices = [], hostNames = [] }: Wishes = {},
): Promise<void> {
  const { authority, isNew, isRenamed, revoked } = await ensureDevelopmentPki(dir, {
    dns: hostNames.filter((name) => isIP(name) === 0),
    ip: hostNames.filter((name) => isIP(name) !== 0),
    certificates: [
      ...developmentCertificates,
      ...devices.map((name) => ({ role: 'device' as const, name })),
    ],
  })
  if (isRenamed) {
    const msg = 'made the server certificate anew: other host names are configured than it had'
    log.warn({ path: authority.paths.serverCert, hostNames }, msg)
  }
  if (revoked.length > 0) {
    const msg =
      'certificates of these names are revoked and stay so; `npm run pki -- issue` makes new ones'
    log.warn({ names: revoked }, msg)
  }
  if (!isNew) return
  const msg =
    'made an authority and certificates for development: for trying things out on this machine, not for a street; --production refuses them'
  log.warn({ dir }, msg)
}

export async function provideCertificates(config: GatewayConfig, log: Log): Promise<TlsFiles> {
  const dir = config.pki.dir ?? join(config.dataDir, 'pki')
  if (config.pki.dir === undefined && !config.production) {
    await makeDevelopmentCertificates(dir, log, { hostNames: config.pki.hostNames })
  }
  const paths = pkiPaths(dir)
  return {
    keyFile: paths.serverKey,
    certFile: paths.serverCert,
    caFile: paths.caCert,
    crlFile: paths.crl,
    minVersion: config.mqtt.tlsMin === '1.2' ? 'TLSv1.2' : 'TLSv1.3',
    production: config.production,
  }
}
