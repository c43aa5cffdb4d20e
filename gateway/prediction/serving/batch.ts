/**
 * Puts the series of one quantity that have something new into one matrix, a row each.
 *
 * A neighbour counts only if its newest bucket is the same one: what it showed five minutes ago is another question
 * than the one the network was asked in training. A series of which no neighbour is known stands in no area: in training
 * there was one only where it was known who stands together.
 */
import type { Series } from '../online/book.ts'
import type { Calendar } from '../online/calendar.ts'
import { type Area, areaOf, featureCount, writeFeatures } from '../online/features.ts'
import type { SeriesState } from '../online/series-state.ts'

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
  /** The mean of all series of the quantity whose newest bucket ended at `newestMs`. */
  readonly area: Area | undefined
  readonly newestMs: number
  readonly seenTo: number
  /** Known neighbours of a series, strongest first. */
  neighboursOf(series: Series): readonly (Series | undefined)[]
}

export function makeBatch(series: readonly Series[], around: BatchSurroundings): Batch {
  const features = new Float32Array(series.length * featureCount)
  series.forEach((one, row) => {
    const neighbours = around.neighboursOf(one)
    const hasArea = neighbours.length > 0 && one.newestMs === around.newestMs
    writeFeatures(features, row * featureCount, one.state, {
      ahead: around.calendar.ahead(one.newestMs),
      neighbours: neighbours.map((other) =>
        other?.newestMs === one.newestMs ? other.state : undefined,
      ),
      area: hasArea ? around.area : undefined,
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

/** The area of a quantity at the newest bucket among `fresh`, over all its series that have reached it. */
export function areaAround(
  fresh: readonly Series[],
  all: Iterable<Series>,
): Pick<BatchSurroundings, 'area' | 'newestMs'> {
  const newestMs = fresh.reduce((max, one) => Math.max(max, one.newestMs), 0)
  return { newestMs, area: areaOf(statesAt(all, newestMs)) }
}

function* statesAt(all: Iterable<Series>, endMs: number): Generator<SeriesState> {
  for (const one of all) if (one.newestMs === endMs && one.state.seen > 0) yield one.state
}
