/**
 * The web port: metrics and health for machines, the control center's page and MQTT over WebSocket for people.
 *
 *   GET /metrics          Prometheus text
 *   GET /health/live      200 while the process answers
 *   GET /health/ready     200 or 503, with the reason of every part
 *   GET /?token=…         opens a session with the one-time token, then the page
 *   GET /session.json     what the session may do, for the page: {mayAsk}
 *   GET /…                the page's files, for open sessions only
 *   WS  /mqtt             MQTT 3.1.1 as control center, for open sessions of the same origin only
 *
 * - It knows no MQTT: a WebSocket becomes a byte stream that is handed over, and ends with its session.
 * - No request has a body, and strangers are bounded (`admission.ts`): beyond that the answer is 429 with IG_ERR_WEB_BUSY.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createWebSocketStream, WebSocketServer } from 'ws'
import type { Log } from '../kit/log.ts'
import type { Part } from '../kit/part.ts'
import { type AdmissionLimits, admissionLimits, createAdmission } from './admission.ts'
import { type CertificateFiles, followCertificate, useCertificate } from './certificate.ts'
import { WebBusy, WebPortTaken } from './errors.ts'
import { readPageFile } from './page-files.ts'
import { securityHeaders, send, sendLast } from './responses.ts'
import { cookieName, createSessions, sessionMsDefault } from './sessions.ts'

export interface WebOptions {
  readonly host: string
  readonly port: number
  /** Without it the port speaks plain HTTP. */
  readonly tls?: CertificateFiles
  /** Folders whose files the page may ask for, by URL prefix. */
  readonly files: Readonly<Record<string, string>>
  /** Whether who opens the page may give commands. The door holds to it; here it is only told to the page. */
  readonly mayAsk?: boolean
  readonly metrics: () => Promise<string>
  readonly health: () => { readonly ready: boolean; readonly findings: readonly unknown[] }
  /** Takes a control center's MQTT connection. */
  readonly acceptCenter: (stream: Duplex) => void
  /** Counts what strangers were not given. */
  readonly refused?: { add(amount: number, labels: { readonly what: Refused }): void }
  readonly limits?: AdmissionLimits
  readonly sessionMs?: number
  readonly certificatePollMs?: number
  readonly log: Log
}

type Refused = 'connections' | 'requests'

export interface Web extends Part {
  address(): { readonly host: string; readonly port: number }
  /** Address of the page with a fresh one-time token. */
  pageUrl(): string
  /** Told when a one-time address was used: the next person needs another. */
  onOpened(listener: () => void): void
}

const messageBytesMax = 256 * 1024 // A control center sends commands, not telemetry.
const certificatePollMs = 10_000
/** A request is a line and a few headers: who takes longer to send them holds a connection for nothing. */
const headersMs = 10_000
const requestMs = 20_000

export function createWeb(options: WebOptions): Web {
  const { tls, log, sessionMs = sessionMsDefault } = options
  const sessions = createSessions(sessionMs)
  const admission = createAdmission(options.limits ?? admissionLimits, () => performance.now())
  const openedListeners: (() => void)[] = []
  let stopFollowing = () => {}
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    answer(request, response).catch((err) => {
      log.error({ err }, 'a web request failed')
      if (!response.headersSent) send(response, 500, 'text/plain', 'internal error\n')
    })
  }
  const secureServer = tls && createTlsServer({ handshakeTimeout: headersMs }, handle)
  const server = secureServer ?? createServer(handle)
  server.headersTimeout = headersMs
  server.requestTimeout = requestMs
  const sockets = new WebSocketServer({ noServer: true, maxPayload: messageBytesMax })

  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? ''
    if (admission.enter(address)) {
      socket.once('close', () => admission.leave(address))
      return
    }
    refuse('connections')
    if (!tls) socket.end(busyAnswer('connections'))
    socket.destroySoon()
  })

  function refuse(what: Refused): void {
    options.refused?.add(1, { what })
    log.warn({ code: WebBusy.code, what }, 'somebody asks more of the web port than strangers get')
  }

  /** As bytes: a connection that is not taken, and an upgrade, have no response object. */
  function busyAnswer(what: Refused): string {
    const lines = ['HTTP/1.1 429 Too Many Requests', `retry-after: ${admission.retryAfterS}`]
    return [...lines, 'connection: close', '', busyText(what)].join('\r\n')
  }

  /** Whether a stranger's request is taken. */
  function mayAsk(request: IncomingMessage, path?: string): boolean {
    if (sessions.lifeOf(sessionOf(request))) return true
    const isHealth = path?.startsWith('/health/') ?? false
    const isTaken = admission.mayAsk(request.socket.remoteAddress ?? '', isHealth)
    if (!isTaken) refuse('requests')
    return isTaken
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = urlOf(request)
    if (!mayAsk(request, url?.pathname)) {
      response.setHeader('retry-after', admission.retryAfterS)
      return sendLast(request, response, 429, busyText('requests'))
    }
    if (url === undefined) return sendLast(request, response, 400, 'not an address\n')
    const isHead = request.method === 'HEAD' // RFC 9110 §9.1: as GET, without the body.
    if (request.method !== 'GET' && !isHead) {
      response.setHeader('allow', 'GET, HEAD')
      return sendLast(request, response, 405, 'only GET\n')
    }
    if (hasBody(request)) return sendLast(request, response, 413, 'a request has no body here\n')
    if (url.pathname === '/metrics') {
      return send(response, 200, 'text/plain; version=0.0.4', await options.metrics())
    }
    if (url.pathname === '/health/live') return send(response, 200, 'text/plain', 'alive\n')
    if (url.pathname === '/health/ready') {
      const report = options.health()
      const body = `${JSON.stringify(report, null, 2)}\n`
      return send(response, report.ready ? 200 : 503, 'application/json', body)
    }
    const token = url.searchParams.get('token')
    // Who only looks where an address leads, as chat programs do, must not use it up.
    if (token !== null && !isHead) return redeem(token, response)
    if (!sessions.lifeOf(sessionOf(request))) {
      const text = 'This page opens with the one-time address that the gateway printed last.\n'
      return send(response, 401, 'text/plain', text)
    }
    if (url.pathname === '/session.json') {
      const body = JSON.stringify({ mayAsk: options.mayAsk ?? false })
      return send(response, 200, 'application/json', body)
    }
    const path = url.pathname === '/' ? '/index.html' : url.pathname
    const file = await readPageFile(options.files, path)
    return file
      ? send(response, 200, file.type, file.body)
      : send(response, 404, 'text/plain', 'not here\n')
  }

  function redeem(token: string, response: ServerResponse): void {
    const session = sessions.redeem(token)
    if (session === undefined) {
      send(response, 401, 'text/plain', 'This token was used before or never existed.\n')
      return
    }
    const ends = `Max-Age=${Math.ceil(sessionMs / 1_000)}`
    const secure = tls ? '; Secure' : ''
    const cookie = `${cookieName}=${session}; HttpOnly; SameSite=Strict; Path=/; ${ends}${secure}`
    response.writeHead(303, { ...securityHeaders, 'set-cookie': cookie, location: '/' }).end()
    for (const listener of openedListeners) listener()
  }

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => {}) // Whoever asks may be gone before the answer.
    if (!mayAsk(request)) {
      socket.end(busyAnswer('requests'))
      return
    }
    const isOurs = urlOf(request)?.pathname === '/mqtt'
    const life = sessions.lifeOf(sessionOf(request))
    if (!isOurs || !isSameOrigin(request) || !life) {
      socket.end('HTTP/1.1 401 Unauthorized\r\nconnection: close\r\n\r\n')
      return
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const stream = createWebSocketStream(webSocket)
      // A torn WebSocket is an everyday end of a connection, not a fault of the gateway.
      stream.on('error', (err) => log.debug({ err }, 'a page went away'))
      const endWithSession = () => webSocket.terminate()
      life.addEventListener('abort', endWithSession)
      webSocket.once('close', () => life.removeEventListener('abort', endWithSession))
      options.acceptCenter(stream)
    })
  })

  return {
    name: 'web',
    async start() {
      if (secureServer && tls) {
        useCertificate(secureServer, tls)
        const pollMs = options.certificatePollMs ?? certificatePollMs
        stopFollowing = followCertificate(secureServer, tls, { log, pollMs })
      }
      await new Promise<void>((resolve, reject) => {
        server.once('error', (cause: Error) =>
          reject(WebPortTaken.from(cause, options.port, options.host, cause.message)),
        )
        server.listen(options.port, options.host, () => {
          // Later faults are of single connections (no file handles left): they must not end the process.
          server.removeAllListeners('error')
          server.on('error', (err) => log.error({ err }, 'the web port reported a fault'))
          resolve()
        })
      })
    },
    async stop() {
      stopFollowing()
      sessions.close()
      for (const client of sockets.clients) client.terminate()
      server.closeAllConnections()
      if (server.listening) await new Promise((resolve) => server.close(resolve))
    },
    address() {
      const { address, port } = server.address() as AddressInfo
      return { host: address, port }
    },
    pageUrl() {
      const { host, port } = this.address()
      const isAny = host === '0.0.0.0' || host === '::'
      const name = isAny ? 'localhost' : host.includes(':') ? `[${host}]` : host
      return `${tls ? 'https' : 'http'}://${name}:${port}/?token=${sessions.createToken()}`
    },
    onOpened: (listener) => void openedListeners.push(listener),
  }
}

function busyText(what: Refused): string {
  const { code, message, hint } = WebBusy(what)
  return `${JSON.stringify({ code, message, hint })}\n`
}

const hasBody = ({ headers }: IncomingMessage) =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0

function sessionOf(request: IncomingMessage): string | undefined {
  const cookies = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim().split('='))
  return cookies.find(([name]) => name === cookieName)?.[1]
}

/** A page of another site could open a WebSocket with our cookie; the browser says which page asks. */
function isSameOrigin(request: IncomingMessage): boolean {
  const origin = request.headers.origin
  if (origin === undefined || !URL.canParse(origin)) return false
  return new URL(origin).host === request.headers.host
}

/** Undefined for what is no address: anybody can send anything. */
function urlOf(request: IncomingMessage): URL | undefined {
  const base = 'http://page'
  return URL.canParse(request.url ?? '/', base) ? new URL(request.url ?? '/', base) : undefined
}
