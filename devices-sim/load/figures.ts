/**
 * What a phase measures. A message counts in the phase it was sent in, however late its PUBACK comes: the slowest are
 * those that are still under way when the phase ends.
 */
import { build, type Histogram } from 'hdr-histogram-js'

export interface PhaseFigures {
  due: number
  sent: number
  acknowledged: number
  /** Due, but no device was connected to send it. */
  unsent: number
  connects: number
  readonly errors: Map<string, number>
  /** Microseconds from due to PUBACK; messages sent again after a cut apart. */
  readonly latencyUs: Histogram
  readonly resentUs: Histogram
  readonly connectUs: Histogram
}

export function emptyFigures(): PhaseFigures {
  const histogram = () =>
    build({
      bitBucketSize: 64,
      lowestDiscernibleValue: 1,
      highestTrackableValue: 600_000_000,
      numberOfSignificantValueDigits: 3,
    })
  return {
    due: 0,
    sent: 0,
    acknowledged: 0,
    unsent: 0,
    connects: 0,
    errors: new Map(),
    latencyUs: histogram(),
    resentUs: histogram(),
    connectUs: histogram(),
  }
}
