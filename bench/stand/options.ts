/** Options of a bench, with the same --help and the same errors as any program of ours; its question is its head comment. */
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { type OptionSchema, readCommandLine } from '../../schemas/command-line.ts'
import { errorLine, exitCodeOf } from '../../schemas/program.ts'

/** Ends the process with the text of --help, or with 2 and what is wrong. */
export function benchOptions<T>(
  file: string,
  properties: Readonly<Record<string, OptionSchema>> = {},
): Readonly<T> {
  const bench = basename(file, '.ts')
  try {
    const line = readCommandLine<T>(
      {
        name: `npm run bench -- ${bench}`,
        summary: questionOf(file),
        properties,
        notes: [
          '',
          '--json (one line) and --keep (into bench/results/) are for all benches; bench/README.md says how numbers mislead.',
        ],
      },
      process.argv.slice(2),
    )
    if (line.kind === 'run') return line.options
    process.stdout.write(line.text)
    process.exit(0)
  } catch (error) {
    process.stderr.write(`${errorLine(error)}\n`)
    process.exit(exitCodeOf(error))
  }
}

/** The first sentence of a bench's head comment. */
export function questionOf(file: string): string {
  const head = /\/\*\*([\s\S]*?)\*\//.exec(readFileSync(file, 'utf8'))?.[1] ?? ''
  const text = head
    .replace(/\n\s*\*/g, ' ')
    .replace(/\s+/g, ' ')
    .trim()
  return (/^(?:(?:One )?[Qq]uestion: )?(.*?[?.])(?:\s|$)/.exec(text)?.[1] ?? text).trim()
}

/** Shorthands for what options are mostly made of. */
export const count = (fallback: number, description: string, minimum = 1): OptionSchema => ({
  type: 'integer',
  minimum,
  default: fallback,
  description,
})

export const flag = (fallback: boolean, description: string): OptionSchema => ({
  type: 'boolean',
  default: fallback,
  description,
})

export const list = (
  fallback: readonly (string | number)[],
  description: string,
): OptionSchema => ({
  type: 'array',
  items: { type: typeof fallback[0] === 'number' ? 'number' : 'string' },
  minItems: 1,
  default: fallback,
  description,
})
