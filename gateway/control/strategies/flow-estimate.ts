/**
 * How many vehicles an hour a lane has to carry: the forecast where it can be trusted, blended by its confidence
 * with what the lane's own sensor has counted. Pure; the counts are the caller's memory.
 */
import type { JunctionView, LaneFlow, LaneView } from '../ports.ts'

export interface LaneCount {
  /** Smoothed arrivals, vehicles per second. */
  readonly perSecond: number
  /** Seconds observed, up to the smoothing time. */
  readonly observedS: number
  readonly inRange: number
  readonly atMs: number
}

/** Five minutes: long enough for two cycles or three, short enough to follow the morning. */
const smoothingS = 300
/** Longer gaps in the telemetry tell nothing about arrivals. */
const gapMaxS = 30

/** A lane that is not seen keeps the count it had. */
export function countLane(lane: LaneView | undefined, before: LaneCount | undefined): LaneCount {
  if (lane === undefined) return before ?? { perSecond: 0, observedS: 0, inRange: 0, atMs: 0 }
  const inRange = lane.queueVehicles + lane.approachingVehicles + lane.blockedVehicles
  const atMs = lane.seenAtMs
  if (before === undefined) return { perSecond: 0, observedS: 0, inRange, atMs }
  const stepS = (atMs - before.atMs) / 1000
  if (stepS <= 0 || lane.passedVehicles === undefined) return { ...before, atMs: before.atMs }
  if (stepS > gapMaxS) return { ...before, inRange, atMs }
  const arrived = Math.max(0, inRange - before.inRange + lane.passedVehicles)
  const observedS = Math.min(smoothingS, before.observedS + stepS)
  const weight = Math.min(1, stepS / Math.max(stepS, observedS))
  const perSecond = before.perSecond + weight * (arrived / stepS - before.perSecond)
  return { perSecond, observedS, inRange, atMs }
}

/** Vehicles per hour, and how much of it is forecast (0 to 1); undefined when nothing is known of the lane. */
export function laneFlow(
  view: JunctionView,
  lane: string,
  count: LaneCount | undefined,
): { readonly vehiclesPerHour: number; readonly forecastShare: number } | undefined {
  const flow: LaneFlow | undefined = view.flows[lane]
  const isCounted = count !== undefined && count.observedS >= 60
  const confidence = flow === undefined ? 0 : Math.min(1, Math.max(0, flow.confidence))
  if (flow !== undefined && (confidence > 0 || !isCounted)) {
    const forecast = flow.vehiclesPerHour5
    if (!isCounted)
      return confidence > 0 ? { vehiclesPerHour: forecast, forecastShare: 1 } : undefined
    const counted = count.perSecond * 3600
    return {
      vehiclesPerHour: confidence * forecast + (1 - confidence) * counted,
      forecastShare: confidence,
    }
  }
  return isCounted ? { vehiclesPerHour: count.perSecond * 3600, forecastShare: 0 } : undefined
}
