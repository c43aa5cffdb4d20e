/**
 * Detector data as the evaluator sees it: rows of 5 minutes, a column per series, and the row at which testing begins.
 *
 * - Three kinds of folder are understood: PeMS as published (train.csv, test.csv), Los-loop as published
 *   (los_speed.csv), and any CSV with a time column and a column per detector, which is split 80 to 20.
 * - `trainSha256` is over exactly the rows before the split, as training/datasets.py computes it.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { slotsPerDay } from '../../prediction/online/calendar.ts'
import type { Quantity } from '../../prediction/ports.ts'
import { EvaluateDataInvalid } from './errors.ts'

const stepMs = 300_000
const trainShare = 0.8
/** A series in a published test needs at least so many rows before the split to know its days. */
const rowsMin = 2 * slotsPerDay

export interface Dataset {
  readonly name: string
  readonly quantity: Quantity
  readonly unit: string
  readonly series: readonly string[]
  /** Row by row: values[row * series.length + column]; NaN where missing. */
  readonly values: Float32Array
  readonly rows: number
  /** First row a model must not have learned from. */
  readonly testFrom: number
  /** Slot of the day, and day of week (0 Monday), of each row. */
  readonly slots: Uint16Array
  readonly days: Uint8Array
  /**
   * `single`: windows of 12 lags inside the test rows, each horizon by itself. `pooled`: T-GCN's protocol, all steps up
   * to the horizon and all sensors together.
   */
  readonly protocol: 'single' | 'pooled'
  readonly trainSha256: string
}

interface Rows {
  readonly timesMs: readonly number[]
  readonly values: readonly (readonly number[])[]
  /** Local time less UTC, where the times tell it. */
  readonly offsetsMs?: readonly number[]
}

/** @throws IG_ERR_EVALUATE_DATA_INVALID */
export function readDatasets(folder: string): readonly Dataset[] {
  let names: readonly string[]
  try {
    names = readdirSync(folder)
  } catch (cause) {
    throw EvaluateDataInvalid.from(cause, folder, 'it is no folder that can be read')
  }
  if (names.includes('train.csv') && names.includes('test.csv')) return [readPems(folder)]
  if (names.includes('los_speed.csv')) return [readLosLoop(folder)]
  const files = names.filter((name) => name.endsWith('.csv')).sort()
  if (files.length === 0) throw EvaluateDataInvalid(folder, 'there is no .csv in it')
  return files.map((name) => readWide(join(folder, name)))
}

function readPems(folder: string): Dataset {
  const read = (name: string) => {
    const lines = readLines(join(folder, name)).slice(1)
    return {
      timesMs: lines.map((cells) => dayFirst(cells[0] ?? '')),
      values: lines.map((cells) => [Number(cells[1] || 0)]),
    }
  }
  const train = read('train.csv')
  const test = read('test.csv')
  return build({
    name: 'pems-tfp',
    quantity: 'vehiclesPer5Min',
    series: ['lane 1'],
    protocol: 'single',
    testFrom: train.timesMs.length,
    timesMs: [...train.timesMs, ...test.timesMs],
    values: [...train.values, ...test.values],
  })
}

function readLosLoop(folder: string): Dataset {
  const [header, ...lines] = readLines(join(folder, 'los_speed.csv'))
  const startMs = Date.UTC(2012, 2, 1)
  return build({
    name: 'tgcn-los',
    quantity: 'speedKmh',
    unit: 'mph',
    series: header!,
    protocol: 'pooled',
    testFrom: Math.floor(lines.length * trainShare),
    timesMs: lines.map((_, row) => startMs + row * stepMs),
    values: lines.map((cells) => cells.map(Number)),
  })
}

/** A time, then a column per detector; an empty cell is a gap, and so is a speed of exactly 0 (METR-LA's convention). */
function readWide(path: string): Dataset {
  const [header, ...lines] = readLines(path)
  const quantity = quantityOf(basename(path))
  const isGap = (text: string) => text === '' || (quantity === 'speedKmh' && Number(text) === 0)
  const rows: Rows = {
    timesMs: lines.map((cells) => anyTime(cells[0] ?? '')),
    offsetsMs: lines.map((cells) => offsetIn(cells[0] ?? '')),
    values: lines.map((cells) =>
      header!
        .slice(1)
        .map((_, at) => (isGap(cells[at + 1] ?? '') ? Number.NaN : Number(cells[at + 1]))),
    ),
  }
  const bad = rows.timesMs.findIndex((atMs) => Number.isNaN(atMs))
  if (bad >= 0) throw EvaluateDataInvalid(path, `row ${bad + 2} does not begin with a time`)
  const grid = onGrid(path, rows, quantity)
  return build({
    name: basename(path, '.csv'),
    quantity,
    series: header!.slice(1),
    protocol: 'single',
    testFrom: Math.floor(grid.timesMs.length * trainShare),
    ...grid,
  })
}

/** Counts are added up and everything else averaged, where rows are closer than 5 minutes; gaps become rows of NaN. */
function onGrid(path: string, rows: Rows, quantity: Quantity): Rows {
  const gaps = rows.timesMs.slice(1).map((atMs, at) => atMs - rows.timesMs[at]!)
  const usualMs = [...gaps].sort((a, b) => a - b)[Math.floor(gaps.length / 2)] ?? stepMs
  if (usualMs > stepMs)
    throw EvaluateDataInvalid(path, `its rows are ${usualMs / 60_000} min apart`)
  const width = rows.values[0]?.length ?? 0
  const firstMs = Math.floor(rows.timesMs[0]! / stepMs) * stepMs
  const count = Math.floor((rows.timesMs.at(-1)! - firstMs) / stepMs) + 1
  const sums = Array.from({ length: count }, () => new Float64Array(width))
  const known = Array.from({ length: count }, () => new Float64Array(width))
  const offsetsMs = Array.from({ length: count }, () => Number.NaN)
  rows.timesMs.forEach((atMs, row) => {
    const at = Math.floor((atMs - firstMs) / stepMs)
    offsetsMs[at] = rows.offsetsMs?.[row] ?? 0
    for (let column = 0; column < width; column++) {
      const value = rows.values[row]![column]!
      if (!Number.isFinite(value)) continue
      sums[at]![column]! += value
      known[at]![column]! += 1
    }
  })
  const share = (n: number) => (quantity === 'vehiclesPer5Min' ? (n * usualMs) / stepMs : n)
  // A row nobody wrote stands on the clock of the one before.
  for (let at = 1; at < count; at++)
    if (Number.isNaN(offsetsMs[at])) offsetsMs[at] = offsetsMs[at - 1]!
  return {
    offsetsMs,
    timesMs: sums.map((_, at) => firstMs + at * stepMs),
    values: sums.map((sum, at) =>
      [...sum].map((value, column) => {
        const n = known[at]![column]!
        return n > 0 ? value / share(n) : Number.NaN
      }),
    ),
  }
}

function build(
  from: Omit<Dataset, 'unit' | 'rows' | 'values' | 'slots' | 'days' | 'trainSha256'> &
    Rows & { readonly unit?: string },
): Dataset {
  const { timesMs, values: table, offsetsMs, ...rest } = from
  if (from.testFrom < rowsMin)
    throw EvaluateDataInvalid(
      from.name,
      `it has ${from.testFrom} training rows, at least ${rowsMin} are needed`,
    )
  const localMs = timesMs.map((atMs, row) => atMs + (offsetsMs?.[row] ?? 0))
  const width = from.series.length
  const values = new Float32Array(timesMs.length * width)
  for (const [at, row] of table.entries()) values.set(row, at * width)
  const train = values.subarray(0, from.testFrom * width)
  return {
    unit: unitOf(from.quantity),
    ...rest,
    values,
    rows: timesMs.length,
    slots: Uint16Array.from(localMs, (atMs) => Math.floor(atMs / stepMs) % slotsPerDay),
    days: Uint8Array.from(localMs, (atMs) => (new Date(atMs).getUTCDay() + 6) % 7),
    trainSha256: createHash('sha256')
      .update(new Uint8Array(train.buffer, train.byteOffset, train.byteLength))
      .digest('hex'),
  }
}

function readLines(path: string): string[][] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (cause) {
    throw EvaluateDataInvalid.from(cause, path, 'it cannot be read')
  }
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  const cells = lines.filter((line) => line !== '').map((line) => line.split(','))
  if (cells.length < 2) throw EvaluateDataInvalid(path, 'it has no rows')
  return cells
}

/** `DD/MM/YYYY H:MM`, taken as UTC: only time of day and day of week are used. */
function dayFirst(text: string): number {
  const [, day, month, year, hour, minute] =
    /^(\d+)\/(\d+)\/(\d+) (\d+):(\d+)$/.exec(text)?.map(Number) ?? []
  return Date.UTC(year!, month! - 1, day, hour, minute)
}

function anyTime(text: string): number {
  if (/^\d+\/\d+\/\d+ /.test(text)) return dayFirst(text)
  return Date.parse(/Z$|[+-]\d\d:\d\d$/.test(text) ? text : `${text.replace(' ', 'T')}Z`)
}

/** Only time of day and day of week are used, and those are the street's. */
function offsetIn(text: string): number {
  const [, sign, hours, minutes] = /([+-])(\d\d):(\d\d)$/.exec(text) ?? []
  return sign ? Number(`${sign}1`) * (Number(hours) * 60 + Number(minutes)) * 60_000 : 0
}

function quantityOf(name: string): Quantity {
  if (/speed/i.test(name)) return 'speedKmh'
  if (/occ/i.test(name)) return 'occupancyPercent'
  return 'vehiclesPer5Min'
}

function unitOf(quantity: Quantity): string {
  if (quantity === 'speedKmh') return 'speed as given'
  return quantity === 'occupancyPercent' ? '%' : 'vehicles per 5 min'
}
