/**
 * Is the ledger whole? Reads all of it: SQLite's own check, the checksum and the frames of every row, that offsets
 * have no hole, and that the books agree with what is there. Runs beside a running gateway; changes nothing.
 */

import { readRows } from '../read-rows.ts'
import type { LogOffset } from '../record.ts'
import { damageOf } from '../rows.ts'
import { accountsOf } from './accounts.ts'
import { type Inspection, inspect } from './inspect.ts'

export interface VerifyReport {
  readonly file: string
  readonly commits: number
  readonly records: number
  readonly bytes: number
  readonly firstOffset: LogOffset
  readonly nextOffset: LogOffset
  /** In words, at most `findingsMax` of them; empty when all is well. */
  readonly findings: readonly string[]
}

/** So many rows are read at once: short transactions, bounded memory. */
const stepBytes = 4 * 1024 * 1024
const findingsMax = 100

export function verify(dir: string): VerifyReport {
  const ledger = inspect(dir)
  try {
    const findings = checkFile(ledger)
    const before = ledger.books()
    const walked = walk(ledger, before.firstOffset, before.nextOffset, findings)
    findings.push(...accountsOf(ledger.books()).findings)
    return {
      file: ledger.file,
      ...walked,
      firstOffset: before.firstOffset,
      nextOffset: before.nextOffset,
      findings: findings.slice(0, findingsMax),
    }
  } finally {
    ledger.close()
  }
}

function checkFile({ db }: Inspection): string[] {
  const lines = db.prepare(`PRAGMA integrity_check(${findingsMax})`).all()
  const texts = lines.map((line) => String(Object.values(line)[0]))
  return texts.filter((text) => text !== 'ok')
}

/** Retention may take rows from the front while we walk; what was there when we began and is there now has no hole. */
function walk(
  ledger: Inspection,
  first: LogOffset,
  end: LogOffset,
  findings: string[],
): { commits: number; records: number; bytes: number } {
  const sum = { commits: 0, records: 0, bytes: 0 }
  let expected: LogOffset | undefined
  for (let from = first; from < end && findings.length < findingsMax; ) {
    const rows = readRows(ledger.read, from, stepBytes)
    if (rows.length === 0) break
    for (const row of rows) {
      if (expected !== undefined && row.firstOffset !== expected) {
        findings.push(`offsets ${expected} to ${row.firstOffset - 1} are missing`)
      }
      const damage = damageOf(row)
      if (damage) findings.push(`the commit at offset ${row.firstOffset}: ${damage}`)
      expected = row.lastOffset + 1
      sum.commits += 1
      sum.records += expected - row.firstOffset
      sum.bytes += row.bytes.length
    }
    from = expected ?? end
  }
  if (expected !== undefined && expected < end) {
    findings.push(`the records end at ${expected}, the books say ${end}`)
  }
  return sum
}
