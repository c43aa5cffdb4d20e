/** Whether anybody answers, before a thousand devices try: one TLS connection with the certificate they will use. */
import { once } from 'node:events'
import { connect } from 'node:tls'
import type { Credentials } from '../device/credentials.ts'
import { BrokerUnreachable } from '../errors.ts'

/** @throws IG_ERR_SIM_BROKER_UNREACHABLE */
export async function knock(
  url: string,
  name: string,
  credentials: Credentials,
  timeoutMs = 10_000,
): Promise<void> {
  const { hostname: host, port } = new URL(url)
  const socket = connect({ host, port: Number(port || 8883), servername: host, ...credentials })
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(timeoutMs) })
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    const reason = code === 'ABORT_ERR' ? 'no answer' : message
    throw BrokerUnreachable.from(cause, name, url, timeoutMs / 1000, reason)
  } finally {
    // Not cut: the gateway would count it as a handshake that failed.
    socket.end()
    socket.on('error', () => socket.destroy())
  }
}
