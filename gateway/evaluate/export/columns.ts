/**
 * The history of counts as columns of five minutes, one per detector and quantity.
 *
 *   |            history              |
 *            |  days back from newest |     only this is read, and kept as one number a cell (NaN where unknown)
 *
 * - The same buckets as the forecaster fills while it runs, so that a network is trained on what it will be shown.
 * - Where a detector counts in windows of several lengths the shortest that filled a bucket tells it.
 */
import type { TrainingRow } from '../../history/ports.ts'
import type { CountSpan, HistoryQueries, TrainingMark } from '../../history/queries.ts'
import { Buckets } from '../../prediction/online/buckets.ts'
import { slotMs } from '../../prediction/online/calendar.ts'
import type { Reading } from '../../prediction/ports.ts'

/** Bucket ends from `firstMs` to `lastMs`, both included, a slot apart. */
export interface Grid {
  readonly firstMs: number
  readonly lastMs: number
}

/** All of one detector's buckets, by their place in the grid. */
export interface Column {
  readonly name: string
  readonly vehicles: Float32Array
  readonly speedKmh: Float32Array
  readonly occupancyPercent: Float32Array
}

const minuteMs = 60_000
const dayMs = 86_400_000

/** The last `days` of a history, or all of a shorter one; undefined when no bucket of it is whole. */
export function gridOf({ fromMs, toMs }: CountSpan, days: number): Grid | undefined {
  const lastMs = Math.floor(toMs / slotMs) * slotMs
  const oldestMs = (Math.floor(fromMs / slotMs) + 1) * slotMs
  const slots = Math.ceil((days * dayMs) / slotMs)
  const firstMs = Math.max(oldestMs, lastMs - (slots - 1) * slotMs)
  return firstMs <= lastMs ? { firstMs, lastMs } : undefined
}

export const rowsIn = ({ firstMs, lastMs }: Grid) => (lastMs - firstMs) / slotMs + 1

/** In the order of their names; a detector without a count in the grid's time has none. */
export function readColumns(queries: HistoryQueries, grid: Grid): readonly Column[] {
  const columns = new Map<string, Column>()
  let filler = new Buckets()
  let name = ''
  let windowMs = 0
  for (const row of rowsOf(queries, grid)) {
    const itsName = `${row.node}:${row.component}`
    if (itsName !== name || row.windowMs !== windowMs) {
      name = itsName
      windowMs = row.windowMs
      filler = new Buckets()
    }
    const column = columns.get(name) ?? emptyColumn(name, rowsIn(grid))
    columns.set(name, column)
    for (const { endMs, ...values } of filler.add(readingOf(row))) {
      const at = (endMs - grid.firstMs) / slotMs
      if (!Number.isNaN(column.vehicles[at] ?? 0)) continue // Told already, or beyond the grid.
      column.vehicles[at] = values.vehicles
      column.speedKmh[at] = values.speedKmh
      column.occupancyPercent[at] = values.occupancyPercent
    }
  }
  return [...columns.values()].sort((a, b) => a.name.localeCompare(b.name))
}

function emptyColumn(name: string, rows: number): Column {
  const unknown = () => new Float32Array(rows).fill(Number.NaN)
  return { name, vehicles: unknown(), speedKmh: unknown(), occupancyPercent: unknown() }
}

function* rowsOf(queries: HistoryQueries, { firstMs }: Grid): Generator<TrainingRow> {
  const range = { fromMs: firstMs - slotMs, toMs: Number.MAX_SAFE_INTEGER }
  let after: TrainingMark | undefined
  do {
    const page = queries.training({ ...range, ...(after && { after }) })
    yield* page.rows
    after = page.next
  } while (after)
}

function readingOf(row: TrainingRow): Reading {
  // A minute of shorter windows is their sum: it ends when the minute does, and is as long as they are together.
  const isSum = row.windowMs < minuteMs
  return {
    node: row.node,
    component: row.component,
    atMs: row.atMs + Math.max(row.windowMs, minuteMs),
    windowMs: isSum ? row.coveredMs : row.windowMs,
    vehicles: row.vehicles,
    occupancyPercent: row.occupancy,
    speedKmh: row.speed,
    // What came late by replay is as true as the rest by now; what was not to be trusted still is not.
    quality: row.quality === 'old' ? 'recent' : row.quality,
  }
}
