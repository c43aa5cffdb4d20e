/**
 * The listening socket: who may begin a handshake and when, mutual TLS, and new credentials without a restart.
 *
 * - A client without a certificate of our authority never gets past the handshake.
 * - Resumed sessions carry the client's certificate with them; revocation and expiry are looked at again at CONNECT,
 *   because TLS does not when it resumes.
 * - Handshakes cost milliseconds of CPU: they begin at a bounded rate, the rest waits in a bounded line.
 */
import { createHash } from 'node:crypto'
import { createServer as createTcpServer, type Server, type Socket } from 'node:net'
import {
  createServer as createTlsServer,
  type SecureContextOptions,
  type TLSSocket,
} from 'node:tls'
import { createAdmission } from './admission.ts'
import type { Credentials, TlsFiles } from './credentials.ts'
import { BrokerFull, BrokerPortTaken, TlsHandshakeFailed } from './errors.ts'
import type { BrokerLimits } from './limits.ts'

export interface TlsListener {
  listen(): Promise<void>
  address(): { host: string; port: number }
  useCredentials(credentials: Credentials): void
  /** No new connections; resolves when the last socket has closed. */
  close(): Promise<void>
  /** Ends what is still open. */
  destroyAll(): void
}

export interface TlsListenerOptions {
  readonly host: string
  readonly port: number
  readonly limits: BrokerLimits
  readonly minVersion: TlsFiles['minVersion']
  readonly credentials: Credentials
  connected(socket: TLSSocket): void
  /** A handshake that failed, or a connection there is no room for. */
  failed(code: string, reason: string, address: string): void
}

/** A dead radio link is noticed by TCP even when the client asked for no MQTT keep-alive. */
const tcpKeepAliveMs = 60_000
/** Tickets are good for a day; after that a full handshake proves the certificate anew. */
const sessionTimeoutS = 86_400
/** Without a context of its own OpenSSL refuses to resume sessions that have a client certificate. */
const sessionIdContext = createHash('sha256').update('intergreen broker').digest('hex').slice(0, 32)

export function createTlsListener(options: TlsListenerOptions): TlsListener {
  const { host, port, limits, failed } = options
  const sockets = new Set<Socket>()

  const tls = createTlsServer({
    ...contextOf(options.credentials, options.minVersion),
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
    waitingMax: limits.handshakesWaitingMax,
    begin: (socket) => tls.emit('connection', socket),
    refuse(socket) {
      failed(BrokerFull.code, 'too many handshakes wait', socket.remoteAddress ?? '')
      socket.destroy()
    },
  })
  const tcp: Server = createTcpServer(
    {
      pauseOnConnect: true,
      noDelay: true, // PUBACKs are small and awaited.
      keepAlive: true,
      keepAliveInitialDelay: tcpKeepAliveMs,
    },
    (socket) => {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
      socket.on('error', () => {}) // Until TLS has it; a reset there is nobody's fault.
      if (sockets.size > limits.connectionsMax) {
        failed(BrokerFull.code, 'too many connections', socket.remoteAddress ?? '')
        socket.destroy()
      } else admission.enter(socket)
    },
  )

  return {
    listen: () =>
      new Promise((resolve, reject) => {
        tcp.once('error', (cause) => reject(BrokerPortTaken.from(cause, host, port, cause.message)))
        tcp.listen({ host, port, backlog: limits.handshakesWaitingMax }, () => {
          // Later faults are of single connections (no file handles left): they must not end the process.
          tcp.on('error', (error) => failed(BrokerFull.code, error.message, ''))
          resolve()
        })
      }),
    address() {
      const address = tcp.address()
      if (address === null || typeof address === 'string') return { host, port }
      return { host: address.address, port: address.port }
    },
    useCredentials: (credentials) =>
      tls.setSecureContext(contextOf(credentials, options.minVersion)),
    close() {
      admission.close()
      return new Promise((resolve) => tcp.close(() => resolve()))
    },
    destroyAll() {
      for (const socket of sockets) socket.destroy()
    },
  }
}

function contextOf(
  { key, cert, ca }: Credentials,
  minVersion: TlsFiles['minVersion'],
): SecureContextOptions {
  return {
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
