/**
 * Anomalies in NAB's traffic series, scored with NAB's own windows and NAB's own scoring function (standard profile).
 *
 * - A first detection in a labelled window earns up to 1, more the earlier it is; a missed window costs 1; a false alarm
 *   costs up to 0.11, less the closer it stands behind a window. The first 15 % of a series are for learning.
 * - `swept` is the best any threshold reaches over all series together, which is how NAB reports detectors; `fixed` is
 *   what the threshold of the house reaches, which nobody has chosen on these labels.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Anomaly } from '../../prediction/faults/anomaly.ts'
import { createCalendar, dayTypeOf, slotMs } from '../../prediction/online/calendar.ts'
import { SeriesState } from '../../prediction/online/series-state.ts'
import { EvaluateDataInvalid } from './errors.ts'

const windowsFile = 'combined_windows.realTraffic.json'
const probationShare = 0.15
const probationMax = 750
const falseAlarmWeight = 0.11
/** A short-term residual is carried over to the next value by this share. */
const carry = 0.7
const gapStepsMax = 12
/** A tail of about one in three thousand quarters of an hour. */
const thresholdOfHouse = 0.35

interface LabelledSeries {
  readonly name: string
  readonly timesMs: readonly number[]
  readonly values: readonly number[]
  /** First and last row of each labelled window. */
  readonly windows: readonly (readonly [number, number])[]
}

export interface NabResult {
  readonly threshold: number
  readonly score: number
  readonly found: number
  readonly falseAlarms: number
}

export interface NabReport {
  readonly windows: number
  readonly fixed: NabResult
  readonly swept: NabResult
  readonly series: readonly {
    readonly name: string
    readonly windows: number
    readonly found: number
    readonly falseAlarms: number
    readonly score: number
  }[]
}

export function hasNabWindows(folder: string): boolean {
  return readdirSync(folder).includes(windowsFile)
}

export function evaluateNab(folder: string): NabReport {
  const all = readLabelled(folder).map((series) => ({ series, scores: anomalyScores(series) }))
  const resultAt = (threshold: number): NabResult => {
    const parts = all.map(({ series, scores }) => scoreSeries(series, scores, threshold))
    const sum = (pick: (part: (typeof parts)[number]) => number) =>
      parts.reduce((total, part) => total + pick(part), 0)
    return {
      threshold,
      score: sum((part) => part.score),
      found: sum((part) => part.found),
      falseAlarms: sum((part) => part.falseAlarms),
    }
  }
  let swept = resultAt(1.01)
  for (const threshold of new Set(all.flatMap(({ scores }) => [...scores]))) {
    if (threshold <= 0) continue
    const result = resultAt(threshold)
    if (result.score > swept.score) swept = result
  }
  return {
    windows: all.reduce((sum, { series }) => sum + series.windows.length, 0),
    fixed: resultAt(thresholdOfHouse),
    swept,
    series: all.map(({ series, scores }) => ({
      name: series.name,
      windows: series.windows.length,
      ...scoreSeries(series, scores, swept.threshold),
    })),
  }
}

/** The house's own profile and its own surprise, a value at a time. */
function anomalyScores(series: LabelledSeries): Float64Array {
  const calendar = createCalendar()
  const state = new SeriesState()
  const anomaly = new Anomaly()
  const now = { smooth: 0, raw: 0, days: 0, daysOfType: 0 }
  return Float64Array.from(series.values, (value, row) => {
    const endMs = series.timesMs[row]! + slotMs
    const beforeMs = row > 0 ? series.timesMs[row - 1]! + slotMs : endMs - slotMs
    const missing = Math.min(gapStepsMax, Math.round((endMs - beforeMs) / slotMs) - 1)
    for (let step = missing; step >= 1; step--) push(Number.NaN, endMs - step * slotMs)
    const slot = calendar.slot(endMs)
    state.profile.read(slot, dayTypeOf(calendar.dayOfWeek(endMs)), state.recent, now)
    const expected = now.smooth + carry * state.residualMean(0)
    push(value, endMs)
    return anomaly.update(value, expected)
  })

  function push(value: number, endMs: number): void {
    state.update(value, calendar.slot(endMs), dayTypeOf(calendar.dayOfWeek(endMs)))
  }
}

function scoreSeries(series: LabelledSeries, scores: Float64Array, threshold: number) {
  const rows = scores.length
  const probation = Math.min(
    Math.floor(probationShare * rows),
    Math.floor(probationShare * 5_000),
    probationMax,
  )
  const best = series.windows.map(() => Number.NaN)
  let falseScore = 0
  let falseAlarms = 0
  for (let row = probation; row < rows; row++) {
    if (scores[row]! < threshold) continue
    const inside = series.windows.findIndex(([first, last]) => row >= first && row <= last)
    if (inside >= 0) {
      const [first, last] = series.windows[inside]!
      const earned = sigmoid(-(last - row + 1) / (last - first + 1)) / sigmoid(-1)
      best[inside] = Number.isNaN(best[inside]!) ? earned : Math.max(best[inside]!, earned)
      continue
    }
    const before = series.windows.filter(([, last]) => last < row).at(-1)
    const distance = before
      ? (row - before[1]) / Math.max(1, before[1] - before[0])
      : Number.POSITIVE_INFINITY
    falseScore += falseAlarmWeight * (distance > 3 ? -1 : sigmoid(distance))
    falseAlarms += 1
  }
  const found = best.filter((earned) => !Number.isNaN(earned))
  return {
    found: found.length,
    falseAlarms,
    score:
      found.reduce((sum, earned) => sum + earned, 0) - (best.length - found.length) + falseScore,
  }
}

/** NAB's scaled sigmoid: 0 at the window's end, towards 1 before and towards -1 behind it. */
function sigmoid(position: number): number {
  return 2 / (1 + Math.exp(5 * position)) - 1
}

function readLabelled(folder: string): readonly LabelledSeries[] {
  const windows = JSON.parse(readFileSync(join(folder, windowsFile), 'utf8')) as Record<
    string,
    readonly (readonly [string, string])[]
  >
  return Object.entries(windows).map(([key, spans]) => {
    const name = key.split('/').at(-1)!
    const lines = readFileSync(join(folder, name), 'utf8').split(/\r?\n/).slice(1)
    const rows = lines.filter((line) => line !== '').map((line) => line.split(','))
    const timesMs = rows.map(([time]) => Date.parse(`${time!.replace(' ', 'T')}Z`))
    if (timesMs.some(Number.isNaN))
      throw EvaluateDataInvalid(name, 'a row does not begin with a time')
    const indexOf = (text: string) => {
      const atMs = Date.parse(`${text.slice(0, 19).replace(' ', 'T')}Z`)
      return timesMs.findIndex((one) => one >= atMs)
    }
    return {
      name,
      timesMs,
      values: rows.map(([, value]) => Number(value)),
      windows: spans.map(([first, last]) => [indexOf(first), indexOf(last)] as const),
    }
  })
}
