/**
 * `npm run history -- decisions | commands | alarms | series | …`: what has been, one line of JSON a row.
 *
 * - Reads history.db and nothing else, beside a running gateway or without one; the gateway does not notice.
 * - Bounded: the newest `--limit` of what happened; steps of a series as many as the queries allow, or it is refused.
 * - Moments are RFC 3339 in UTC, as everywhere on the wire.
 */
import { join } from 'node:path'
import type { ProgramSchema } from '../../schemas/command-line.ts'
import { CommandLineInvalid } from '../../schemas/errors.ts'
import type { ProgramContext } from '../../schemas/program.ts'
import { formatTimestamp } from '../../schemas/time.ts'
import { readHistoryDatabase } from './database.ts'
import { type HistoryQueries, prepareQueries, type Range, rowsMax } from './queries.ts'

export const historyProgram: ProgramSchema = {
  name: 'npm run history --',
  summary: 'What has been: decisions, commands, alarms, counts, from the embedded history.',
  positionals: 'components|series|queues|plans|modes|alarms|commands|decisions|devices|models',
  properties: {
    dataDir: { type: 'string', default: 'data', description: 'Folder of history.db' },
    node: { type: 'string', description: 'Junction or device, such as north/tlc-001' },
    component: {
      type: 'string',
      description: 'series, queues: detector or lane, such as dl/1 or ln/1',
    },
    from: { type: 'string', description: 'At or after (RFC 3339, like 2026-11-22T07:00:00Z)' },
    to: { type: 'string', description: 'Before' },
    last: {
      type: 'string',
      pattern: '^[1-9][0-9]{0,5}[mhd]$',
      description: 'Instead of --from: so far back from --to, or from now (30m, 6h, 7d)',
    },
    step: {
      type: 'integer',
      minimum: 1,
      default: 5,
      description: 'series, queues: minutes put together',
    },
    limit: {
      type: 'integer',
      minimum: 1,
      maximum: rowsMax,
      default: 100,
      description: 'At most so many of what happened, newest first',
    },
  },
  notes: [
    '',
    'components  detectors and lanes there is something of',
    'series      counts of a detector, queues  those of a lane: oldest first',
    'plans       what a controller ran, modes  how it worked: oldest first, when they changed',
    'alarms      raised in the time, with their end',
    'commands    each with its life, decisions  each with why and the forecast it rests on',
    'devices     gaps, late messages and clock of each device, as they changed',
    'models      which forecasting models came, went, and took or lost their seat',
    '',
    'What did the junction decide this morning, and what became of it?',
    '  npm run --silent history -- decisions --node north/tlc-001 --from 2026-11-22T06:00:00Z --to 2026-11-22T09:00:00Z',
    '  npm run --silent history -- commands --node north/tlc-001 --last 3h',
    'Which detectors were faulty this week?',
    '  npm run --silent history -- alarms --last 7d --limit 1000',
    'What did a detector count, by the quarter of an hour?',
    '  npm run --silent history -- series --node north/det-014 --component dl/1 --last 1d --step 15',
  ],
}

export interface HistoryProgramOptions {
  readonly dataDir: string
  readonly node?: string
  readonly component?: string
  readonly from?: string
  readonly to?: string
  readonly last?: string
  readonly step: number
  readonly limit: number
}

const minuteMs = 60_000
const moments: ReadonlySet<string> = new Set(['atMs', 'raisedAtMs', 'clearedAtMs'])
const unitMs: Readonly<Record<string, number>> = { m: minuteMs, h: 3_600_000, d: 86_400_000 }

type Rows = readonly object[]
type Ask = (queries: HistoryQueries, options: HistoryProgramOptions, range: Range) => Rows

const words: Readonly<Record<string, Ask>> = {
  components: (queries) => queries.components(),
  series: (queries, options, range) => queries.series({ ...range, ...oneSeries(options) }),
  queues: (queries, options, range) => queries.queues({ ...range, ...oneSeries(options) }),
  plans: (queries, options, range) =>
    queries.plans({ ...range, node: nodeOf(options) }).slice(-options.limit),
  modes: (queries, options, range) =>
    queries.modes({ ...range, node: nodeOf(options) }).slice(-options.limit),
  alarms: (queries, { node, limit }, range) =>
    queries.alarms({ ...range, limit, ...(node === undefined ? {} : { node }) }),
  commands: (queries, { node, limit }, range) =>
    queries.commands({ ...range, limit, ...(node === undefined ? {} : { junction: node }) }),
  decisions: (queries, options, range) =>
    queries.decisions({ ...range, limit: options.limit, junction: nodeOf(options) }),
  devices: (queries, { node, limit }, range) =>
    queries.devices({ ...range, limit, ...(node === undefined ? {} : { node }) }),
  models: (queries, { limit }, range) => queries.models({ ...range, limit }),
}

/** @throws IG_ERR_COMMAND_LINE_INVALID, IG_ERR_HISTORY_UNREADABLE, IG_ERR_HISTORY_VERSION, IG_ERR_HISTORY_QUERY_INVALID */
export async function runHistory(
  options: HistoryProgramOptions,
  { positionals, print }: Pick<ProgramContext, 'positionals' | 'print'>,
): Promise<number> {
  const [word = ''] = positionals
  const ask = Object.hasOwn(words, word) ? words[word] : undefined
  if (!ask)
    throw CommandLineInvalid(word || 'missing', `say one of ${Object.keys(words).join(', ')}`)
  const range = rangeOf(options)
  const db = readHistoryDatabase(join(options.dataDir, 'history.db'))
  try {
    for (const row of ask(prepareQueries(db), options, range)) print(JSON.stringify(readable(row)))
    return 0
  } finally {
    db.close()
  }
}

function nodeOf({ node }: HistoryProgramOptions): string {
  if (node === undefined) throw CommandLineInvalid('--node', 'names the junction or device')
  return node
}

function oneSeries(options: HistoryProgramOptions) {
  const { component, step } = options
  if (component === undefined) throw CommandLineInvalid('--component', 'names the detector or lane')
  return { node: nodeOf(options), component, stepMs: step * minuteMs }
}

function rangeOf({ from, to, last }: HistoryProgramOptions): Range {
  if (from !== undefined && last !== undefined)
    throw CommandLineInvalid('--last', 'stands instead of --from, not beside it')
  const toMs = to === undefined ? undefined : moment('--to', to)
  const lengthMs = last && Number(last.slice(0, -1)) * unitMs[last.slice(-1)]!
  const sinceMs = lengthMs ? Math.max(0, (toMs ?? Date.now()) - lengthMs) : 0
  return {
    fromMs: from === undefined ? sinceMs : moment('--from', from),
    toMs: toMs ?? Number.MAX_SAFE_INTEGER,
  }
}

function moment(flag: string, text: string): number {
  const atMs = text.endsWith('Z') ? Date.parse(text) : Number.NaN
  if (Number.isNaN(atMs)) throw CommandLineInvalid(flag, `${text} is no moment in UTC`)
  return atMs
}

/** `raisedAtMs: 1795…` as `raisedAt: "2026-…"`, also within. */
function readable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(readable)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      if (!moments.has(key)) return [key, readable(inner)]
      // Null where an alarm is still active.
      return [key.slice(0, -'Ms'.length), inner === null ? null : formatTimestamp(inner as number)]
    }),
  )
}
