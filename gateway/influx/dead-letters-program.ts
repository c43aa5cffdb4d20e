/**
 * `npm run dead-letters -- list | lines`: the points the database refused for ever, and what it said.
 *
 * - Runs beside a running gateway or without one; it only reads.
 * - There is no word to have the gateway try again: it cannot know that what was wrong in the database is mended, and whoever
 *   knows can hand the lines to it as they are. A point written twice is one point.
 */
import { join } from 'node:path'
import type { ProgramSchema } from '../../schemas/command-line.ts'
import { CommandLineInvalid } from '../../schemas/errors.ts'
import type { ProgramContext } from '../../schemas/program.ts'
import { formatTimestamp } from '../../schemas/time.ts'
import { openDeadLetters } from './sink-store.ts'

export const deadLettersProgram: ProgramSchema = {
  name: 'npm run dead-letters --',
  summary: 'Points that the time-series database refused for ever.',
  positionals: 'list|lines',
  properties: {
    dataDir: { type: 'string', default: 'data', description: 'Folder of sink.db' },
    limit: {
      type: 'integer',
      minimum: 1,
      default: 100,
      description: 'At most so many, youngest first',
    },
    before: { type: 'integer', minimum: 1, description: 'Only those with a lower id' },
    says: { type: 'string', default: '', description: 'Only where the database said this' },
  },
  notes: [
    '',
    'list   one line of JSON each: id, time, what the database said, topic, offset in the ledger, line',
    'lines  the points alone, as line protocol, oldest first. Once the database is mended it can have them:',
    '       npm run --silent dead-letters -- lines --limit 10000 |',
    "         curl --data-binary @- -H 'Authorization: Token …' 'URL/api/v2/write?org=…&bucket=…&precision=ms'",
  ],
}

export interface DeadLettersOptions {
  readonly dataDir: string
  readonly limit: number
  readonly before?: number
  readonly says: string
}

const pageMax = 1_000

export async function runDeadLetters(
  options: DeadLettersOptions,
  { positionals, print }: Pick<ProgramContext, 'positionals' | 'print'>,
): Promise<number> {
  const [word = ''] = positionals
  if (word !== 'list' && word !== 'lines')
    throw CommandLineInvalid(word || 'missing', 'say one of list, lines')
  const store = openDeadLetters(join(options.dataDir, 'sink.db'))
  try {
    const found = [...lettersOf(store, options)]
    if (word === 'lines') for (const { line } of found.reverse()) print(line)
    else
      for (const { atMs, ...rest } of found)
        print(JSON.stringify({ at: formatTimestamp(atMs), ...rest }))
    return 0
  } finally {
    store.close()
  }
}

function* lettersOf(store: ReturnType<typeof openDeadLetters>, options: DeadLettersOptions) {
  let before = options.before
  let left = options.limit
  for (;;) {
    const page = store.list(pageMax, before)
    for (const letter of page) {
      if (!letter.message.includes(options.says)) continue
      if (left === 0) return
      left -= 1
      yield letter
    }
    before = page.at(-1)?.id
    if (before === undefined) return
  }
}
