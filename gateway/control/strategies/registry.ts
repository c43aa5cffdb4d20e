/** Every strategy by the name an operator types. Each call makes one of its own; what it learns is the caller's memory. */
import type { Strategy } from '../ports.ts'
import { createActuated } from './actuated.ts'
import { createLocalPlan } from './local-plan.ts'
import { createMaxPressure } from './max-pressure.ts'
import { createPid } from './pid.ts'
import { createPredictive } from './predictive.ts'
import { createQLearning } from './q-learning.ts'
import { createWebster } from './webster.ts'

/** The memory is the strategy's own affair; to whoever runs it, it is a value to keep and hand back. */
const sealed = <Memory>(strategy: Strategy<Memory>) => strategy as unknown as Strategy

const makers: Readonly<Record<string, () => Strategy>> = {
  predictive: () => sealed(createPredictive()),
  webster: () => sealed(createWebster()),
  actuated: () => sealed(createActuated()),
  'max-pressure': () => sealed(createMaxPressure()),
  pid: () => sealed(createPid()),
  'q-learning': () => sealed(createQLearning()),
  'local-plan': () => sealed(createLocalPlan()),
}

export const strategyNames: readonly string[] = Object.keys(makers)

/** Undefined for a name that is none. */
export function createStrategy(name: string): Strategy | undefined {
  return Object.hasOwn(makers, name) ? makers[name]?.() : undefined
}
