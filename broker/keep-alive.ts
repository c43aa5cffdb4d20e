/**
 * Who has been silent for longer than its keep-alive allows is ended [MQTT-3.1.2-24].
 *
 * - One timer looks at all connections: a timer for each would be kept as long as an idle connection, and set anew with
 *   each packet that Aedes sees.
 * - A connection ends at its time or up to `everyMs` later, never earlier.
 */

/** What is looked at. */
export interface Heard {
  /** What its keep-alive allows; 0 for ever. */
  readonly silentMsMax: number
  silentMs(): number
}

export interface KeepAlive {
  start(): void
  stop(): void
}

/** Short against the least a client can ask for, which is 1.5 s; a look at 10,000 connections is well below a millisecond. */
const everyMs = 250

export function createKeepAlive<T extends Heard>(
  connections: Iterable<T>,
  silent: (connection: T) => void,
): KeepAlive {
  let timer: NodeJS.Timeout | undefined

  function look(): void {
    for (const connection of connections)
      if (connection.silentMsMax > 0 && connection.silentMs() >= connection.silentMsMax)
        silent(connection)
    schedule()
  }

  function schedule(): void {
    timer = setTimeout(look, everyMs)
    timer.unref()
  }

  return {
    start: schedule,
    stop: () => clearTimeout(timer),
  }
}
