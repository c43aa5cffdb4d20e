/** The books, read from the file: the proof, at any time and without the gateway, that nothing is unaccounted for. */
import { type Accounts, readerResidual, summarize } from '../accounts.ts'
import { type InspectedBooks, inspect } from './inspect.ts'

export interface AccountsReport extends Accounts {
  /** The oldest record there is, and the number the next one gets. */
  readonly firstOffset: number
  readonly nextOffset: number
  readonly deadLetters: number
  readonly quarantineRows: number
  readonly quarantineBytes: number
  /** In words, what does not balance; empty when all does. */
  readonly findings: readonly string[]
}

export function reportAccounts(dir: string): AccountsReport {
  const ledger = inspect(dir)
  try {
    return accountsOf(ledger.books())
  } finally {
    ledger.close()
  }
}

export function accountsOf(books: InspectedBooks): AccountsReport {
  const { nextOffset, firstOffset, door, deadLetters, quarantineRows, quarantineBytes } = books
  const readers = books.cursors.map((cursor) => ({
    ...cursor,
    pending: nextOffset - cursor.position,
  }))
  const accounts = summarize(door, readers)
  const findings: string[] = []
  if (accounts.residual !== 0) findings.push(`the door's residual is ${accounts.residual}`)
  if (door.stored !== nextOffset) {
    findings.push(`the books say ${door.stored} were stored, the ledger ends at ${nextOffset}`)
  }
  const keptMost = accounts.quarantinedTotal - door.quarantineDropped
  if (quarantineRows !== keptMost) {
    findings.push(`${quarantineRows} messages are in quarantine, the books say ${keptMost}`)
  }
  for (const account of readers) {
    const { reader, position } = account
    const residual = readerResidual(door.stored, account)
    if (residual !== 0) findings.push(`the residual of reader ${reader} is ${residual}`)
    if (position > nextOffset) findings.push(`reader ${reader} is beyond the end`)
  }
  return {
    ...accounts,
    firstOffset,
    nextOffset,
    deadLetters,
    quarantineRows,
    quarantineBytes,
    findings,
  }
}
