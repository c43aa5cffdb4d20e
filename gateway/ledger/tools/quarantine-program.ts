/**
 * `npm run quarantine -- list | show | resubmit`: what could not be understood, and how it comes back.
 *
 * - Runs beside a running gateway. list and show only read.
 * - resubmit writes a request into ledger.db; the gateway finds it within a second and judges the message anew, as of
 *   the time it came. What fits now leaves the quarantine in the commit that stores it; the rest stays.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { ProgramSchema } from '../../../schemas/command-line.ts'
import { CommandLineInvalid } from '../../../schemas/errors.ts'
import type { ProgramContext } from '../../../schemas/program.ts'
import { formatTimestamp } from '../../../schemas/time.ts'
import { QuarantineUnknown } from '../errors.ts'
import type { KeptItem } from '../quarantine.ts'
import { inspect, listQuarantine, quarantineColumns } from './inspect.ts'

export const quarantineProgram: ProgramSchema = {
  name: 'npm run quarantine --',
  summary: 'Messages that could not be understood: looks at them, and has them judged anew.',
  positionals: 'list|show ID…|resubmit [ID…]',
  properties: {
    dataDir: { type: 'string', default: 'data', description: 'Folder of ledger.db' },
    code: { type: 'string', description: 'Only of this code, like IG_ERR_MSG_SCHEMA' },
    node: { type: 'string', description: 'Only from this node' },
    limit: {
      type: 'integer',
      minimum: 1,
      default: 100,
      description: 'At most so many, youngest first',
    },
    all: {
      type: 'boolean',
      default: false,
      description: 'resubmit: all that --code and --node leave',
    },
  },
  notes: [
    '',
    'list      one line of JSON each: id, time, code, path, reason, node, topic, bytes',
    'show      one message whole, with its payload',
    'resubmit  asks the gateway to judge messages anew, after a schema was mended; it does so within a second,',
    '          or at its next start',
  ],
}

export interface QuarantineProgramOptions {
  readonly dataDir: string
  readonly code?: string
  readonly node?: string
  readonly limit: number
  readonly all: boolean
}

export async function runQuarantine(
  options: QuarantineProgramOptions,
  { positionals, print }: Pick<ProgramContext, 'positionals' | 'print'>,
): Promise<number> {
  const [word = '', ...ids] = positionals
  if (!['list', 'show', 'resubmit'].includes(word)) {
    throw CommandLineInvalid(word || 'missing', 'say one of list, show, resubmit')
  }
  const { db, close } = inspect(options.dataDir, word !== 'resubmit')
  try {
    if (word === 'list') {
      for (const item of listQuarantine(db, options)) print(JSON.stringify(outline(item)))
    } else if (word === 'show') {
      for (const id of ids) print(JSON.stringify(whole(find(db, id)), null, 2))
    } else print(JSON.stringify(resubmit(db, ids, options)))
    return 0
  } finally {
    close()
  }
}

function outline({ id, atMs, code, path, reason, node, topic, wholeBytes }: KeptItem) {
  return {
    id,
    receivedAt: formatTimestamp(atMs),
    code,
    path,
    reason,
    node,
    topic,
    bytes: wholeBytes,
  }
}

function whole(item: KeptItem) {
  const bytes = Buffer.from(item.bytes)
  const isWhole = bytes.length === item.wholeBytes
  return {
    ...outline(item),
    isWhole,
    payload: bytes.toString(),
    payloadBase64: bytes.toString('base64'),
  }
}

function find(db: DatabaseSync, id: string): KeptItem {
  const item = db.prepare(`SELECT ${quarantineColumns} FROM quarantine WHERE id = ?`).get(id)
  if (item === undefined) throw QuarantineUnknown(id)
  return item as unknown as KeptItem
}

function resubmit(db: DatabaseSync, ids: readonly string[], options: QuarantineProgramOptions) {
  if (ids.length === 0 && !options.all) {
    throw CommandLineInvalid('resubmit', 'name messages by id, or say --all')
  }
  const items = options.all ? listQuarantine(db, options) : ids.map((id) => find(db, id))
  // Of a payload that was too long only the beginning was kept.
  const asked = items.filter((item) => item.bytes.length === item.wholeBytes)
  const request = db.prepare('INSERT OR IGNORE INTO resubmissions VALUES (?)')
  db.exec('BEGIN IMMEDIATE')
  for (const { id } of asked) request.run(id)
  db.exec('COMMIT')
  return { asked: asked.map(({ id }) => id), keptInPartOnly: items.length - asked.length }
}
