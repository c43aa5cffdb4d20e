/** What can go wrong with the embedded history. */
import { defineError } from '../../schemas/coded-error.ts'

export const HistoryUnreadable = defineError({
  code: 'IG_ERR_HISTORY_UNREADABLE',
  message: '%s cannot be opened: %s',
  hint: 'See that the data directory can be written to. A damaged history.db may be moved away: a new one is begun from what the ledger still holds.',
  blame: 'operator',
  retry: 'never',
})

export const HistoryVersion = defineError({
  code: 'IG_ERR_HISTORY_VERSION',
  message: '%s has version %d, this program knows %d',
  hint: 'Start the newer version of the gateway that wrote it, or move the file away.',
  blame: 'operator',
  retry: 'never',
})

export const HistoryQueryInvalid = defineError({
  code: 'IG_ERR_HISTORY_QUERY_INVALID',
  message: 'history query %s: %s',
  hint: 'Ask for a shorter range or a longer step.',
  blame: 'operator',
  retry: 'never',
})

export const ArchiveUnavailable = defineError({
  code: 'IG_ERR_ARCHIVE_UNAVAILABLE',
  message: 'the archive cannot answer now: %s',
  hint: 'It is started again by itself and goes on where it stopped; ask again in a moment.',
  blame: 'world',
  retry: 'later',
})
