/**
 * What the page, the reports and the training ask of the history. Reads only; every answer is bounded.
 *
 * - Steps begin at multiples of their length since the epoch. A detector that counts in windows of several lengths
 *   answers with the shortest, so that no vehicle is told twice.
 */
import type { DatabaseSync } from 'node:sqlite'
import { minuteMs } from './counts.ts'
import { HistoryQueryInvalid } from './errors.ts'
import {
  type AlarmRow,
  type CommandRow,
  type DecisionRow,
  type DeviceRow,
  type ModelEventRow,
  type ModeRow,
  type PlanRow,
  type QueueRow,
  qualities,
  type SeriesRow,
  type TrainingRow,
} from './ports.ts'

export interface Range {
  readonly fromMs: number
  /** Exclusive. */
  readonly toMs: number
}

export interface SeriesQuery extends Range {
  readonly node: string
  readonly component: string
  /** A multiple of a minute. */
  readonly stepMs: number
}

export interface TrainingQuery extends Range {
  /** Rows after this one; absent for the first page. */
  readonly after?: TrainingMark
  readonly limit?: number
}

/** Where a page of training rows ended. */
export interface TrainingMark {
  readonly id: number
  readonly windowMs: number
  readonly atMs: number
}

export interface TrainingPage {
  readonly rows: readonly TrainingRow[]
  /** Absent on the last page. */
  readonly next?: TrainingMark
}

/** All that was counted: from the beginning of the oldest minute to the end of the newest window. */
export type CountSpan = Range

export interface Latest {
  readonly counts: readonly (SeriesRow & { readonly node: string; readonly component: string })[]
  readonly queues: readonly (QueueRow & { readonly node: string; readonly component: string })[]
  readonly plans: readonly PlanRow[]
  readonly modes: readonly ModeRow[]
  readonly alarms: readonly AlarmRow[]
}

export interface HistoryQueries {
  components(): readonly { readonly node: string; readonly component: string }[]
  series(query: SeriesQuery): readonly SeriesRow[]
  queues(query: SeriesQuery): readonly QueueRow[]
  /** The newest of everything, and the alarms that are active. */
  latest(): Latest
  plans(query: Range & { readonly node: string }): readonly PlanRow[]
  modes(query: Range & { readonly node: string }): readonly ModeRow[]
  /** Raised in the range, newest first. */
  alarms(query: Range & { readonly node?: string; readonly limit?: number }): readonly AlarmRow[]
  /** First heard of in the range, newest first, each with its life. */
  commands(
    query: Range & { readonly junction?: string; readonly limit?: number },
  ): readonly CommandRow[]
  /** Newest first. */
  decisions(
    query: Range & { readonly junction: string; readonly limit?: number },
  ): readonly DecisionRow[]
  /** Figures of devices as they were told, newest first. */
  devices(query: Range & { readonly node?: string; readonly limit?: number }): readonly DeviceRow[]
  /** What became of forecasting models and their seats, newest first. */
  models(query: Range & { readonly limit?: number }): readonly ModelEventRow[]
  /** Undefined where nothing was counted. */
  countSpan(): CountSpan | undefined
  /** Minutes of all detectors, detector by detector in the order of time; what is older is not read. */
  training(query: TrainingQuery): TrainingPage
}

export const rowsMax = 20_000 // Two weeks of minutes; an answer of about 2 MB.
const limitDefault = 1_000

const countColumns = `
  sum(vehicles) AS vehicles, sum(covered_ms) AS coveredMs, sum(n) AS n, max(quality) AS quality,
  sum(occupancy_sum) / nullif(sum(occupancy_ms), 0) AS occupancy,
  sum(speed_sum) / nullif(sum(speed_vehicles), 0) AS speed`
const queueColumns = `
  max(vehicles_max) AS queueVehiclesMax, max(meters_max) AS queueMetersMax, sum(n) AS n,
  sum(vehicles_sum) * 1.0 / max(sum(n), 1) AS queueVehiclesMean,
  sum(meters_sum) / max(sum(n), 1) AS queueMetersMean,
  sum(approaching_sum) * 1.0 / max(sum(n), 1) AS approachingVehiclesMean, max(quality) AS quality`
const planColumns = `node, at_ms AS atMs, plan, cycle_s AS cycleS, offset_s AS offsetS,
  greens AS greensS, source, command_id AS commandId`
const modeColumns = 'node, at_ms AS atMs, mode, control, command_id AS commandId'
const alarmColumns =
  'node, code, component, kind, raised_ms AS raisedAtMs, cleared_ms AS clearedAtMs, text'

export function prepareQueries(db: DatabaseSync): HistoryQueries {
  const idOf = db.prepare('SELECT id FROM component WHERE node = ? AND component = ?')
  const components = db.prepare('SELECT node, component FROM component ORDER BY node, component')
  const nextLength = db.prepare(
    'SELECT min(window_ms) AS ms FROM count_minute WHERE component = ? AND window_ms > ?',
  )
  const series = db.prepare(`
    SELECT minute_ms - minute_ms % ? AS atMs, ${countColumns} FROM count_minute
    WHERE component = ? AND window_ms = ? AND minute_ms >= ? AND minute_ms < ? GROUP BY 1 ORDER BY 1
    LIMIT ${rowsMax + 1}`)
  const queues = db.prepare(`
    SELECT minute_ms - minute_ms % ? AS atMs, ${queueColumns} FROM queue_minute
    WHERE component = ? AND minute_ms >= ? AND minute_ms < ? GROUP BY 1 ORDER BY 1
    LIMIT ${rowsMax + 1}`)
  const latestCounts = db.prepare(`
    SELECT c.node, c.component, m.minute_ms AS atMs, ${countColumns}
    FROM component c JOIN count_minute m ON m.component = c.id
      AND m.window_ms = (SELECT min(window_ms) FROM count_minute WHERE component = c.id)
      AND m.minute_ms = (SELECT max(minute_ms) FROM count_minute
        WHERE component = c.id AND window_ms = m.window_ms)
    GROUP BY c.id ORDER BY c.node, c.component LIMIT ${rowsMax}`)
  const latestQueues = db.prepare(`
    SELECT c.node, c.component, m.minute_ms AS atMs, ${queueColumns}
    FROM component c JOIN queue_minute m ON m.component = c.id
      AND m.minute_ms = (SELECT max(minute_ms) FROM queue_minute WHERE component = c.id)
    GROUP BY c.id ORDER BY c.node, c.component LIMIT ${rowsMax}`)
  const latestPlans = db.prepare(newestByNode('tlc_plan', planColumns))
  const latestModes = db.prepare(newestByNode('tlc_mode', modeColumns))
  const openAlarms = db.prepare(
    `SELECT ${alarmColumns} FROM alarm WHERE cleared_ms IS NULL ORDER BY raised_ms LIMIT ${rowsMax}`,
  )
  const plans = db.prepare(
    `SELECT * FROM (
       SELECT ${planColumns} FROM tlc_plan WHERE node = ? AND at_ms >= ? AND at_ms < ?
       ORDER BY at_ms DESC LIMIT ${rowsMax}
     ) ORDER BY atMs`,
  )
  const modes = db.prepare(
    `SELECT * FROM (
       SELECT ${modeColumns} FROM tlc_mode WHERE node = ? AND at_ms >= ? AND at_ms < ?
       ORDER BY at_ms DESC LIMIT ${rowsMax}
     ) ORDER BY atMs`,
  )
  const alarms = db.prepare(
    `SELECT ${alarmColumns} FROM alarm WHERE raised_ms >= ? AND raised_ms < ?
     AND (? IS NULL OR node = ?) ORDER BY raised_ms DESC LIMIT ?`,
  )
  const commands = db.prepare(
    `SELECT id, junction, code, issuer, at_ms AS atMs FROM command
     WHERE at_ms >= ? AND at_ms < ? AND (? IS NULL OR junction = ?) ORDER BY at_ms DESC LIMIT ?`,
  )
  const steps = db.prepare(
    'SELECT at_ms AS atMs, state, reason FROM command_step WHERE id = ? ORDER BY at_ms, seq',
  )
  const decisions = db.prepare(
    `SELECT junction, at_ms AS atMs, strategy, rung, decision, why, command_id AS commandId,
       is_shadow AS isShadow, command_values AS "values", forecast,
       forecast_model AS forecastModel, forecast_age_ms AS forecastAgeMs,
       forecast_inputs AS forecastInputs
     FROM decision WHERE junction = ? AND at_ms >= ? AND at_ms < ? ORDER BY at_ms DESC LIMIT ?`,
  )
  const deviceColumns = `node, at_ms AS atMs, messages, duplicates, quarantined, gaps, missing,
    replayed, restarts, late, future, misaligned, clock_offset_ms AS clockOffsetMs`
  const devicesOf = (where: string) =>
    db.prepare(
      `SELECT ${deviceColumns} FROM device WHERE ${where} ORDER BY at_ms DESC, node LIMIT ?`,
    )
  const devices = devicesOf('at_ms >= ? AND at_ms < ?')
  const device = devicesOf('node = ? AND at_ms >= ? AND at_ms < ?')
  const models = db.prepare(
    `SELECT at_ms AS atMs, event, model, facts FROM model_event
     WHERE at_ms >= ? AND at_ms < ? ORDER BY at_ms DESC LIMIT ?`,
  )
  const seriesAfter = db.prepare(`
    SELECT component AS id, window_ms AS windowMs FROM count_minute
    WHERE (component, window_ms) > (?, ?) ORDER BY component, window_ms LIMIT 1`)
  const seriesSpan = db.prepare(`
    SELECT (SELECT min(minute_ms) FROM count_minute WHERE component = ?1 AND window_ms = ?2) AS fromMs,
      (SELECT max(minute_ms) FROM count_minute WHERE component = ?1 AND window_ms = ?2) AS newestMs`)
  const training = db.prepare(`
    SELECT m.component AS id, c.node, c.component, m.minute_ms AS atMs, m.window_ms AS windowMs,
      m.vehicles, m.occupancy_sum / nullif(m.occupancy_ms, 0) AS occupancy,
      m.speed_sum / nullif(m.speed_vehicles, 0) AS speed, m.covered_ms AS coveredMs, m.quality
    FROM count_minute m JOIN component c ON c.id = m.component
    WHERE m.component = ? AND m.window_ms = ? AND m.minute_ms >= ? AND m.minute_ms < ?
    ORDER BY m.minute_ms LIMIT ?`)

  const rows = (found: readonly unknown[]) => found as Row[]
  const idAndCheck = (query: SeriesQuery) => {
    checkSteps(query)
    return (idOf.get(query.node, query.component) as { id: number } | undefined)?.id
  }

  /** Detectors with each length of their windows, from the one given on; each is one step through the key. */
  function* seriesFrom(id: number, windowMs: number): Generator<CountSeries> {
    let series = seriesAfter.get(id, windowMs - 1) as CountSeries | undefined
    while (series) {
      yield series
      series = seriesAfter.get(series.id, series.windowMs) as CountSeries | undefined
    }
  }

  return {
    components: () => rows(components.all()).map((row) => ({ ...row })) as never,
    series(query) {
      const id = idAndCheck(query)
      if (id === undefined) return []
      const { stepMs, fromMs, toMs } = query
      const lengthAfter = (ms: number) => (nextLength.get(id, ms) as { ms: number | null }).ms
      for (let ms = lengthAfter(0); ms !== null; ms = lengthAfter(ms)) {
        const found = rows(series.all(stepMs, id, ms, fromMs, toMs))
        if (found.length > 0) return bounded(found) as never
      }
      return []
    },
    queues(query) {
      const id = idAndCheck(query)
      if (id === undefined) return []
      const { stepMs, fromMs, toMs } = query
      return bounded(rows(queues.all(stepMs, id, fromMs, toMs))) as never
    },
    latest: () =>
      ({
        counts: rows(latestCounts.all()).map(withQuality),
        queues: rows(latestQueues.all()).map(withQuality),
        plans: rows(latestPlans.all()).map(planOf),
        modes: rows(latestModes.all()).map((row) => ({ ...row })),
        alarms: rows(openAlarms.all()).map((row) => ({ ...row })),
      }) as never,
    plans: ({ node, fromMs, toMs }) => rows(plans.all(node, fromMs, toMs)).map(planOf) as never,
    modes: ({ node, fromMs, toMs }) =>
      rows(modes.all(node, fromMs, toMs)).map((row) => ({ ...row })) as never,
    alarms: ({ fromMs, toMs, node = null, limit = limitDefault }) =>
      rows(alarms.all(fromMs, toMs, node, node, Math.min(limit, rowsMax))).map((row) => ({
        ...row,
      })) as never,
    commands: ({ fromMs, toMs, junction = null, limit = limitDefault }) =>
      rows(commands.all(fromMs, toMs, junction, junction, Math.min(limit, rowsMax))).map((row) => {
        const life = rows(steps.all(row.id as string)).map((step) => ({ ...step }))
        return { ...row, state: life.at(-1)?.state, life }
      }) as never,
    decisions: ({ junction, fromMs, toMs, limit = limitDefault }) =>
      rows(decisions.all(junction, fromMs, toMs, Math.min(limit, rowsMax))).map((row) => ({
        ...row,
        isShadow: row.isShadow === 1,
        values: parse(row.values),
        forecast: parse(row.forecast),
        forecastInputs: parse(row.forecastInputs),
      })) as never,
    devices({ node, fromMs, toMs, limit = limitDefault }) {
      const most = Math.min(limit, rowsMax)
      const found =
        node === undefined ? devices.all(fromMs, toMs, most) : device.all(node, fromMs, toMs, most)
      return rows(found).map((row) => ({ ...row })) as never
    },
    models: ({ fromMs, toMs, limit = limitDefault }) =>
      rows(models.all(fromMs, toMs, Math.min(limit, rowsMax))).map((row) => ({
        ...row,
        facts: parse(row.facts),
      })) as never,
    countSpan() {
      let span: CountSpan | undefined
      for (const { id, windowMs } of seriesFrom(0, 0)) {
        const found = seriesSpan.get(id, windowMs) as { fromMs: number; newestMs: number }
        const fromMs = Math.min(found.fromMs, span?.fromMs ?? found.fromMs)
        const toMs = Math.max(found.newestMs + Math.max(windowMs, minuteMs), span?.toMs ?? 0)
        span = { fromMs, toMs }
      }
      return span
    },
    training({ fromMs, toMs, after = { id: 0, windowMs: 0, atMs: 0 }, limit = rowsMax }) {
      const most = Math.min(limit, rowsMax)
      const found: Row[] = []
      for (const { id, windowMs } of seriesFrom(after.id, after.windowMs)) {
        const isBegun = id === after.id && windowMs === after.windowMs
        const sinceMs = isBegun ? Math.max(fromMs, after.atMs + 1) : fromMs
        found.push(...rows(training.all(id, windowMs, sinceMs, toMs, most - found.length)))
        if (found.length === most) break
      }
      const last = found.at(-1) as unknown as TrainingMark | undefined
      const page = found.map(({ id: _, ...row }) => withQuality(row)) as unknown as TrainingRow[]
      if (last === undefined || found.length < most) return { rows: page }
      return { rows: page, next: { id: last.id, windowMs: last.windowMs, atMs: last.atMs } }
    },
  }
}

/** The minutes of one detector from windows of one length. */
interface CountSeries {
  readonly id: number
  readonly windowMs: number
}

type Row = Record<string, unknown>

/** Jumps from node to node through the key, so that it reads one row of each however many there are. */
function newestByNode(table: string, columns: string): string {
  return `
    WITH RECURSIVE nodes(name) AS (
      SELECT min(node) FROM ${table} UNION ALL
      SELECT (SELECT min(node) FROM ${table} WHERE node > name) FROM nodes WHERE name IS NOT NULL
    )
    SELECT ${columns} FROM nodes JOIN ${table} ON node = name
      AND at_ms = (SELECT max(at_ms) FROM ${table} WHERE node = name)
    ORDER BY node LIMIT ${rowsMax}`
}

function checkSteps({ stepMs }: SeriesQuery): void {
  if (!(stepMs >= minuteMs) || stepMs % minuteMs !== 0)
    throw HistoryQueryInvalid('stepMs', `${stepMs} is no multiple of a minute`)
}

/** Too much is refused rather than cut off, which would look like a gap. */
function bounded(found: readonly Row[]): readonly Row[] {
  if (found.length > rowsMax) throw HistoryQueryInvalid('range', `more than ${rowsMax} steps`)
  return found.map(withQuality)
}

function withQuality(row: Row): Row {
  return { ...row, quality: qualities[row.quality as number] }
}

function planOf(row: Row): Row {
  return { ...row, greensS: parse(row.greensS) }
}

function parse(text: unknown): unknown {
  return typeof text === 'string' ? JSON.parse(text) : null
}
