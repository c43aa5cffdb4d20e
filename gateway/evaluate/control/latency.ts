/** How long decisions took, read from the gateway's own metrics (Prometheus text) at the end of a run. */

export interface Latency {
  readonly count: number
  readonly meanMs: number
  /** Upper bound of the bucket that holds the 99th of a hundred. */
  readonly p99Ms: number
}

const metric = 'intergreen_control_decide_seconds'

export async function decideLatency(webPort: number): Promise<Latency> {
  const response = await fetch(`http://127.0.0.1:${webPort}/metrics`)
  return parseLatency(await response.text())
}

export function parseLatency(text: string): Latency {
  const value = (suffix: string) =>
    Number(text.match(new RegExp(`^${metric}_${suffix}(?:\\{[^}]*\\})? (\\S+)$`, 'm'))?.[1] ?? 0)
  const count = value('count')
  const buckets = [
    ...text.matchAll(new RegExp(`^${metric}_bucket\\{[^}]*le="([^"]+)"[^}]*\\} (\\S+)$`, 'gm')),
  ]
  const p99 = buckets.find(([, , upTo]) => Number(upTo) >= count * 0.99)
  const boundS = p99?.[1] === '+Inf' ? Number.POSITIVE_INFINITY : Number(p99?.[1] ?? 0)
  return { count, meanMs: count === 0 ? 0 : (value('sum') / count) * 1000, p99Ms: boundS * 1000 }
}
