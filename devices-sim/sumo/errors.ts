/** What can go wrong between the simulator and SUMO. */
import { defineError } from '../../schemas/coded-error.ts'

export const SumoUnstartable = defineError({
  code: 'IG_ERR_SIM_SUMO_UNSTARTABLE',
  message: 'SUMO (%s) did not start with %s: %s',
  hint: 'Install SUMO (Debian: sumo, sumo-tools), name its binary with --sumo, and check the scenario with `sumo -c FILE`.',
  blame: 'operator',
  retry: 'never',
})

export const SumoLost = defineError({
  code: 'IG_ERR_SIM_SUMO_LOST',
  message: 'SUMO was lost at second %d of the scenario: %s',
  hint: 'Run the scenario with `sumo -c FILE` alone; if it ends there too, the scenario is broken. An assertion is a fault of that version of SUMO: try a newer one, or static programs.',
  blame: 'world',
  retry: 'never',
})

export const ScenarioWithoutSignals = defineError({
  code: 'IG_ERR_SIM_SCENARIO_WITHOUT_SIGNALS',
  message: 'scenario %s has no traffic light that can be controlled (%s)',
  hint: 'Choose a scenario with at least one junction whose program has two phases with different greens.',
  blame: 'operator',
  retry: 'never',
})

export const ScenarioStepUnfit = defineError({
  code: 'IG_ERR_SIM_SCENARIO_STEP',
  message: 'scenario %s steps by %s s, which does not divide a second',
  hint: 'Set step-length in the scenario to 1, or to a part of it such as 0.5, 0.2 or 0.1.',
  blame: 'operator',
  retry: 'never',
})
