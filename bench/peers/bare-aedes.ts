/**
 * Bare Aedes on the same Node: TLS 1.3 with client certificates, nothing validated, nothing kept, nobody subscribed.
 * The least a broker of this make can cost. Prints a ready line; ends at SIGTERM.
 *
 * Usage: node bench/peers/bare-aedes.ts CA CERT KEY
 */
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:tls'
import { Aedes } from 'aedes'

const [ca, cert, key] = process.argv.slice(2).map((file) => readFileSync(file, 'utf8'))
const broker = await Aedes.createBroker()
const server = createServer(
  {
    ca,
    cert,
    key,
    minVersion: 'TLSv1.3',
    ciphers: 'TLS_AES_128_GCM_SHA256',
    requestCert: true,
    rejectUnauthorized: true,
    sessionIdContext: 'bare',
    noDelay: true,
  } as never,
  broker.handle,
)
server.listen({ port: 0, host: '127.0.0.1', backlog: 5_000 }, () => {
  const { port } = server.address() as AddressInfo
  process.stdout.write(`${JSON.stringify({ event: 'ready', mqtts: port })}\n`)
})
process.on('SIGTERM', () => process.exit(0))
