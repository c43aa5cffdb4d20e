/** What can go wrong on the way to the time-series database. */
import { defineError } from '../../schemas/coded-error.ts'

export const SinkUnreachable = defineError({
  code: 'IG_ERR_SINK_UNREACHABLE',
  message: 'database at %s did not take the batch: %s',
  hint: 'Nothing is lost: the ledger keeps it and writing is tried again for ever. See that the database runs and can be reached.',
  blame: 'world',
  retry: 'later',
})

export const SinkThrottled = defineError({
  code: 'IG_ERR_SINK_THROTTLED',
  message: 'database at %s asks for a pause of %d ms: %s',
  hint: 'Nothing is lost: writing goes on after the pause. A database that asks often is too small.',
  blame: 'world',
  retry: 'later',
})

export const SinkUnauthorised = defineError({
  code: 'IG_ERR_SINK_UNAUTHORISED',
  message: 'database at %s refuses the request itself, not a point in it: %d %s',
  hint: 'Look at url, org, bucket and the token file. Writing is tried again slowly; the token file is read anew each time.',
  blame: 'operator',
  retry: 'later',
})

export const SinkRejectedPoint = defineError({
  code: 'IG_ERR_SINK_REJECTED_POINT',
  message: 'database refuses this point for ever: %s',
  hint: 'The point is kept as a dead letter with the reason; its neighbours were written.',
  blame: 'operator',
  retry: 'never',
})

export const SinkConfigInvalid = defineError({
  code: 'IG_ERR_SINK_CONFIG_INVALID',
  message: 'influx.%s: %s',
  hint: 'See docs/influx.md for the options of the database.',
  blame: 'operator',
  retry: 'never',
})

export const SinkStoreInvalid = defineError({
  code: 'IG_ERR_SINK_STORE_INVALID',
  message: '%s has version %d, this program knows %d',
  hint: 'Start the newer version of the gateway that wrote it, or take the file away: the points of the records that are still in the ledger are then written again.',
  blame: 'operator',
  retry: 'never',
})

export const SinkStoreUnreadable = defineError({
  code: 'IG_ERR_SINK_STORE_UNREADABLE',
  message: '%s cannot be read: %s',
  hint: 'It is in the data directory of a gateway that writes to a database: name that with --data-dir.',
  blame: 'operator',
  retry: 'never',
})
