/** Which strategy decides on which rung, by the names an operator configured. */
import { CommandLineInvalid } from '../../schemas/errors.ts'
import type { GatewayConfig } from '../config/gateway-config.ts'
import type { Strategy } from '../control/ports.ts'
import { createStrategy, strategyNames } from '../control/strategies/registry.ts'

export interface ChosenStrategies {
  readonly predictive: () => Strategy
  /** For the rung `plan`: needs flows of minutes, not what lanes show this second. */
  readonly plan: () => Strategy
  readonly shadows: () => readonly Strategy[]
}

const planStrategy = 'webster'

/** @throws IG_ERR_COMMAND_LINE_INVALID for a name that is none */
export function chooseStrategies(control: GatewayConfig['control']): ChosenStrategies {
  const make = (name: string, option: string): Strategy => {
    const strategy = createStrategy(name)
    if (strategy) return strategy
    throw CommandLineInvalid(
      option,
      `there is no strategy ${name}; known: ${strategyNames.join(', ')}`,
    )
  }
  make(control.strategy, '--control-strategy')
  for (const name of control.shadow) make(name, '--control-shadow')
  return {
    predictive: () => make(control.strategy, '--control-strategy'),
    plan: () => make(planStrategy, 'plan'),
    shadows: () => control.shadow.map((name) => make(name, '--control-shadow')),
  }
}
