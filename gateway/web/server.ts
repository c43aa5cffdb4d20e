/**
 * The web port: metrics and health for machines, the control center's page and MQTT over WebSocket for people.
 *
 *   GET /metrics          Prometheus text
 *   GET /health/live      200 while the process answers
 *   GET /health/ready     200 or 503, with the reason of every part
 *   GET /?token=…         opens a session with the one-time token, then the page
 *   GET /…                the page's files, for open sessions only
 *   WS  /mqtt             MQTT 3.1.1 as control center, for open sessions of the same origin only
 *
 * It knows no MQTT: a WebSocket becomes a byte stream that is handed over.
 */
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { extname, join, normalize } from 'node:path'
import type { Duplex } from 'node:stream'
import { createWebSocketStream, WebSocketServer } from 'ws'
import type { Log } from '../kit/log.ts'
import type { Part } from '../kit/part.ts'
import { WebPortTaken } from './errors.ts'
import { cookieName, createSessions } from './sessions.ts'

export interface WebOptions {
  readonly host: string
  readonly port: number
  /** PEM texts; without them the port speaks plain HTTP. */
  readonly tls?: { readonly key: string; readonly cert: string }
  /** Folders whose files the page may ask for, by URL prefix. */
  readonly files: Readonly<Record<string, string>>
  readonly metrics: () => Promise<string>
  readonly health: () => { readonly ready: boolean; readonly findings: readonly unknown[] }
  /** Takes a control center's MQTT connection. */
  readonly acceptCenter: (stream: Duplex) => void
  readonly log: Log
}

export interface Web extends Part {
  address(): { readonly host: string; readonly port: number }
  /** Address of the page with a fresh one-time token. */
  pageUrl(): string
}

const contentTypes: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.json': 'application/json',
}
const messageBytesMax = 256 * 1024 // A control center sends commands, not telemetry.
const securityHeaders = {
  'content-security-policy': "default-src 'self'; connect-src 'self' ws: wss:; style-src 'self'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
}

export function createWeb(options: WebOptions): Web {
  const sessions = createSessions(() => performance.now())
  const handle = (request: IncomingMessage, response: ServerResponse) => {
    answer(request, response).catch((err) => {
      options.log.error({ err }, 'a web request failed')
      if (!response.headersSent) send(response, 500, 'text/plain', 'internal error\n')
    })
  }
  const server = options.tls ? createTlsServer(options.tls, handle) : createServer(handle)
  const sockets = new WebSocketServer({ noServer: true, maxPayload: messageBytesMax })

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = urlOf(request)
    if (url === undefined) return send(response, 400, 'text/plain', 'not an address\n')
    if (request.method !== 'GET') return send(response, 405, 'text/plain', 'only GET\n')
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
    if (token !== null) return redeem(token, response)
    if (!sessions.isOpen(sessionOf(request))) {
      const text =
        'This page opens with the one-time address that the gateway printed at its start.\n'
      return send(response, 401, 'text/plain', text)
    }
    return sendFile(url.pathname === '/' ? '/index.html' : url.pathname, response)
  }

  function redeem(token: string, response: ServerResponse): void {
    const session = sessions.redeem(token)
    if (session === undefined) {
      send(response, 401, 'text/plain', 'This token was used before or never existed.\n')
      return
    }
    const secure = options.tls ? '; Secure' : ''
    const cookie = `${cookieName}=${session}; HttpOnly; SameSite=Strict; Path=/${secure}`
    response.writeHead(303, { 'set-cookie': cookie, location: '/' }).end()
  }

  async function sendFile(path: string, response: ServerResponse): Promise<void> {
    const prefix = Object.keys(options.files)
      .sort((a, b) => b.length - a.length)
      .find((candidate) => path.startsWith(candidate))
    const type = contentTypes[extname(path)]
    if (prefix === undefined || type === undefined || normalize(path) !== path) {
      return send(response, 404, 'text/plain', 'not here\n')
    }
    const file = join(options.files[prefix]!, path.slice(prefix.length))
    if (!normalize(file).startsWith(normalize(options.files[prefix]!))) {
      return send(response, 404, 'text/plain', 'not here\n')
    }
    const body = await readFile(file).catch(() => undefined)
    if (body === undefined) return send(response, 404, 'text/plain', 'not here\n')
    send(response, 200, type, body)
  }

  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    socket.on('error', () => {}) // Whoever asks may be gone before the answer.
    const isOurs = urlOf(request)?.pathname === '/mqtt'
    if (!isOurs || !isSameOrigin(request) || !sessions.isOpen(sessionOf(request))) {
      socket.end('HTTP/1.1 401 Unauthorized\r\nconnection: close\r\n\r\n')
      return
    }
    sockets.handleUpgrade(request, socket, head, (webSocket) => {
      const stream = createWebSocketStream(webSocket)
      // A torn WebSocket is an everyday end of a connection, not a fault of the gateway.
      stream.on('error', (err) => options.log.debug({ err }, 'a page went away'))
      options.acceptCenter(stream)
    })
  })

  return {
    name: 'web',
    async start() {
      await new Promise<void>((resolve, reject) => {
        server.once('error', (cause: Error) =>
          reject(WebPortTaken.from(cause, options.port, options.host, cause.message)),
        )
        server.listen(options.port, options.host, () => {
          // Later faults are of single connections (no file handles left): they must not end the process.
          server.removeAllListeners('error')
          server.on('error', (err) => options.log.error({ err }, 'the web port reported a fault'))
          resolve()
        })
      })
    },
    async stop() {
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
      return `${options.tls ? 'https' : 'http'}://${name}:${port}/?token=${sessions.createToken()}`
    },
  }
}

function send(response: ServerResponse, status: number, type: string, body: string | Buffer): void {
  response.writeHead(status, { 'content-type': type, ...securityHeaders }).end(body)
}

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
