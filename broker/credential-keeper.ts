/**
 * Which credentials are in force while the broker runs.
 *
 * - Files are polled: secrets mounted into a container change by links, which directory watches miss.
 * - New files that cannot be used leave the old credentials in force, and the log says so; so does a revocation list that
 *   was in force and is gone.
 * - A connection whose certificate is revoked or has ended is closed, however long ago it was made.
 */
import { statSync } from 'node:fs'
import { isCodedError } from '../schemas/coded-error.ts'
import type { Connection } from './connection.ts'
import { type Credentials, readCredentials, type TlsFiles } from './credentials.ts'
import { AuthCertExpired, AuthRevoked, TlsCertUnreadable } from './errors.ts'
import type { BrokerLog } from './metrics.ts'
import type { Refusals } from './refusals.ts'
import { wallClock } from './wall-clock.ts'

export interface CredentialKeeper {
  /** @throws what readCredentials throws */
  load(): Promise<Credentials>
  /** Begins to look at the files; `apply` gets what is new. */
  watch(apply: (credentials: Credentials) => void): void
  /** Looks now, changed or not. */
  reload(): Promise<void>
  isRevoked(serial: string): boolean
  stop(): void
}

export interface CredentialKeeperOptions {
  readonly files: TlsFiles
  readonly pollMs: number
  readonly log: BrokerLog
  readonly refusals: Refusals
  connections(): Iterable<Connection>
}

export function createCredentialKeeper(options: CredentialKeeperOptions): CredentialKeeper {
  const { files, pollMs, log, refusals, connections } = options
  const paths = [files.keyFile, files.certFile, files.caFile, files.crlFile ?? files.caFile]
  let inForce: Credentials | undefined
  let apply: (credentials: Credentials) => void = () => {}
  let seen = ''
  let timer: NodeJS.Timeout | undefined
  let isStopped = false

  async function load(): Promise<Credentials> {
    seen = fingerprint(paths)
    inForce = await readCredentials(files, inForce)
    for (const warning of inForce.warnings)
      log.warn({ reason: warning }, 'a certificate wants care')
    return inForce
  }

  async function reload(): Promise<void> {
    try {
      const credentials = await load()
      if (isStopped) return
      apply(credentials)
      log.info({}, 'certificates and revocations read anew')
    } catch (error) {
      // Whatever it is: this runs in a timer, and a fault of a file must not end a broker that works.
      const code = isCodedError(error) ? error.code : TlsCertUnreadable.code
      log.error({ code, err: error }, 'new certificates cannot be used; the old ones stay in force')
    }
    sweep()
  }

  function sweep(): void {
    const nowMs = wallClock.nowMs()
    for (const connection of connections()) {
      const { serial, name, notAfterMs } = connection.identity
      if (inForce?.isRevoked(serial)) refusals.end(connection, AuthRevoked(serial, name))
      else if (notAfterMs < nowMs)
        refusals.end(connection, AuthCertExpired(name, new Date(notAfterMs).toISOString()))
    }
  }

  function schedule(): void {
    timer = setTimeout(async () => {
      if (fingerprint(paths) !== seen) await reload()
      else sweep()
      if (!isStopped) schedule()
    }, pollMs)
    timer.unref()
  }

  return {
    load,
    watch(whenNew) {
      apply = whenNew
      schedule()
    },
    reload,
    isRevoked: (serial) => inForce?.isRevoked(serial) ?? false,
    stop() {
      isStopped = true
      clearTimeout(timer)
    },
  }
}

/** What tells that a file was replaced; one that is missing, or cannot be looked at for a moment, counts as changed. */
function fingerprint(paths: readonly string[]): string {
  return paths
    .map((path) => {
      try {
        const { ino, size, mtimeNs } = statSync(path, { bigint: true })
        return `${ino}:${size}:${mtimeNs}`
      } catch (error) {
        return (error as NodeJS.ErrnoException).code ?? 'missing'
      }
    })
    .join('|')
}
