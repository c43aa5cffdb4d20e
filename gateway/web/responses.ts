/** How the web port answers: with what a browser is told about every answer, and when a connection ends with it. */
import type { IncomingMessage, ServerResponse } from 'node:http'

export const securityHeaders = {
  'content-security-policy':
    "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  // What a session shows is not for the next person at the desk.
  'cache-control': 'no-store',
}

export function send(
  response: ServerResponse,
  status: number,
  type: string,
  body: string | Buffer,
): void {
  response.writeHead(status, { 'content-type': type, ...securityHeaders }).end(body)
}

/** The connection ends with it: whatever else is sent on it is not read. */
export function sendLast(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  text: string,
): void {
  const type = text.startsWith('{') ? 'application/json' : 'text/plain'
  response.setHeader('connection', 'close')
  response.once('finish', () => request.socket.destroySoon())
  send(response, status, type, text)
}
