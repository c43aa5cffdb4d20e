/**
 * `npm run evaluate -- export`: the training set of one's own street, from the gateway's history.
 *
 *   flow.csv, speed.csv, occupancy.csv     time, then a column per detector; 5 minutes a row, empty where unknown
 *
 * - Times are the street's local time with its offset from UTC: that is the time of day a network learns.
 * - Reads only, and no further back than asked; the gateway may run meanwhile. In memory is one number a cell of the
 *   result, however long the history; the files are written row by row.
 */
import { createWriteStream, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { ProgramSchema } from '../../../schemas/command-line.ts'
import type { ProgramContext } from '../../../schemas/program.ts'
import { readHistoryDatabase } from '../../history/database.ts'
import { type HistoryQueries, prepareQueries } from '../../history/queries.ts'
import { checkTimeZone, localOffset } from '../../kit/time-zone.ts'
import { slotMs } from '../../prediction/online/calendar.ts'
import { EvaluateDataInvalid } from '../forecast/errors.ts'
import { type Column, type Grid, gridOf, readColumns, rowsIn } from './columns.ts'

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
const quantities = [
  ['flow', 'vehicles'],
  ['speed', 'speedKmh'],
  ['occupancy', 'occupancyPercent'],
] as const

export async function exportTrainingSet(
  options: Readonly<ExportOptions>,
  context: Pick<ProgramContext, 'print'>,
): Promise<number> {
  checkTimeZone(options.timeZone, '--time-zone')
  const { grid, columns } = readHistory(join(options.dataDir, 'history.db'), options.days)
  mkdirSync(options.out, { recursive: true })
  for (const [name, field] of quantities) {
    const lines = linesOf(grid, columns, field, localTime(options.timeZone))
    await pipeline(Readable.from(lines), createWriteStream(join(options.out, `${name}.csv`)))
  }
  const facts = {
    detectors: columns.length,
    rows: rowsIn(grid),
    from: new Date(grid.firstMs - slotMs).toISOString(),
    to: new Date(grid.lastMs).toISOString(),
    out: options.out,
  }
  context.print(
    options.json
      ? JSON.stringify(facts)
      : `${facts.detectors} detectors, ${facts.rows} rows from ${facts.from} to ${facts.to} in ${facts.out}`,
  )
  return 0
}

function readHistory(path: string, days: number): { grid: Grid; columns: readonly Column[] } {
  let db: DatabaseSync
  let queries: HistoryQueries
  try {
    db = readHistoryDatabase(path)
    queries = prepareQueries(db)
  } catch (cause) {
    throw EvaluateDataInvalid.from(cause, path, (cause as Error).message)
  }
  try {
    const span = queries.countSpan()
    if (!span) throw EvaluateDataInvalid(path, 'it holds no counts')
    const grid = gridOf(span, days)
    if (!grid) throw EvaluateDataInvalid(path, 'it holds no whole five minutes of counts')
    return { grid, columns: readColumns(queries, grid) }
  } finally {
    db.close()
  }
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

function* linesOf(
  { firstMs, lastMs }: Grid,
  columns: readonly Column[],
  field: 'vehicles' | 'speedKmh' | 'occupancyPercent',
  timeOf: (atMs: number) => string,
): Generator<string> {
  yield `${['time', ...columns.map(({ name }) => name)].join(',')}\n`
  for (let at = 0, endMs = firstMs; endMs <= lastMs; at += 1, endMs += slotMs) {
    const cells = columns.map((column) => {
      const value = column[field][at] ?? Number.NaN
      return Number.isFinite(value) ? `${Math.round(value * 100) / 100}` : ''
    })
    // A row is named by the beginning of its five minutes.
    yield `${[timeOf(endMs - slotMs), ...cells].join(',')}\n`
  }
}
