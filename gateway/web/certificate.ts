/**
 * The certificate of the HTTPS page, as it stands in its files now.
 *
 * - The files are polled: secrets mounted into a container change by links, which directory watches miss.
 * - What cannot be used leaves the old pair in force, and the log says so: a key arrives a moment before its certificate.
 */
import { readFileSync, unwatchFile, watchFile } from 'node:fs'
import type { Server } from 'node:https'
import type { Log } from '../kit/log.ts'
import { WebCertificateUnreadable } from './errors.ts'

export interface CertificateFiles {
  readonly keyFile: string
  readonly certFile: string
}

/** @throws IG_ERR_WEB_CERT_UNREADABLE */
export function useCertificate(server: Server, { keyFile, certFile }: CertificateFiles): void {
  try {
    server.setSecureContext({ key: readFileSync(keyFile), cert: readFileSync(certFile) })
  } catch (cause) {
    throw WebCertificateUnreadable.from(cause, certFile, (cause as Error).message)
  }
}

/** Takes up what is new until the returned function is called. Open connections keep what they began with. */
export function followCertificate(
  server: Server,
  files: CertificateFiles,
  { log, pollMs }: { readonly log: Log; readonly pollMs: number },
): () => void {
  const reload = () => {
    try {
      useCertificate(server, files)
      log.info({ path: files.certFile }, 'the certificate of the page was read anew')
    } catch (err) {
      const { code } = WebCertificateUnreadable
      log.error({ code, err }, 'the new certificate of the page cannot be used; the old one stays')
    }
  }
  const paths = [files.keyFile, files.certFile]
  for (const path of paths) watchFile(path, { persistent: false, interval: pollMs }, reload)
  return () => {
    for (const path of paths) unwatchFile(path, reload)
  }
}
