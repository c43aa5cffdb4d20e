/**
 * The three instruments a room may hold. gateway/observe/metrics.ts declares every metric by name and
 * hands each room its own; a room knows neither Prometheus nor another room's figures.
 */
export interface Counter<L extends string = never> {
  add(amount?: number, labels?: Record<L, string>): void
}

export interface Gauge<L extends string = never> {
  set(value: number, labels?: Record<L, string>): void
}

export interface Histogram<L extends string = never> {
  observe(value: number, labels?: Record<L, string>): void
}
