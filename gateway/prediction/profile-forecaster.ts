/**
 * The house's first forecaster and its last resort: every detector's seasonal profile and recent residual.
 *
 * - Answers at once and from memory; never throws for a value, never answers NaN, nothing after a quarter of an hour's silence.
 * - Scores itself: each forecast is compared with what came, per quantity and horizon.
 * - `snapshot()` is plain data; `restore()` takes it back after a restart.
 */
import { type Score, Scoreboard } from './judges/scoreboard.ts'
import { Book, type DetectorSnapshot, profileModel, type Series } from './online/book.ts'
import { createCalendar, lagCount, slotMs, slotsPerDay } from './online/calendar.ts'
import { confidenceOf } from './online/confidence.ts'
import type { Forecast, Forecaster, ForecastInput } from './ports.ts'

export interface ProfileForecasterOptions {
  /** Where the detectors stand (IANA name), for time of day and day of week; UTC without. */
  readonly timeZone?: string
}

export interface ForecasterSnapshot {
  readonly version: 1
  readonly detectors: readonly DetectorSnapshot[]
  readonly scores: readonly Score[]
}

export interface ScoredForecaster extends Forecaster {
  scores(): readonly Score[]
  snapshot(): ForecasterSnapshot
  restore(snapshot: ForecasterSnapshot): void
}

export function createProfileForecaster(options: ProfileForecasterOptions = {}): ScoredForecaster {
  const scoreboard = new Scoreboard()
  const book = new Book(createCalendar(options.timeZone), (series, endMs, value) => {
    if (!Number.isFinite(value)) return
    for (const [model, track] of series.tracks) {
      for (const judged of track.judge(endMs, value, 0))
        scoreboard.add(model, series.quantity, judged)
    }
  })

  return {
    observe: (reading) => void book.observe(reading),
    forecast(node, component, quantity, nowMs) {
      const series = book.find(node, component, quantity)
      return series && readForecast(series, profileModel, nowMs, 1)
    },
    scores: () => scoreboard.scores(),
    snapshot: () => ({ version: 1, detectors: [...book.snapshots()], scores: scoreboard.scores() }),
    restore(snapshot) {
      for (const detector of snapshot.detectors) book.restore(detector)
      scoreboard.restore(snapshot.scores)
    },
  }
}

/** A model's newest forecast of a series as the port wants it, or undefined where it must not be used. */
export function readForecast(
  series: Series,
  model: string,
  nowMs: number,
  trust: number,
  madeAtMs: number = series.newestMs,
): Forecast | undefined {
  const track = series.tracks.get(model)
  const horizons = track?.read(madeAtMs, 0)
  if (!horizons?.every((horizon) => Number.isFinite(horizon.p10 + horizon.p50 + horizon.p90)))
    return undefined
  const confidence = confidenceOf({
    ageMs: nowMs - series.knownMs,
    lagsKnown: series.state.lagsKnown,
    days: series.state.seen / slotsPerDay,
    trust,
  })
  if (confidence <= 0) return undefined
  return {
    node: series.node,
    component: series.component,
    quantity: series.quantity,
    madeAtMs,
    newestReadingAtMs: series.knownMs,
    model,
    confidence,
    input: inputOf(series, madeAtMs, track!.seenTo(madeAtMs)),
    horizons,
  }
}

/** The lags of a forecast made at `madeAtMs`, in time and in the ledger. */
function inputOf(series: Series, madeAtMs: number, seenTo: number): ForecastInput {
  const steps = (series.newestMs - madeAtMs) / slotMs
  const from = series.closings[Math.max(0, series.closings.length - 1 - lagCount - steps)] ?? -1
  const isInLedger = seenTo >= 0 && from >= 0
  return {
    fromMs: madeAtMs - lagCount * slotMs,
    toMs: madeAtMs,
    ...(isInLedger ? { offsets: [from, seenTo] as const } : {}),
  }
}
