/**
 * Puts the series of one quantity that have something new into one matrix, a row each.
 *
 * A neighbour counts only if its newest bucket is the same one: what it showed five minutes ago is another question
 * than the one the network was asked in training. A series of which no neighbour is known stands in no area: in training
 * there was one only where it was known who stands together.
 */
import type { Area } from '../online/area.ts'
import type { Series } from '../online/book.ts'
import type { Calendar } from '../online/calendar.ts'
import { featureCount, writeFeatures } from '../online/features.ts'
import type { Quantity } from '../ports.ts'

export interface Batch {
  readonly series: readonly Series[]
  /** The bucket each row was made for. */
  readonly endsMs: readonly number[]
  readonly scales: readonly number[]
  readonly features: Float32Array
  /** First record of the ledger that nothing here has seen; -1 where there is none. */
  readonly seenTo: number
}

export interface BatchSurroundings {
  readonly calendar: Calendar
  readonly seenTo: number
  /** The mean of all series of a quantity that have reached the bucket that ended at `endMs`. */
  areaAt(quantity: Quantity, endMs: number): Area | undefined
  /** Known neighbours of a series, strongest first. */
  neighboursOf(series: Series): readonly (Series | undefined)[]
}

export function makeBatch(series: readonly Series[], around: BatchSurroundings): Batch {
  const features = new Float32Array(series.length * featureCount)
  series.forEach((one, row) => {
    const neighbours = around.neighboursOf(one)
    writeFeatures(features, row * featureCount, one.state, {
      ahead: around.calendar.ahead(one.newestMs),
      neighbours: neighbours.map((other) =>
        other?.newestMs === one.newestMs ? other.state : undefined,
      ),
      area: neighbours.length > 0 ? around.areaAt(one.quantity, one.newestMs) : undefined,
    })
  })
  return {
    series,
    endsMs: series.map((one) => one.newestMs),
    scales: series.map((one) => one.state.scale),
    features,
    seenTo: around.seenTo,
  }
}
