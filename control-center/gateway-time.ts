/**
 * The gateway's time, for who must date a message by it: simulated beside a simulator, the wall's on a street. Told by
 * what the gateway says of itself; until then the wall's is all there is.
 */
import { parseTimestamp } from '../schemas/time.ts'

export interface GatewayTime {
  /** The value of a status of the gateway. */
  observe(value: unknown): void
  nowMs(): number
  /** Resolves when the gateway has told its time, or after `ms`. */
  known(ms: number): Promise<void>
}

export function createGatewayTime(wall: { nowMs(): number }): GatewayTime {
  let heard: { readonly tsMs: number; readonly atMs: number } | undefined
  const told = Promise.withResolvers<void>()
  return {
    observe(value) {
      const entries = (value as { entries?: readonly { ts?: unknown }[] } | null)?.entries
      const ts = entries?.at(-1)?.ts
      const tsMs = typeof ts === 'string' ? parseTimestamp(ts) : undefined
      if (tsMs === undefined) return
      heard = { tsMs, atMs: wall.nowMs() }
      told.resolve()
    },
    nowMs: () => (heard ? heard.tsMs + wall.nowMs() - heard.atMs : wall.nowMs()),
    async known(ms) {
      let timer: NodeJS.Timeout | undefined
      const isUp = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, ms)
      })
      await Promise.race([told.promise, isUp])
      clearTimeout(timer)
    },
  }
}
