/** What can be wrong with a model or with its serving. Never a value: readings and forecasts fail by being left out. */
import { defineError } from '../../schemas/coded-error.ts'

export const ModelRefused = defineError({
  code: 'IG_ERR_PREDICTION_MODEL_REFUSED',
  message: 'model %s is not let in: %s',
  hint: 'See docs/forecasting.md#the-shape-of-a-model. The models in service are not touched.',
  blame: 'operator',
  retry: 'never',
})

export const QueueFull = defineError({
  code: 'IG_ERR_PREDICTION_QUEUE_FULL',
  message: '%d batches wait for the network, limit %d',
  hint: 'Control falls back to the profile. Fewer challengers, or a faster core, keep the queue short.',
  blame: 'world',
  retry: 'later',
})

export const AnswerLate = defineError({
  code: 'IG_ERR_PREDICTION_LATE',
  message: 'model %s had no answer within %d ms',
  hint: 'A late forecast is dropped and counted; control falls back to the profile.',
  blame: 'world',
  retry: 'later',
})

export const WorkerLost = defineError({
  code: 'IG_ERR_PREDICTION_WORKER_LOST',
  message: 'the thread that runs the models ended: %s',
  hint: 'It is started again by itself and the models are loaded again; control falls back to the profile meanwhile.',
  blame: 'world',
  retry: 'later',
})
