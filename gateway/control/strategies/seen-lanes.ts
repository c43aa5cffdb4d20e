/**
 * What may be believed of the lanes: a lane whose values are old, doubted by the door, or come from a sensor with a fault
 * is not seen at all. Every strategy that looks at lanes looks through this, and has its own answer for a lane unseen.
 *
 * Pure. Neighbours' lanes are sifted the same way.
 */
import type { JunctionView, LaneView } from '../ports.ts'
import type { StageModel } from './stage-model.ts'

type Lanes = JunctionView['lanes']

/** The same view without the lanes that cannot be trusted. */
export function withSeenLanes(view: JunctionView): JunctionView {
  const neighbours = Object.fromEntries(
    Object.entries(view.neighbours).map(([node, around]) => [
      node,
      { ...around, lanes: seenOf(around.lanes) },
    ]),
  )
  return { ...view, lanes: seenOf(view.lanes), neighbours }
}

function seenOf(lanes: Lanes): Lanes {
  const isAllSeen = Object.values(lanes).every((lane) => lane.isTrusted)
  if (isAllSeen) return lanes
  return Object.fromEntries(Object.entries(lanes).filter(([, lane]) => lane.isTrusted))
}

/**
 * Vehicles standing on each lane of the model. One that is not seen is taken to hold what the seen lanes of its groups hold
 * on average, and nothing where there are none: they are served together, and nothing is ever called by it alone.
 */
export function standingVehicles(view: JunctionView, model: StageModel): readonly number[] {
  const groupsOf = (lane: string) => view.junction.lanes[lane]?.groups ?? []
  return model.lanes.map((lane) => {
    const seen = view.lanes[lane]
    if (seen) return seen.queueVehicles
    const own = groupsOf(lane)
    const beside = model.lanes.flatMap((other): LaneView[] => {
      const there = view.lanes[other]
      return there && groupsOf(other).some((group) => own.includes(group)) ? [there] : []
    })
    const total = beside.reduce((sum, each) => sum + each.queueVehicles, 0)
    return beside.length === 0 ? 0 : total / beside.length
  })
}
