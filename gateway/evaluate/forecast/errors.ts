/** What can be wrong with data or models given to `npm run evaluate -- forecast`. */
import { defineError } from '../../../schemas/coded-error.ts'

export const EvaluateDataInvalid = defineError({
  code: 'IG_ERR_EVALUATE_DATA_INVALID',
  message: '%s cannot be evaluated: %s',
  hint: 'See docs/forecasting.md#evaluating-on-your-own-data for the files that are understood.',
  blame: 'operator',
  retry: 'never',
})
