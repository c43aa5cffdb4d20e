/**
 * An hour again: puts records of one ledger, or lines of an export, into a fresh data directory, unchanged, at their own
 * times and in their own order.
 *
 * - `npm run evaluate -- replay` on that directory judges whatever models it is given on the hour's readings; as often as it
 *   is run it finds the same.
 * - A gateway opened on it reads them from the first on with all its readers: history, database, the forecaster's profiles.
 *   It reads as fast as it can, so its networks miss most of it, and it commands nobody about what is past.
 * - Over MQTT the hour would be judged by today's clock, and a gateway would answer it with commands; so it is not done.
 * - A directory that holds records already is refused: two hours mixed are no hour.
 */
import type { CodedError } from '../../../schemas/coded-error.ts'
import type { Log } from '../../kit/log.ts'
import { LedgerNotEmpty } from '../errors.ts'
import { type Ledger, openLedger } from '../ledger.ts'
import type { LedgerEntry } from '../record.ts'

export interface ReplayReport {
  readonly into: string
  readonly records: number
  readonly firstReceivedAtMs: number | undefined
  readonly lastReceivedAtMs: number | undefined
}

/** @throws IG_ERR_LEDGER_NOT_EMPTY, and what opening and writing a ledger throws */
export async function replayInto(
  into: string,
  entries: AsyncIterable<LedgerEntry> | Iterable<LedgerEntry>,
  log: Log,
): Promise<ReplayReport> {
  const ledger = await openLedger({ dir: into, log })
  try {
    if (ledger.nextOffset > 0) throw LedgerNotEmpty(into, ledger.nextOffset)
    let records = 0
    let firstReceivedAtMs: number | undefined
    let lastReceivedAtMs: number | undefined
    for await (const entry of entries) {
      await append(ledger, entry)
      records += 1
      firstReceivedAtMs ??= entry.receivedAtMs
      lastReceivedAtMs = entry.receivedAtMs
    }
    await allDurable(ledger)
    return { into, records, firstReceivedAtMs, lastReceivedAtMs }
  } finally {
    await ledger.close()
  }
}

async function append(ledger: Ledger, entry: LedgerEntry): Promise<void> {
  const refusal = ledger.refusal()
  if (refusal?.code === 'IG_ERR_INGRESS_BUSY') await allDurable(ledger)
  ledger.books.received += 1 // Before: a batch that is full leaves within the call, with the books as they are.
  const answer = ledger.append(entry, () => {})
  if (typeof answer === 'number') return
  ledger.books.received -= 1
  throw answer
}

function allDurable(ledger: Ledger): Promise<void> {
  return new Promise((resolve, reject) => {
    ledger.afterPending((error?: CodedError) => (error ? reject(error) : resolve()))
  })
}
