/**
 * Every metric by name, in one table, and the instruments made of it (prom-client).
 *
 * - `intergreen_<room>_<what>_<unit>[_total]`; labels are few and bounded, never a node.
 * - docs/metrics.md is printed from the table and compared by a test.
 * - What a room counts itself is read at scrape time through `read`, so that the hot path adds plain numbers.
 */
import { type Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type * as kit from '../kit/metrics.ts'

export interface MetricDefinition {
  readonly kind: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly labels?: readonly string[]
  /** Upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[]
}

const secondsBuckets = [
  0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10,
] as const

export type MetricTable = Readonly<Record<string, MetricDefinition>>

export interface Metrics<T extends MetricTable> {
  counter(name: keyof T & string): kit.Counter<string>
  gauge(name: keyof T & string): kit.Gauge<string>
  histogram(name: keyof T & string): kit.Histogram<string>
  /** A gauge or counter whose value is asked for at each scrape. */
  read(name: keyof T & string, ask: () => readonly Reading[] | number): void
  /** Prometheus text. */
  text(): Promise<string>
}

export interface Reading {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export const seconds = (help: string, labels?: readonly string[]): MetricDefinition => ({
  kind: 'histogram',
  help,
  buckets: secondsBuckets,
  ...(labels ? { labels } : {}),
})

export function createMetrics<T extends MetricTable>(table: T): Metrics<T> {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'intergreen_process_' })
  const made = new Map<string, Counter | Gauge | Histogram>()
  const asked = new Map<string, () => readonly Reading[] | number>()

  for (const [name, definition] of Object.entries(table)) {
    const base = {
      name,
      help: definition.help,
      labelNames: [...(definition.labels ?? [])],
      registers: [registry],
    }
    const collect = function collect(this: Gauge) {
      const ask = asked.get(name)
      if (!ask) return
      const value = ask()
      this.reset()
      if (typeof value === 'number') this.set(value)
      else for (const reading of value) this.set(reading.labels, reading.value)
    }
    // prom-client's Counter cannot be set to what a room has counted itself, so one that is read stands on
    // the gauge's type; its name says `_total` all the same.
    if (definition.kind === 'histogram') {
      made.set(name, new Histogram({ ...base, buckets: [...(definition.buckets ?? [])] }))
    } else {
      made.set(name, new Gauge({ ...base, collect }))
    }
  }

  const gaugeOf = (name: string) => made.get(name) as Gauge
  return {
    counter(name) {
      const gauge = gaugeOf(name)
      return {
        add: (amount = 1, labels) => (labels ? gauge.inc(labels, amount) : gauge.inc(amount)),
      }
    },
    gauge(name) {
      const gauge = gaugeOf(name)
      return { set: (value, labels) => (labels ? gauge.set(labels, value) : gauge.set(value)) }
    },
    histogram(name) {
      const histogram = made.get(name) as Histogram
      return {
        observe: (value, labels) =>
          labels ? histogram.observe(labels, value) : histogram.observe(value),
      }
    },
    read(name, ask) {
      asked.set(name, ask)
    },
    text: () => registry.metrics(),
  }
}
