/**
 * One connection per client id over all doors [MQTT-3.1.4-2]: the newest wins, and it begins only when the older one has
 * ended and its will is at the gate.
 */
export interface Claimant {
  readonly clientId: string
  /** The id is free. */
  grant(): void
  /** A newer one has come for it. */
  end(): void
}

export interface ClientIds<C extends Claimant> {
  claim(claimant: C): void
  /** It has ended, whether it had the id or waited for it. */
  release(claimant: C): void
  holder(clientId: string): C | undefined
}

export function createClientIds<C extends Claimant>(): ClientIds<C> {
  const holders = new Map<string, C>()
  const waiting = new Map<string, C>()

  return {
    claim(claimant) {
      const { clientId } = claimant
      const holder = holders.get(clientId)
      if (holder === undefined) {
        holders.set(clientId, claimant)
        claimant.grant()
        return
      }
      const overtaken = waiting.get(clientId)
      waiting.set(clientId, claimant)
      // Whoever waited still waits for nothing; the holder was told when the first one came.
      if (overtaken === undefined) holder.end()
      else overtaken.end()
    },
    release(claimant) {
      const { clientId } = claimant
      if (waiting.get(clientId) === claimant) waiting.delete(clientId)
      if (holders.get(clientId) !== claimant) return
      const next = waiting.get(clientId)
      waiting.delete(clientId)
      if (next === undefined) holders.delete(clientId)
      else {
        holders.set(clientId, next)
        next.grant()
      }
    },
    holder: (clientId) => holders.get(clientId),
  }
}
