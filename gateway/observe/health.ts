/**
 * Is the gateway alive, and is it ready? Ready means: a device's message would be taken now. Each part says
 * for itself, with a reason a person understands.
 */

export interface Finding {
  readonly part: string
  readonly isReady: boolean
  readonly reason: string
}

export interface HealthReport {
  readonly ready: boolean
  readonly findings: readonly Finding[]
}

export interface Health {
  /** Adds a part; `ask` is called at each report and must not wait. */
  watch(part: string, ask: () => { readonly isReady: boolean; readonly reason: string }): void
  report(): HealthReport
}

export function createHealth(): Health {
  const parts = new Map<string, () => { readonly isReady: boolean; readonly reason: string }>()
  return {
    watch: (part, ask) => {
      parts.set(part, ask)
    },
    report() {
      const findings = [...parts].map(([part, ask]) => ({ part, ...ask() }))
      return { ready: findings.every((finding) => finding.isReady), findings }
    },
  }
}
