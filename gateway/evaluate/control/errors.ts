/** What can go wrong with an evaluation of control. */
import { defineError } from '../../../schemas/coded-error.ts'

export const RunFailed = defineError({
  code: 'IG_ERR_EVALUATE_RUN_FAILED',
  message: '%s ended before the run was over: %s',
  hint: 'The words after the colon are its own; start it alone with the same options to see more.',
  blame: 'world',
  retry: 'never',
})
