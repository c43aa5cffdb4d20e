/**
 * From a TCP connection to TLS: who may begin a handshake and when, mutual TLS, and new credentials without a restart.
 *
 * - A client without a certificate of our authority never gets past the handshake.
 * - Resumed sessions carry the client's certificate with them; revocation and expiry are looked at again at CONNECT,
 *   because TLS does not when it resumes.
 * - Handshakes cost milliseconds of CPU: they begin at a bounded rate, the rest waits in a bounded line.
 */
import { createHash, hkdfSync } from 'node:crypto'
import type { Socket } from 'node:net'
import {
  createServer as createTlsServer,
  type SecureContextOptions,
  type TLSSocket,
  type TlsOptions,
} from 'node:tls'
import { createAdmission } from './admission.ts'
import type { Credentials, TlsFiles } from './credentials.ts'
import { BrokerFull, TlsHandshakeFailed } from './errors.ts'
import type { BrokerLimits } from './limits.ts'

export interface TlsListener {
  /** A TCP connection that nothing has been read of yet. */
  accept(socket: Socket): void
  useCredentials(credentials: Credentials): void
  /** No new connections; resolves when the last socket has closed. */
  close(): Promise<void>
  /** Ends what is still open. */
  destroyAll(): void
}

export interface TlsListenerOptions {
  readonly limits: BrokerLimits
  readonly minVersion: TlsFiles['minVersion']
  readonly credentials: Credentials
  /** Where several listeners serve one port: what they make their keys for session tickets of. */
  readonly ticketSecret?: Buffer | undefined
  connected(socket: TLSSocket): void
  /** A handshake that failed, or a connection there is no room for. */
  failed(code: string, reason: string, address: string): void
}

/** Tickets are good for a day; after that a full handshake proves the certificate anew. */
const sessionTimeoutS = 86_400
const ticketKeyBytes = 48
/** Without a context of its own OpenSSL refuses to resume sessions that have a client certificate. */
const sessionIdContext = createHash('sha256').update('intergreen broker').digest('hex').slice(0, 32)

export function createTlsListener(options: TlsListenerOptions): TlsListener {
  const { limits, failed, minVersion, ticketSecret } = options
  const sockets = new Set<Socket>()
  let whenEmpty: (() => void) | undefined

  const tls = createTlsServer({
    ...contextOf(options.credentials, minVersion, ticketSecret),
    requestCert: true,
    rejectUnauthorized: true,
    handshakeTimeout: limits.handshakeTimeoutMs,
  })
  tls.on('secureConnection', (socket) => options.connected(socket))
  tls.on('tlsClientError', (error: Error & { code?: string }, socket: TLSSocket) => {
    const reason = socket.authorizationError ?? error.code ?? error.message
    failed(TlsHandshakeFailed.code, String(reason), socket.remoteAddress ?? '')
    socket.destroy()
  })

  const admission = createAdmission({
    perSecondMax: limits.handshakesPerSecondMax,
    perTurnMax: limits.handshakesPerTurnMax,
    waitingMax: limits.handshakesWaitingMax,
    begin: (socket) => tls.emit('connection', socket),
    refuse(socket) {
      failed(BrokerFull.code, 'too many handshakes wait', socket.remoteAddress ?? '')
      socket.destroy()
    },
  })
  /** One function for all sockets: a closure and what `once` wraps it in are kept as long as a connection. */
  function closed(this: Socket): void {
    sockets.delete(this)
    if (sockets.size === 0) whenEmpty?.()
  }

  return {
    accept(socket) {
      sockets.add(socket)
      socket.on('close', closed)
      socket.on('error', ignore) // Until TLS has it; a reset there is nobody's fault.
      if (sockets.size > limits.connectionsMax) {
        failed(BrokerFull.code, 'too many connections', socket.remoteAddress ?? '')
        socket.destroy()
      } else admission.enter(socket)
    },
    useCredentials: (credentials) =>
      tls.setSecureContext(contextOf(credentials, minVersion, ticketSecret)),
    close() {
      admission.close()
      if (sockets.size === 0) return Promise.resolve()
      return new Promise((resolve) => {
        whenEmpty = resolve
      })
    },
    destroyAll() {
      for (const socket of sockets) socket.destroy()
    },
  }
}

const ignore = () => {}

function contextOf(
  { key, cert, ca }: Credentials,
  minVersion: TlsFiles['minVersion'],
  ticketSecret: Buffer | undefined,
): SecureContextOptions & Pick<TlsOptions, 'ticketKeys'> {
  return {
    // With another authority come other keys: sessions that the old one vouched for are not resumed.
    ...(ticketSecret ? { ticketKeys: ticketKeysOf(ticketSecret, ca) } : {}),
    key,
    cert,
    ca,
    minVersion: minVersion ?? 'TLSv1.3',
    sessionIdContext,
    sessionTimeout: sessionTimeoutS,
    honorCipherOrder: true,
    // Only suites with forward secrecy and authenticated encryption, where TLS 1.2 is allowed at all.
    ciphers:
      'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:' +
      'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384',
  }
}

function ticketKeysOf(secret: Buffer, ca: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, ca, 'intergreen session tickets', ticketKeyBytes))
}
