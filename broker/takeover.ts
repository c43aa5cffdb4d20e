/**
 * One connection per client id [MQTT-3.1.4-2]: the newest wins, and it begins only when the older one has fully ended.
 *
 * Aedes does this itself, but three connections of one id within a turn can leave two of them alive; so they stand in
 * line here, before Aedes knows the newcomer.
 */
import type { Connection } from './connection.ts'

export interface Takeover {
  /** Calls back when the id is free for this connection; never, when a newer one came meanwhile. */
  claim(connection: Connection, begin: () => void): void
  current(clientId: string): Connection | undefined
  all(): Iterable<Connection>
}

export function createTakeover(close: (older: Connection) => void): Takeover {
  const holders = new Map<string, Connection>()

  return {
    claim(connection, begin) {
      const { clientId } = connection
      const older = holders.get(clientId)
      holders.set(clientId, connection)
      connection.once('close', () => {
        if (holders.get(clientId) === connection) holders.delete(clientId)
      })
      if (older === undefined || older.closed) return begin()
      older.once('close', () => {
        // Aedes ends its side of the older one in this same turn.
        setImmediate(() => {
          if (holders.get(clientId) === connection && !connection.destroyed) begin()
        })
      })
      close(older)
    },
    current: (clientId) => holders.get(clientId),
    all: () => holders.values(),
  }
}
