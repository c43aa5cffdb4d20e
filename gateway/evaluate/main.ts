#!/usr/bin/env node
/** `npm run evaluate -- SUBJECT …`: what the system achieves, in figures, and why it did what it did. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { CommandLineInvalid } from '../../schemas/errors.ts'
import { errorLine, exitCodeOf } from '../../schemas/program.ts'

/** Each subject is a folder with a main.ts that takes the rest of the command line. */
interface Subject {
  main(argv: readonly string[]): Promise<void>
}

const subjects: Readonly<Record<string, string>> = {
  control: 'delay on a SUMO scenario, per strategy and seed',
  forecast: 'accuracy on a file of measured traffic',
  export: "training set of one's own street, from the gateway's history",
  replay: 'a time of the ledger again, through other models',
  explain: 'the forecasts a decision rested on, made again from the ledger',
}

const fileOf = (name: string) => join(import.meta.dirname, name, 'main.ts')

const overview = [
  'npm run evaluate -- SUBJECT [options]',
  ...Object.entries(subjects).map(([name, summary]) => `  ${name.padEnd(10)}${summary}`),
  'Options of a subject: npm run evaluate -- control --help',
  '',
].join('\n')

async function main(argv: readonly string[]): Promise<void> {
  const [name = '', ...rest] = argv
  if (name === '--help' || name === '-h' || name === '') {
    process.stdout.write(overview)
    return
  }
  if (!Object.hasOwn(subjects, name) || !existsSync(fileOf(name))) {
    throw CommandLineInvalid(
      name,
      `there is no such subject; known: ${Object.keys(subjects).join(', ')}`,
    )
  }
  await ((await import(fileOf(name))) as Subject).main(rest)
}

await main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${errorLine(error)}\n`)
  process.exit(exitCodeOf(error))
})
