/** Every strategy by the name an operator types. Each call makes one of its own; what it learns is the caller's memory. */
import type { Strategy } from '../ports.ts'
import { createPredictive } from './predictive.ts'
import { createWebster } from './webster.ts'

/** The memory is the strategy's own affair; to whoever runs it, it is a value to keep and hand back. */
const sealed = <Memory>(strategy: Strategy<Memory>) => strategy as unknown as Strategy

const makers: Readonly<Record<string, () => Strategy>> = {
  predictive: () => sealed(createPredictive()),
  webster: () => sealed(createWebster()),
}

export const strategyNames: readonly string[] = Object.keys(makers)

/** Undefined for a name that is none. */
export function createStrategy(name: string): Strategy | undefined {
  return Object.hasOwn(makers, name) ? makers[name]?.() : undefined
}
