/** The gateway's own metrics, as a bench reads them: before and after, and the difference. */

export type Metrics = ReadonlyMap<string, number>

export async function readMetrics(web: number): Promise<Metrics> {
  const text = await (await fetch(`http://127.0.0.1:${web}/metrics`)).text()
  const metrics = new Map<string, number>()
  for (const [, name, value] of text.matchAll(/^(\w+(?:\{[^}]*\})?) (\S+)$/gm))
    metrics.set(name as string, Number(value))
  return metrics
}

export function grownBy(before: Metrics, after: Metrics, name: string): number {
  return (after.get(name) ?? 0) - (before.get(name) ?? 0)
}

/** Means of histograms of seconds between two looks, in ms, and how often. */
export function meansBetween(before: Metrics, after: Metrics, histograms: readonly string[]) {
  return Object.fromEntries(
    histograms.map((name) => {
      const times = grownBy(before, after, `${name}_count`)
      const ms = (grownBy(before, after, `${name}_sum`) / times) * 1_000
      const short = name.replace(/^intergreen_/, '').replace(/_seconds$/, '')
      return [short, { times, ms: times === 0 ? null : Math.round(ms * 100) / 100 }]
    }),
  )
}
