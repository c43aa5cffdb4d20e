/**
 * Puts each closed bucket before its detector's fault finder, with what the profile expected and what the neighbours do.
 *
 * Neighbours are those that are known; where none are, the other detectors of the same node: lanes side by side.
 */
import type { Detector } from '../online/book.ts'
import { profileModel } from '../online/book.ts'
import type { Bucket } from '../online/buckets.ts'
import { slotMs, slotsPerDay } from '../online/calendar.ts'
import type { FaultEvent } from './fault-finder.ts'

export interface DetectorFault extends FaultEvent {
  readonly node: string
  readonly component: string
}

const neighboursMax = 6

export function watchBucket(
  detector: Detector,
  bucket: Bucket,
  neighbours: readonly (Detector | undefined)[],
): readonly DetectorFault[] {
  const known = neighbours.filter((one) => one !== undefined).slice(0, neighboursMax)
  const events = detector.faults.update({
    ...bucket,
    expectedVehicles: expectedOf(detector, bucket),
    neighbours: known.length > 0 ? ratiosOf(known) : undefined,
  })
  return named(detector, events)
}

/** What ends because the detector is forgotten. */
export function endWatch(detector: Detector, atMs: number): readonly DetectorFault[] {
  return named(detector, detector.faults.end(atMs))
}

function named({ series }: Detector, events: readonly FaultEvent[]): readonly DetectorFault[] {
  const { node, component } = series[0]!
  return events.map((event) => ({ ...event, node, component }))
}

/** What the profile said of this bucket five minutes ago; NaN in a detector's first day. */
function expectedOf(detector: Detector, bucket: Bucket): number {
  const flow = detector.series[0]!
  if (flow.state.seen < slotsPerDay) return Number.NaN
  const before = flow.tracks.get(profileModel)?.read(bucket.endMs - slotMs, 0)
  return before?.[0]?.p50 ?? Number.NaN
}

function ratiosOf(detectors: readonly Detector[]): { readonly now: number; readonly day: number } {
  const now = detectors.map((one) => one.faults.recentRatio).filter((ratio) => ratio !== undefined)
  const day = detectors.map((one) => one.faults.dayRatio)
  return { now: now.length > 0 ? middle(now) : 1, day: middle(day) }
}

function middle(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!
}
