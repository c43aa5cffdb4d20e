/**
 * One connection per client id [MQTT-3.1.4-2]: the newest wins, and it begins only when the older one has fully ended.
 *
 * Aedes does this itself, but three connections of one id within a turn can leave two of them alive; so they stand in
 * line here, before Aedes knows the newcomer. Where several brokers serve one port, the registry knows the others' clients.
 */
import type { Connection } from './connection.ts'
import type { ClientRegistry } from './ports.ts'

export interface Takeover {
  /** Calls back when the id is free for this connection; never, when a newer one came meanwhile. */
  claim(connection: Connection, begin: () => void): void
  /** The connection has ended; whether it ever had the id does not matter. */
  release(connection: Connection): void
  current(clientId: string): Connection | undefined
  all(): Iterable<Connection>
}

export function createTakeover(
  close: (older: Connection) => void,
  registry?: ClientRegistry,
): Takeover {
  const holders = new Map<string, Connection>()

  /** Nobody here has the id any more; and elsewhere? */
  function ask(connection: Connection, begin: () => void): void {
    if (registry === undefined || connection.closed) {
      begin()
      return
    }
    const { identity, clientId } = connection
    releaseAtEnd(connection, registry)
    registry.claim(identity, clientId, {
      begin() {
        if (holders.get(clientId) === connection && !connection.destroyed) begin()
      },
      end: () => close(connection),
      will: connection.will,
    })
  }

  return {
    claim(connection, begin) {
      const { clientId } = connection
      const older = holders.get(clientId)
      holders.set(clientId, connection)
      if (older === undefined || older.closed) return ask(connection, begin)
      older.once('close', () => {
        // Aedes ends its side of the older one in this same turn.
        setImmediate(() => {
          if (holders.get(clientId) === connection && !connection.destroyed) ask(connection, begin)
        })
      })
      close(older)
    },
    release(connection) {
      const { clientId } = connection
      if (holders.get(clientId) === connection) holders.delete(clientId)
    },
    current: (clientId) => holders.get(clientId),
    all: () => holders.values(),
  }
}

/** Apart from the claim: a closure beside it would keep what CONNECT came with as long as the connection. */
function releaseAtEnd(connection: Connection, registry: ClientRegistry): void {
  // Aedes brings the will to the gate in the turn of the end.
  connection.once('close', () => setImmediate(() => registry.release(connection.identity)))
}
