/** What can go wrong between a message and the disk. */
import { defineError } from '../../schemas/coded-error.ts'

export const IngressBusy = defineError({
  code: 'IG_ERR_INGRESS_BUSY',
  message: '%d bytes wait for the disk, limit %d',
  hint: 'The disk is slower than the traffic. Devices resend; see intergreen_ledger_fsync_seconds.',
  blame: 'world',
  retry: 'later',
})

export const LedgerFull = defineError({
  code: 'IG_ERR_LEDGER_FULL',
  message: 'the ledger holds %d bytes, limit %d; the disk has %d bytes free; slowest reader is %s',
  hint: 'Nothing acknowledged is lost and devices resend. Make room on the disk, raise the limit, or bring the slowest reader back.',
  blame: 'world',
  retry: 'later',
})

export const LedgerDisk = defineError({
  code: 'IG_ERR_LEDGER_DISK',
  message: 'the ledger cannot be written: %s',
  hint: 'Look at the disk under the data directory (space, permissions, health). The gateway tries again by itself.',
  blame: 'world',
  retry: 'later',
})

export const LedgerCorrupt = defineError({
  code: 'IG_ERR_LEDGER_CORRUPT',
  message: 'the ledger %s is damaged: %s',
  hint: 'Run `npm run ledger -- verify --data-dir DIR`; restore a backup, or export what can be read and start in a new data directory.',
  blame: 'operator',
  retry: 'never',
})

export const LedgerLocked = defineError({
  code: 'IG_ERR_LEDGER_LOCKED',
  message: 'the data directory %s is in use by process %s',
  hint: 'One gateway owns a data directory. Stop the other one, or give this one a directory of its own.',
  blame: 'operator',
  retry: 'never',
})

export const LedgerVersion = defineError({
  code: 'IG_ERR_LEDGER_VERSION',
  message: 'the ledger %s has format %d, this program knows formats up to %d',
  hint: 'It was written by a newer Intergreen. Run that version, or start in a new data directory.',
  blame: 'operator',
  retry: 'never',
})

export const LedgerUnreadable = defineError({
  code: 'IG_ERR_LEDGER_UNREADABLE',
  message: 'the ledger %s cannot be opened: %s',
  hint: 'Check that the data directory exists and that the gateway may read and write it.',
  blame: 'operator',
  retry: 'never',
})

export const LedgerClosed = defineError({
  code: 'IG_ERR_LEDGER_CLOSED',
  message: 'the ledger is closed',
  hint: 'The gateway is stopping. Devices resend to the next one.',
  blame: 'world',
  retry: 'later',
})

export const LedgerNotEmpty = defineError({
  code: 'IG_ERR_LEDGER_NOT_EMPTY',
  message: 'the ledger in %s holds %d records already',
  hint: 'Replay into a new directory.',
  blame: 'operator',
  retry: 'never',
})

export const ExportLineInvalid = defineError({
  code: 'IG_ERR_LEDGER_EXPORT_LINE',
  message: 'line %d of the export cannot be read: %s',
  hint: 'Lines are written by `npm run ledger -- export`; see `npm run ledger -- --help`.',
  blame: 'operator',
  retry: 'never',
})

export const QuarantineUnknown = defineError({
  code: 'IG_ERR_QUARANTINE_UNKNOWN',
  message: 'there is no message %s in quarantine',
  hint: '`npm run quarantine -- list` shows what there is; the oldest make room for younger ones.',
  blame: 'operator',
  retry: 'never',
})
