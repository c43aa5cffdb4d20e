/**
 * What a model answers is looked at before anybody may use it.
 *
 * - Not a number, quantiles out of order, or a value no road can have: the whole answer for the series is thrown away.
 * - Pure; the bounds are physical, with the series' own level as a yardstick for counts.
 */

import type { Quantity } from '../ports.ts'
import { outputColumns } from '../serving/model-card.ts'
import { horizonSteps, type RawQuantiles } from './track.ts'

/** Most a lane or a carriageway can carry or show, generously. */
const ceilings: Readonly<Record<Quantity, number>> = {
  vehiclesPer5Min: 2_000,
  speedKmh: 250,
  occupancyPercent: 150,
}
/** How many times the usual level a forecast may be; small roads may surprise by this much on top. */
const levelTimesMax = 12
const levelOffset = 30
const columns = outputColumns.length
/** Rounding may turn equal quantiles around by a hair. */
const orderTolerance = 1e-3

/** Writes p10, p50, p90 of the four horizons into `into`; false where the answer must not be used. */
export function takeAnswer(
  forecast: Float32Array,
  offset: number,
  facts: { readonly quantity: Quantity; readonly scale: number },
  into: RawQuantiles,
): boolean {
  const ceiling = Math.min(ceilings[facts.quantity], facts.scale * levelTimesMax + levelOffset)
  for (let horizon = 0; horizon < horizonSteps.length; horizon++) {
    const at = offset + (horizonSteps[horizon]! - 1) * columns
    const p10 = forecast[at]! * facts.scale
    const p50 = forecast[at + 1]! * facts.scale
    const p90 = forecast[at + 2]! * facts.scale
    const isOrdered = p10 <= p50 + orderTolerance && p50 <= p90 + orderTolerance
    if (!isOrdered || !(p50 <= ceiling) || !(p90 >= 0 && p90 <= 2 * ceiling) || !(p10 >= -ceiling))
      return false
    into[horizon * 3] = Math.min(p10, p50)
    into[horizon * 3 + 1] = p50
    into[horizon * 3 + 2] = Math.max(p90, p50)
  }
  return true
}
