/**
 * CONNECT: whose client id is this, may its certificate still be used, may its will be published.
 *
 * Every session is clean, whatever CONNECT asks: nothing is queued here for who is away. A command would be stale, and
 * a reader finds what it missed in the history.
 */
import type { AedesOptions } from 'aedes'
import type { CodedError } from '../schemas/coded-error.ts'
import { isRetainable, refusePublish } from './acl.ts'
import { notAuthorized } from './aedes-internals.ts'
import { type Connection, connectionOf } from './connection.ts'
import { AuthCertExpired, AuthRevoked, ProtocolRefused } from './errors.ts'
import { refuseClientId } from './identity.ts'
import type { LastWill } from './ports.ts'
import type { Refusals } from './refusals.ts'
import type { Takeover } from './takeover.ts'
import { wallClock } from './wall-clock.ts'

export interface AuthenticationOptions {
  readonly takeover: Takeover
  readonly refusals: Refusals
  isRevoked(serial: string): boolean
}

interface Connect {
  readonly clientId: string
  readonly will?: {
    readonly topic: string
    readonly payload: Buffer
    readonly qos: number
    readonly retain: boolean
  }
}

export function createAuthentication(
  options: AuthenticationOptions,
): Required<Pick<AedesOptions, 'preConnect' | 'authenticate'>> {
  const { takeover, refusals, isRevoked } = options

  function refuse({ identity, clientId }: Connection, { will }: Connect): CodedError | undefined {
    if (isRevoked(identity.serial)) return AuthRevoked(identity.serial, identity.name)
    // A resumed TLS session does not look at the dates again.
    if (identity.notAfterMs < wallClock.nowMs())
      return AuthCertExpired(identity.name, new Date(identity.notAfterMs).toISOString())
    if (will?.qos === 2) return ProtocolRefused('a will of QoS 2')
    return (
      refuseClientId(identity, clientId) ?? (will && refusePublish(identity, clientId, will.topic))
    )
  }

  return {
    preConnect(client, packet, done) {
      const connection = connectionOf(client)
      connection.client = client
      connection.clientId = packet.clientId
      packet.clean = true
      connection.refusal = refuse(connection, packet as Connect)
      connection.will = lastWillOf(packet as Connect)
      done(null, true)
    },
    authenticate(client, _username, _password, done) {
      const connection = connectionOf(client)
      if (connection.refusal !== undefined) {
        refusals.refused(connection, connection.refusal)
        done(notAuthorized(connection.refusal), false)
      } else takeover.claim(connection, () => done(null, true))
    },
  }
}

function lastWillOf({ will }: Connect): LastWill | undefined {
  if (will === undefined) return undefined
  const { topic, payload, qos, retain } = will
  return { topic, payload, qos: qos === 0 ? 0 : 1, retain: retain && isRetainable(topic) }
}
