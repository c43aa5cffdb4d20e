/** Reads vitest's JSON report; what was skipped fails, for here every program is installed. */
import { readFileSync } from 'node:fs'

const print = (line) => process.stdout.write(`${line}\n`)

const report = JSON.parse(readFileSync(process.argv[2], 'utf8'))
const skipped = report.numPendingTests + report.numTodoTests
const brokenFiles = report.testResults.filter(
  (file) =>
    file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
)
for (const file of report.testResults) {
  for (const test of file.assertionResults) {
    if (test.status === 'failed') print(`failed: ${test.fullName}`)
    if (test.status === 'pending' || test.status === 'skipped') print(`skipped: ${test.fullName}`)
  }
}
for (const file of brokenFiles) print(`failed to run: ${file.name}`)
const failed = report.numFailedTests + brokenFiles.length
print(`${report.numPassedTests} passed, ${failed} failed, ${skipped} skipped`)
process.exit(failed > 0 || skipped > 0 || report.numPassedTests === 0 ? 1 : 0)
