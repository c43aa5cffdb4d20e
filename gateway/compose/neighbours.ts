/** Which detectors stand up and down the road of one, as the junction documents tell: for forecasts and cross-checks. */
import type { Junctions } from '../control/junctions.ts'

export interface DetectorKey {
  readonly node: string
  readonly component: string
}

const keyOf = ({ node, component }: DetectorKey) => `${node} ${component}`

/** Downstream and upstream neighbours first, then the other lanes of the same junction. */
export function neighboursIn(
  junctions: Junctions,
): (node: string, component: string) => readonly DetectorKey[] {
  const known = new Map<string, DetectorKey[]>()
  const relate = (from: DetectorKey | undefined, to: DetectorKey | undefined) => {
    if (!from || !to || keyOf(from) === keyOf(to)) return
    const others = known.get(keyOf(from)) ?? []
    if (!others.some((other) => keyOf(other) === keyOf(to))) others.push(to)
    known.set(keyOf(from), others)
  }
  const detectorOf = (node: string, lane: string) => junctions.get(node)?.lanes[lane]?.detector
  for (const junction of junctions.values()) {
    for (const lane of Object.values(junction.lanes)) {
      for (const { node, lane: next } of lane.downstream ?? []) {
        relate(lane.detector, detectorOf(node, next))
        relate(detectorOf(node, next), lane.detector)
      }
    }
  }
  for (const junction of junctions.values()) {
    const lanes = Object.values(junction.lanes)
    for (const lane of lanes) for (const other of lanes) relate(lane.detector, other.detector)
  }
  return (node, component) => known.get(keyOf({ node, component })) ?? []
}
