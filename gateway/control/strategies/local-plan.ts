/** No control from here: the junction runs the plan in its own cabinet. The yardstick, and the bottom of the ladder. */
import type { Strategy } from '../ports.ts'

export function createLocalPlan(): Strategy<undefined> {
  return {
    name: 'local-plan',
    periodMs: 5_000,
    remember: () => undefined,
    decide: () => ({
      decision: { kind: 'release', why: "The junction's own plan runs; nothing is asked of it." },
      memory: undefined,
    }),
  }
}
