/** What can go wrong between what the street shows and a command. */
import { defineError } from '../../schemas/coded-error.ts'

export const JunctionUnreadable = defineError({
  code: 'IG_ERR_CONTROL_JUNCTION_UNREADABLE',
  message: 'junction documents at %s cannot be read: %s',
  hint: 'Name a JSON file, or a directory of them; see schemas/site/junction.schema.json.',
  blame: 'operator',
  retry: 'never',
})

export const JunctionInvalid = defineError({
  code: 'IG_ERR_CONTROL_JUNCTION_INVALID',
  message: '%s is not a junction that can be controlled: %s %s',
  hint: 'Mend the document at the path named. The guard rests on it, so nothing in it is guessed.',
  blame: 'operator',
  retry: 'never',
})

export const ControlGuardRefused = defineError({
  code: 'IG_ERR_CONTROL_GUARD_REFUSED',
  message: 'the guard refused %s of %s for %s: %s',
  hint: 'Nothing was sent. A strategy asked for what the junction document forbids: report it with the decision record.',
  blame: 'bug',
  retry: 'never',
})

export const ControlStrategyFailed = defineError({
  code: 'IG_ERR_CONTROL_STRATEGY_FAILED',
  message: 'strategy %s failed for %s: %s',
  hint: 'The junction goes down to its plan until the strategy has worked again for some cycles. Report it.',
  blame: 'bug',
  retry: 'later',
})
