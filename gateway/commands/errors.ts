/** What can go wrong between a decision and the device that should carry it out. */
import { defineError } from '../../schemas/coded-error.ts'

export const CommandDeviceOffline = defineError({
  code: 'IG_ERR_COMMAND_DEVICE_OFFLINE',
  message: '%s is not connected: command %s was not sent',
  hint: 'Nothing is queued for it; when it is back the junction is decided afresh.',
  blame: 'world',
  retry: 'later',
})

export const CommandExpired = defineError({
  code: 'IG_ERR_COMMAND_EXPIRED',
  message: 'command %s for %s expired before it was applied: %s',
  hint: 'A stale command is never executed. If this repeats, compare the clocks of gateway and device.',
  blame: 'world',
  retry: 'never',
})

export const CommandRefusedByDevice = defineError({
  code: 'IG_ERR_COMMAND_REFUSED_BY_DEVICE',
  message: '%s rejected command %s: %s',
  hint: 'The controller checks again with its own limits and local control wins; compare them with the junction document.',
  blame: 'device',
  retry: 'never',
})

export const CommandInvalid = defineError({
  code: 'IG_ERR_COMMAND_INVALID',
  message: 'command %s for %s does not fit its schema: %s %s',
  hint: 'Nothing was sent. Whoever decided made a value that no device understands.',
  blame: 'bug',
  retry: 'never',
})

export const CommandTooManyPending = defineError({
  code: 'IG_ERR_COMMAND_TOO_MANY_PENDING',
  message: '%s has %d commands under way, limit %d',
  hint: 'The controller takes commands without answering them; they expire by themselves.',
  blame: 'world',
  retry: 'later',
})

export const CommandOutboxFailed = defineError({
  code: 'IG_ERR_COMMAND_OUTBOX_FAILED',
  message: 'the command outbox could not be written: %s',
  hint: 'No command leaves that is not on disk. Look at the disk of the data directory.',
  blame: 'world',
  retry: 'later',
})

export const CommandStoreUnusable = defineError({
  code: 'IG_ERR_COMMAND_STORE_UNUSABLE',
  message: '%s cannot be used: %s',
  hint: 'Stop the other gateway on this data directory, or use the version that wrote it.',
  blame: 'operator',
  retry: 'never',
})
