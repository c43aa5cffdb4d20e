/**
 * Why a forecast said what it said, as a plain value: what `npm run evaluate -- explain` shows of a forecast that was made
 * again (rebuild.ts).
 */
import { horizonSteps } from './judges/track.ts'
import type { Series } from './online/book.ts'
import { lagCount, slotsPerDay } from './online/calendar.ts'
import type { Forecast, ForecastInput, HorizonForecast, Quantity } from './ports.ts'

export interface Explanation {
  readonly node: string
  readonly component: string
  readonly quantity: Quantity
  readonly model: string
  /** Of the model file; absent for the profile, which has none. */
  readonly modelSha256: string | undefined
  readonly madeAtMs: number
  readonly input: ForecastInput
  /** Oldest first; null where there was none. */
  readonly lags: readonly (number | null)[]
  /** What the detector usually shows at the horizons (without what is special today). */
  readonly usual: readonly number[]
  readonly meanResidualHalfHour: number
  readonly daysKnown: number
  /** What the quantile distances were multiplied by to keep what they promise: below and above, per horizon. */
  readonly calibration: readonly number[]
  readonly horizons: readonly HorizonForecast[]
}

export function explain(
  series: Series,
  forecast: Forecast,
  modelSha256: string | undefined,
): Explanation {
  const { state } = series
  return {
    node: series.node,
    component: series.component,
    quantity: series.quantity,
    model: forecast.model,
    modelSha256,
    madeAtMs: forecast.madeAtMs,
    input: forecast.input,
    lags: Array.from({ length: lagCount }, (_, lag) =>
      state.knownAt(lag) ? state.valueAt(lag) : null,
    ),
    usual: horizonSteps.map((_, horizon) => series.profile.expected(horizon)),
    meanResidualHalfHour: state.residualMean(0),
    daysKnown: state.seen / slotsPerDay,
    calibration: series.tracks.get(forecast.model)?.factors ?? [],
    horizons: forecast.horizons,
  }
}
