/** `npm run ledger -- accounts | verify | export | replay`: options and what each word does. */
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { ProgramSchema } from '../../../schemas/command-line.ts'
import { CommandLineInvalid } from '../../../schemas/errors.ts'
import type { ProgramContext } from '../../../schemas/program.ts'
import { parseTimestamp } from '../../../schemas/time.ts'
import { silentLog } from '../../kit/log.ts'
import type { LedgerEntry } from '../record.ts'
import { reportAccounts } from './accounts.ts'
import { fromLine, type Range, recordsIn, toLine } from './export.ts'
import { replayInto } from './replay.ts'
import { verify } from './verify.ts'

export const ledgerProgram: ProgramSchema = {
  name: 'npm run ledger --',
  summary: 'Looks into the ledger, beside a running gateway or without one.',
  positionals: 'accounts|verify|export|replay',
  properties: {
    dataDir: { type: 'string', default: 'data', description: 'Folder of ledger.db' },
    from: {
      type: 'string',
      description: 'Received at or after (RFC 3339, like 2026-11-22T07:00:00.000Z)',
    },
    to: { type: 'string', description: 'Received before' },
    topic: { type: 'string', default: '', description: 'Topics that begin with this' },
    file: { type: 'string', description: 'replay: lines of an export instead of --data-dir' },
    into: { type: 'string', description: 'replay: new data directory' },
  },
  notes: [
    '',
    'accounts  the books as JSON: received = stored + duplicate + quarantined + refused, and each reader',
    'verify    reads all of it: checksums, offsets without a hole, books that agree',
    'export    records of a time as lines of JSON on stdout',
    'replay    records of a time, or of an export, into a new data directory: there the hour runs again, through a',
    '          new model (npm run evaluate -- replay --data-dir DIR --challengers FOLDER) or into another history and',
    '          database (npm run gateway -- --data-dir DIR)',
    '',
    'Exit code 1 when accounts or verify finds something that does not fit.',
  ],
}

export interface LedgerProgramOptions {
  readonly dataDir: string
  readonly from?: string
  readonly to?: string
  readonly topic: string
  readonly file?: string
  readonly into?: string
}

export async function runLedger(
  options: LedgerProgramOptions,
  { positionals, print, signal }: ProgramContext,
): Promise<number> {
  const [word = ''] = positionals
  switch (word) {
    case 'accounts':
      return show(print, reportAccounts(options.dataDir))
    case 'verify':
      return show(print, verify(options.dataDir))
    case 'export':
      for (const record of recordsIn(options.dataDir, rangeOf(options))) {
        if (signal.aborted) return 1
        print(toLine(record))
      }
      return 0
    case 'replay': {
      if (!options.into) throw CommandLineInvalid('--into', 'names the new data directory')
      const entries = options.file
        ? entriesOf(options.file)
        : recordsIn(options.dataDir, rangeOf(options))
      print(JSON.stringify(await replayInto(options.into, entries, silentLog)))
      return 0
    }
    default:
      throw CommandLineInvalid(word || 'missing', 'say one of accounts, verify, export, replay')
  }
}

function show(print: (line: string) => void, report: { findings: readonly string[] }): number {
  print(JSON.stringify(report, null, 2))
  return report.findings.length === 0 ? 0 : 1
}

function rangeOf({ from, to, topic }: LedgerProgramOptions): Range {
  return {
    fromMs: from === undefined ? Number.NEGATIVE_INFINITY : moment('--from', from),
    toMs: to === undefined ? Number.POSITIVE_INFINITY : moment('--to', to),
    topicPrefix: topic,
  }
}

/** Without the milliseconds it is a moment too. */
function moment(flag: string, text: string): number {
  const atMs = parseTimestamp(/\.\d{3}Z$/.test(text) ? text : text.replace(/Z$/, '.000Z'))
  if (atMs === undefined) throw CommandLineInvalid(flag, `${text} is no moment in UTC`)
  return atMs
}

async function* entriesOf(file: string): AsyncGenerator<LedgerEntry> {
  let lineNumber = 0
  for await (const line of createInterface({ input: createReadStream(file) })) {
    lineNumber += 1
    if (line !== '') yield fromLine(line, lineNumber)
  }
}
