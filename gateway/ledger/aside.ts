/** What a batch carries beside its records: into the commit, and over in the books when the batch was given up. */
import type { Books } from './accounts.ts'
import type { Batch } from './batch.ts'
import type { CommitExtras, CursorChanges } from './commit.ts'

/** Undefined for the ordinary commit, which has none. */
export function extrasOf(
  batches: readonly Batch[],
  changes: CursorChanges | undefined,
): CommitExtras | undefined {
  const laden = batches.filter((batch) => batch.hasExtras)
  if (laden.length === 0 && changes === undefined) return undefined
  return {
    quarantine: laden.flatMap((batch) => batch.quarantine),
    deadLetters: laden.flatMap((batch) => batch.deadLetters),
    released: laden.flatMap((batch) => batch.released.map(({ id }) => id)),
    keptAside: laden.flatMap((batch) => batch.keptAside),
    cursors: changes?.cursors ?? [],
    forgotten: changes?.forgotten ?? [],
  }
}

/** The batch was not stored after all: its messages are booked as refused, with the reason's code. */
export function bookOver(batch: Batch, books: Books, code: string): void {
  books.stored -= batch.count
  books.book('refused', code, batch.count)
  for (const item of batch.quarantine) {
    books.book('quarantined', item.code, -1)
    books.book('refused', code)
  }
  // What was to leave the quarantine stays there: nobody was refused.
  for (const release of batch.released) {
    books.book('quarantined', release.code)
    if (release.isDuplicate) books.duplicate -= 1
    else books.book('refused', code, -1)
  }
}
