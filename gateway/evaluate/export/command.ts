/**
 * `npm run evaluate -- export`: the training set of one's own street, from the gateway's history.
 *
 *   flow.csv, speed.csv, occupancy.csv     time, then a column per detector; 5 minutes a row, empty where unknown
 *
 * - Times are the street's local time with its offset from UTC: that is the time of day a network learns.
 * - The same buckets as the forecaster fills while it runs, so that a network is trained on what it will be shown.
 * - Reads only; the gateway may run meanwhile. Detector by detector, so that the memory is the result's, not the history's.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import type { ProgramSchema } from '../../../schemas/command-line.ts'
import type { ProgramContext } from '../../../schemas/program.ts'
import { readHistoryDatabase } from '../../history/database.ts'
import type { TrainingRow } from '../../history/ports.ts'
import { type HistoryQueries, prepareQueries } from '../../history/queries.ts'
import { checkTimeZone, localOffset } from '../../kit/time-zone.ts'
import { type Bucket, Buckets } from '../../prediction/online/buckets.ts'
import { slotMs } from '../../prediction/online/calendar.ts'
import { EvaluateDataInvalid } from '../forecast/errors.ts'

export interface ExportOptions {
  readonly dataDir: string
  readonly out: string
  readonly days: number
  readonly timeZone: string
  readonly json: boolean
}

export const exportProgram: ProgramSchema = {
  name: 'npm run evaluate -- export',
  summary: 'Writes what the detectors have measured as a training set for the networks.',
  properties: {
    dataDir: { type: 'string', default: 'data', description: "The gateway's data directory" },
    out: { type: 'string', description: 'Folder for the files' },
    days: {
      type: 'number',
      exclusiveMinimum: 0,
      default: 400,
      description: 'How far back, counted from the newest value',
    },
    timeZone: {
      type: 'string',
      default: 'UTC',
      description: "Time zone of the street, as in the gateway's forecast.timeZone",
    },
    json: { type: 'boolean', default: false, description: 'Print JSON' },
  },
  required: ['out'],
}

const minuteMs = 60_000
const dayMs = 86_400_000
const quantities = [
  ['flow', 'vehicles'],
  ['speed', 'speedKmh'],
  ['occupancy', 'occupancyPercent'],
] as const

/** All of one detector's buckets by their end. */
interface Column {
  readonly name: string
  readonly buckets: Map<number, Bucket>
}

export async function exportTrainingSet(
  options: Readonly<ExportOptions>,
  context: Pick<ProgramContext, 'print'>,
): Promise<number> {
  checkTimeZone(options.timeZone, '--time-zone')
  const path = join(options.dataDir, 'history.db')
  const columns = readHistory(path)
  const ends = columns.flatMap(({ buckets }) => [...buckets.keys()])
  if (ends.length === 0) throw EvaluateDataInvalid(path, 'it holds no counts')
  const lastMs = ends.reduce((max, endMs) => Math.max(max, endMs), 0)
  const firstMs = Math.max(
    ends.reduce((min, endMs) => Math.min(min, endMs), lastMs),
    lastMs - options.days * dayMs + slotMs,
  )
  mkdirSync(options.out, { recursive: true })
  for (const [name, field] of quantities)
    writeFileSync(
      join(options.out, `${name}.csv`),
      csvOf(columns, field, { firstMs, lastMs, timeOf: localTime(options.timeZone) }),
    )
  const facts = {
    detectors: columns.length,
    rows: (lastMs - firstMs) / slotMs + 1,
    from: new Date(firstMs - slotMs).toISOString(),
    to: new Date(lastMs).toISOString(),
    out: options.out,
  }
  context.print(
    options.json
      ? JSON.stringify(facts)
      : `${facts.detectors} detectors, ${facts.rows} rows from ${facts.from} to ${facts.to} in ${facts.out}`,
  )
  return 0
}

function readHistory(path: string): readonly Column[] {
  let db: DatabaseSync
  let queries: HistoryQueries
  try {
    db = readHistoryDatabase(path)
    queries = prepareQueries(db)
  } catch (cause) {
    throw EvaluateDataInvalid.from(cause, path, (cause as Error).message)
  }
  try {
    return columnsOf(rowsOf(queries))
  } finally {
    db.close()
  }
}

function* rowsOf(queries: HistoryQueries): Generator<TrainingRow> {
  const range = { fromMs: 0, toMs: Number.MAX_SAFE_INTEGER }
  let page = queries.training(range)
  for (;;) {
    yield* page.rows
    if (!page.next) return
    page = queries.training({ ...range, after: page.next })
  }
}

function columnsOf(rows: Iterable<TrainingRow>): readonly Column[] {
  const columns = new Map<string, Column>()
  let filler = new Buckets()
  let current: Column | undefined
  for (const row of rows) {
    const name = `${row.node}:${row.component}`
    if (current?.name !== name) {
      current = columns.get(name) ?? { name, buckets: new Map() }
      columns.set(name, current)
      filler = new Buckets()
    }
    const closed = filler.add({
      node: row.node,
      component: row.component,
      atMs: row.atMs + row.windowMs,
      windowMs: row.windowMs,
      vehicles: row.vehicles,
      occupancyPercent: row.occupancy,
      speedKmh: row.speed,
      // What came late by replay is as true as the rest by now; what was not to be trusted still is not.
      quality: row.quality === 'old' ? 'recent' : row.quality,
    })
    for (const bucket of closed) current.buckets.set(bucket.endMs, bucket)
  }
  return [...columns.values()].sort((a, b) => a.name.localeCompare(b.name))
}

interface Rows {
  readonly firstMs: number
  readonly lastMs: number
  readonly timeOf: (atMs: number) => string
}

/** `2026-03-29T03:00:00.000+02:00`; with Z where local time is UTC. */
function localTime(timeZone: string): (atMs: number) => string {
  const offset = localOffset(timeZone)
  const two = (n: number) => String(n).padStart(2, '0')
  return (atMs) => {
    const offsetMs = offset(atMs)
    const text = new Date(atMs + offsetMs).toISOString()
    if (offsetMs === 0) return text
    const minutes = Math.abs(offsetMs) / minuteMs
    const sign = offsetMs < 0 ? '-' : '+'
    return `${text.slice(0, -1)}${sign}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
  }
}

function csvOf(
  columns: readonly Column[],
  field: 'vehicles' | 'speedKmh' | 'occupancyPercent',
  { firstMs, lastMs, timeOf }: Rows,
): string {
  const lines = [['time', ...columns.map(({ name }) => name)].join(',')]
  for (let endMs = firstMs; endMs <= lastMs; endMs += slotMs) {
    const cells = columns.map(({ buckets }) => {
      const value = buckets.get(endMs)?.[field] ?? Number.NaN
      return Number.isFinite(value) ? `${Math.round(value * 100) / 100}` : ''
    })
    // A row is named by the beginning of its five minutes.
    lines.push([timeOf(endMs - slotMs), ...cells].join(','))
  }
  return `${lines.join('\n')}\n`
}
