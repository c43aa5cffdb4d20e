/**
 * What all series of a quantity show together: whether a whole area has more traffic than usual.
 *
 * Summed up as the series move on, one step each: a round of forecasts of a city reads it without looking at the city.
 */
import { lagCount } from './calendar.ts'
import type { SeriesState } from './series-state.ts'

/** An area has a mean when at least this many series stand in it. */
const areaSeriesMin = 5
/** The bucket under way of being told, and the one before for those who are late. */
const bucketsKept = 2

export interface Area {
  /** Mean residual of all series of the quantity, in their scales: now, and its change over a quarter of an hour. */
  readonly now: number
  readonly trend: number
}

const newest = lagCount - 1

export class AreaSum {
  #count = 0
  #now = 0
  #trend = 0

  /** A series as it stands now. */
  add(state: SeriesState): void {
    const now = state.residualAt(newest)
    this.#count += 1
    this.#now += now / state.scale
    this.#trend += (now - state.residualAt(newest - 3)) / state.scale
  }

  /** Undefined for fewer than five series. */
  mean(): Area | undefined {
    if (this.#count < areaSeriesMin) return undefined
    return { now: this.#now / this.#count, trend: this.#trend / this.#count }
  }
}

/** The mean of the series that stand together; undefined for fewer than five. */
export function areaOf(states: Iterable<SeriesState>): Area | undefined {
  const sum = new AreaSum()
  for (const state of states) sum.add(state)
  return sum.mean()
}

/** The areas of one quantity at its newest buckets. */
export class Areas {
  /** Oldest first. */
  readonly #kept: { readonly endMs: number; readonly sum: AreaSum }[] = []

  /** A series has reached the bucket that ended at `endMs`. */
  add(endMs: number, state: SeriesState): void {
    const kept = this.#kept
    let place = kept.find((one) => one.endMs === endMs)
    if (!place) {
      if (kept.length === bucketsKept && endMs < kept[0]!.endMs) return
      place = { endMs, sum: new AreaSum() }
      kept.push(place)
      kept.sort((a, b) => a.endMs - b.endMs)
      if (kept.length > bucketsKept) kept.shift()
    }
    place.sum.add(state)
  }

  /** Over the series that have reached this bucket by now; undefined for fewer than five, or where it is too long ago. */
  at(endMs: number): Area | undefined {
    return this.#kept.find((one) => one.endMs === endMs)?.sum.mean()
  }
}
