/** How long to wait before the same batch is offered again. Pure: chance is handed in. */
import type { SinkFault } from './ports.ts'

export interface BackoffOptions {
  readonly firstMs: number
  readonly mostMs: number
  /** Pause while an operator has to act. */
  readonly parkedMs: number
}

export const backoffDefault: BackoffOptions = {
  firstMs: 100, // A keep-alive connection that was just closed is replaced within a blink.
  mostMs: 30_000, // A database that comes back is written to within half a minute.
  parkedMs: 60_000, // A wrong token is not hammered, and a mended one noticed within a minute.
}

/** `attempt` counts failures in a row from 1; `random` is 0 ≤ x < 1. */
export function pauseMs(
  fault: SinkFault,
  attempt: number,
  random: number,
  { firstMs, mostMs, parkedMs }: BackoffOptions = backoffDefault,
): number {
  // Half fixed, half chance: gateways that lost the same database do not come back as one.
  const jittered = (ms: number) => ms * (0.5 + random / 2)
  switch (fault.kind) {
    case 'unauthorised':
      return jittered(parkedMs)
    case 'throttled':
      // Never sooner than asked for.
      return (fault.retryAfterMs ?? firstMs) + random * firstMs
    case 'unreachable':
      return jittered(Math.min(firstMs * 2 ** Math.min(attempt - 1, 30), mostMs))
  }
}
