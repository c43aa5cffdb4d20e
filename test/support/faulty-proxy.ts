/**
 * A real TCP proxy in front of a database that can go wrong on demand: away, slow, refusing, cutting, late.
 *
 * - It speaks HTTP itself (request in, request out), so that it can answer in the database's stead.
 * - `plan` decides for each write request; by default everything passes.
 */
import { once } from 'node:events'
import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { gunzipSync } from 'node:zlib'

export type Misdeed =
  | { readonly kind: 'pass' }
  /** Answers in the database's stead; the database sees nothing. */
  | {
      readonly kind: 'answer'
      readonly status: number
      readonly headers?: Record<string, string>
      readonly body?: string
    }
  /** Closes the connection before the database sees anything. */
  | { readonly kind: 'reset' }
  /** Lets the database take it, then closes the connection in the middle of an answer. */
  | { readonly kind: 'half-answer' }
  /** Lets the database take it and answers only after a while. */
  | { readonly kind: 'late'; readonly delayMs: number }
  /** Never answers at all. */
  | { readonly kind: 'silent' }

export interface FaultyProxy {
  readonly url: string
  /** Requests seen, by what was done with them. */
  readonly seen: {
    kind: Misdeed['kind']
    path: string
    lines: number
    isGzip: boolean
    token: string
  }[]
  /** Sockets opened by clients so far. */
  connections(): number
  plan: (lines: readonly string[], at: number) => Misdeed
  /** Refuses connections, and ends those there are. */
  down(): Promise<void>
  up(): Promise<void>
  close(): Promise<void>
}

export async function startFaultyProxy(targetPort: number): Promise<FaultyProxy> {
  const sockets = new Set<Socket>()
  let opened = 0
  const server = createServer((request, response) => void handle(request, response))
  server.on('connection', (socket: Socket) => {
    opened += 1
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo

  async function handle(request: IncomingMessage, response: ServerResponse) {
    const chunks: Buffer[] = []
    try {
      for await (const chunk of request) chunks.push(chunk)
    } catch {
      return
    }
    const body = Buffer.concat(chunks)
    const isGzip = request.headers['content-encoding'] === 'gzip'
    const lines = (isGzip ? gunzipSync(body) : body).toString().split('\n').filter(Boolean)
    const misdeed = proxy.plan(lines, proxy.seen.length)
    const token = request.headers.authorization ?? ''
    const path = request.url ?? ''
    proxy.seen.push({ kind: misdeed.kind, path, lines: lines.length, isGzip, token })
    switch (misdeed.kind) {
      case 'answer':
        response.writeHead(misdeed.status, misdeed.headers)
        response.end(misdeed.body)
        return
      case 'reset':
        request.socket.resetAndDestroy()
        return
      case 'silent':
        return
    }
    const answer = await forward(request, body)
    switch (misdeed.kind) {
      case 'pass':
        response.writeHead(answer.status)
        response.end(answer.body)
        return
      case 'half-answer':
        request.socket.write('HTTP/1.1 200 OK\r\ncontent-length: 400\r\n\r\n{"half')
        request.socket.end()
        return
      case 'late':
        setTimeout(() => {
          if (response.destroyed) return
          response.writeHead(answer.status)
          response.end(answer.body)
        }, misdeed.delayMs).unref()
    }
  }

  function forward(request: IncomingMessage, body: Buffer) {
    const { method, url: path, headers } = request
    return new Promise<{ status: number; body: Buffer }>((resolve) => {
      const onward = httpRequest({ port: targetPort, host: '127.0.0.1', method, path, headers })
      onward.on('error', () => resolve({ status: 502, body: Buffer.from('no database') }))
      onward.on('response', async (answer) => {
        const chunks: Buffer[] = []
        for await (const chunk of answer) chunks.push(chunk)
        resolve({ status: answer.statusCode ?? 502, body: Buffer.concat(chunks) })
      })
      onward.end(body)
    })
  }

  const proxy: FaultyProxy = {
    url: `http://127.0.0.1:${port}`,
    seen: [],
    connections: () => opened,
    plan: () => ({ kind: 'pass' }),
    async down() {
      const closed = once(server, 'close')
      server.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
    async up() {
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
    },
    async close() {
      if (server.listening) await proxy.down()
    },
  }
  return proxy
}
