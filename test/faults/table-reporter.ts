/** Prints a table of what the faults did, after all tests: `vitest run test/faults --reporter=default --reporter=<this file>`. */
import { writeSync } from 'node:fs'
import type { Reporter, TestModule } from 'vitest/node'
import type { FaultRow } from '../support/fault-stand.ts'

const columns: readonly { title: string; of: (row: FaultRow) => string }[] = [
  { title: 'fault', of: (row) => row.fault },
  { title: 'acknowledged', of: (row) => String(row.acknowledged) },
  { title: 'lost', of: (row) => String(row.lost) },
  { title: 'duplicate points', of: (row) => String(row.duplicatePoints) },
  { title: 'residual', of: (row) => String(row.residual) },
  {
    title: 'recovery',
    of: (row) => (row.recoveryS === undefined ? '' : `${row.recoveryS.toFixed(1)} s`),
  },
  { title: 'seen', of: (row) => row.note ?? '' },
]

export default class TableReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const rows = modules.flatMap((module) =>
      [...module.children.allTests()].flatMap((test) => test.meta().faults ?? []),
    )
    if (rows.length === 0) return
    const cells = [columns.map(({ title }) => title)]
    for (const row of rows) cells.push(columns.map(({ of }) => of(row)))
    const widths = columns.map((_, at) => Math.max(...cells.map((line) => line[at]!.length)))
    const lines = cells.map(
      (line) => `| ${line.map((cell, at) => cell.padEnd(widths[at]!)).join(' | ')} |`,
    )
    lines.splice(1, 0, `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`)
    writeSync(1, `\n${lines.join('\n')}\n`)
  }
}
