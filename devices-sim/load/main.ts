/** `npm run load`: a load test with a JSON report and an exit code. */
import { writeFileSync } from 'node:fs'
import { errorLine, exitCodeOf, runProgram } from '../../schemas/program.ts'
import { OutputUnwritable } from '../errors.ts'
import { type LoadOptions, loadProgram, withScenario } from './options.ts'
import { runLoad } from './run.ts'

async function main(argv: readonly string[]): Promise<void> {
  await runProgram<LoadOptions>(
    loadProgram,
    async (options, { signal, print }) => {
      const isLive = !options.json && process.stderr.isTTY === true
      const report = await runLoad(options, {
        signal,
        live: (line) => {
          if (isLive) process.stderr.write(`\r\u001b[K${line}`)
        },
      })
      if (isLive) process.stderr.write('\r\u001b[K')
      if (options.report !== '') write(options.report, report)
      print(JSON.stringify(report))
      return report.isMet ? 0 : 1
    },
    withScenario(argv),
  )
}

function write(path: string, report: object): void {
  try {
    writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`)
  } catch (cause) {
    throw OutputUnwritable.from(cause, path, (cause as Error).message)
  }
}

await main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${errorLine(error)}\n`)
  process.exit(exitCodeOf(error))
})
