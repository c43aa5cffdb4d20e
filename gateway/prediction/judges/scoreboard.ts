/**
 * How well each model forecasts each quantity at each horizon, as it goes.
 *
 * - Mean absolute error, pinball loss over the three quantiles and coverage of the 80 % interval, per model, quantity
 *   and horizon: since the start, and over the last some thousand forecasts (`recent…`), which is what a contest looks at.
 * - Sums only: whoever wants history writes it elsewhere.
 */
import type { HorizonMin, Quantity } from '../ports.ts'
import type { Judged } from './track.ts'

/** Forecasts after which the recent mean has forgotten 63 % of what was. */
const recentMemory = 2000

export interface Score {
  readonly model: string
  readonly quantity: Quantity
  readonly horizonMin: HorizonMin
  readonly judged: number
  readonly mae: number
  readonly pinball: number
  /** Share of values inside the 80 % interval. */
  readonly coverage: number
  readonly recentMae: number
  readonly recentPinball: number
}

type Sums = { -readonly [K in keyof Score]: Score[K] }

/** Mean of the three pinball losses; in the quantity's unit, so that it can be set beside the MAE. */
export function pinballOf(judged: Judged): number {
  const loss = (quantile: number, share: number) => {
    const error = judged.actual - quantile
    return error >= 0 ? share * error : (share - 1) * error
  }
  return (loss(judged.p10, 0.1) + loss(judged.p50, 0.5) + loss(judged.p90, 0.9)) / 3
}

export class Scoreboard {
  readonly #sums = new Map<string, Sums>()

  add(model: string, quantity: Quantity, judged: Judged): void {
    const key = `${model} ${quantity} ${judged.horizonMin}`
    let sums = this.#sums.get(key)
    if (!sums) {
      sums = {
        model,
        quantity,
        horizonMin: judged.horizonMin,
        judged: 0,
        mae: 0,
        pinball: 0,
        coverage: 0,
        recentMae: 0,
        recentPinball: 0,
      }
      this.#sums.set(key, sums)
    }
    const error = Math.abs(judged.actual - judged.p50)
    const pinball = pinballOf(judged)
    const isInside = judged.actual >= judged.p10 && judged.actual <= judged.p90
    sums.judged += 1
    const recentRate = Math.max(1 / sums.judged, 1 / recentMemory)
    sums.mae += (error - sums.mae) / sums.judged
    sums.pinball += (pinball - sums.pinball) / sums.judged
    sums.coverage += ((isInside ? 1 : 0) - sums.coverage) / sums.judged
    sums.recentMae += (error - sums.recentMae) * recentRate
    sums.recentPinball += (pinball - sums.recentPinball) * recentRate
  }

  scores(): readonly Score[] {
    return [...this.#sums.values()].map((sums) => ({ ...sums }))
  }

  restore(scores: readonly Score[]): void {
    for (const score of scores)
      this.#sums.set(`${score.model} ${score.quantity} ${score.horizonMin}`, { ...score })
  }

  forget(model: string): void {
    for (const [key, sums] of this.#sums) if (sums.model === model) this.#sums.delete(key)
  }
}
