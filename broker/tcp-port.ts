/** The listening TCP socket: it accepts, reads nothing, and hands each connection on. */
import { createServer, type Socket } from 'node:net'
import { BrokerFull, BrokerPortTaken } from './errors.ts'

export interface TcpPort {
  listen(): Promise<void>
  address(): { host: string; port: number }
  /** No new connections; those there are live on. */
  close(): void
}

export interface TcpPortOptions {
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  readonly backlog: number
  accepted(socket: Socket): void
  /** Nothing could be accepted: no file handles left. */
  failed(code: string, reason: string, address: string): void
}

/** A dead radio link is noticed by TCP even when the client asked for no MQTT keep-alive. */
const keepAliveMs = 60_000

export function createTcpPort(options: TcpPortOptions): TcpPort {
  const { host, port, backlog, accepted, failed } = options
  const server = createServer(
    {
      pauseOnConnect: true,
      noDelay: true, // PUBACKs are small and awaited.
      keepAlive: true,
      keepAliveInitialDelay: keepAliveMs,
    },
    accepted,
  )
  return {
    listen: () =>
      new Promise((resolve, reject) => {
        server.once('error', (cause) =>
          reject(BrokerPortTaken.from(cause, host, port, cause.message)),
        )
        server.listen({ host, port, backlog }, () => {
          // Later faults are of single connections: they must not end the process.
          server.on('error', (error) => failed(BrokerFull.code, error.message, ''))
          resolve()
        })
      }),
    address() {
      const address = server.address()
      if (address === null || typeof address === 'string') return { host, port }
      return { host: address.address, port: address.port }
    },
    close: () => void server.close(),
  }
}
