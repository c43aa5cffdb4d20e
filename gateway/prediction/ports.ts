/**
 * What goes into a forecast and what comes out. Detectors are named by the node that publishes and its
 * component; quantities are kept apart, each with its unit in its name.
 */

export type Quantity = 'vehiclesPer5Min' | 'speedKmh' | 'occupancyPercent'

/** One detector's window, as the door let it in. */
export interface Reading {
  readonly node: string
  readonly component: string
  /** End of the window. */
  readonly atMs: number
  readonly windowMs: number
  readonly vehicles: number
  readonly occupancyPercent: number | null
  readonly speedKmh: number | null
  readonly quality: 'recent' | 'old' | 'undefined' | 'unknown'
  /** Of the record in the ledger that brought it. */
  readonly offset?: number
}

/** What a forecast was made from, so that it can be made again. */
export interface ForecastInput {
  /** Of the model file, absent for the profile, which has none. */
  readonly sha256?: string
  /** The lags: readings after `fromMs`, up to and including `toMs`. */
  readonly fromMs: number
  readonly toMs: number
  /** Where those readings stand in the ledger; half open. Nothing from `offsets[1]` on had been seen. */
  readonly offsets?: readonly [from: number, to: number]
}

export const horizonsMin = [5, 15, 30, 60] as const
export type HorizonMin = (typeof horizonsMin)[number]

export interface HorizonForecast {
  readonly horizonMin: HorizonMin
  /** Quantiles of the quantity in the 5 minutes that end at the horizon. */
  readonly p10: number
  readonly p50: number
  readonly p90: number
}

export interface Forecast {
  readonly node: string
  readonly component: string
  readonly quantity: Quantity
  /** Moment the forecast was made for (its "now"), and the newest window it rests on. */
  readonly madeAtMs: number
  readonly newestReadingAtMs: number
  readonly model: string
  /** 0 to 1: how far control should trust it; 0 means do not. */
  readonly confidence: number
  readonly input: ForecastInput
  readonly horizons: readonly HorizonForecast[]
}

/** Feeds on readings, answers with forecasts. Never throws for a value; never answers NaN. */
export interface Forecaster {
  observe(reading: Reading): void
  /** Newest usable forecast, or undefined where there is not enough to go on. Synchronous: control never waits. */
  forecast(node: string, component: string, quantity: Quantity, nowMs: number): Forecast | undefined
}
