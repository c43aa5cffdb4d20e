/**
 * Who waits outside the network because the road they want to enter is full, lane by lane: a queue that no sensor on
 * the road can see, known as a road operator knows it from the next counter out.
 *
 * - Such a road counts when its vehicles reach a stop line without passing another light, unsignalised joints included.
 * - Which of its lanes somebody will take is not known: whoever comes is put where fewest wait.
 */
import type { LaneRoad } from './site.ts'

export interface Outside {
  /** By edge of each vehicle that waits: how many for which stop lines. */
  share(entries: ReadonlyMap<string, string>): ReadonlyMap<string, Waiting>
}

interface Waiting {
  vehicles: number
  /** From where they enter to the stop line. */
  roadM: number
}

/** A stop line farther from the entry than this is not what the queue stands for. */
const reachM = 2_000

/** `ends` names the stop line at the end of a lane of SUMO. */
export function createOutside(
  ends: ReadonlyMap<string, string>,
  roads: ReadonlyMap<string, LaneRoad>,
): Outside {
  const lanesOfEdge = Map.groupBy(
    [...roads.keys()].filter((id) => !id.startsWith(':')),
    edgeOf,
  )
  const reached = new Map<string, ReadonlyMap<string, number>>()
  /** What each waiting vehicle was put down for; kept while it waits. */
  let chosen = new Map<string, string>()

  /** Stop lines, and how far they are. */
  function reach(edge: string): ReadonlyMap<string, number> {
    const known = reached.get(edge)
    if (known) return known
    const stopLines = new Map<string, number>()
    const seen = new Map<string, number>()
    const follow = (id: string, distanceM: number) => {
      const farM = distanceM + (roads.get(id)?.lengthM ?? 0)
      if (farM > reachM || (seen.get(id) ?? Number.POSITIVE_INFINITY) <= farM) return
      seen.set(id, farM)
      const stopLine = ends.get(id)
      if (stopLine !== undefined) stopLines.set(stopLine, farM)
      else for (const link of roads.get(id)?.links ?? []) follow(link.to, farM + link.lengthM)
    }
    for (const id of lanesOfEdge.get(edge) ?? []) follow(id, 0)
    reached.set(edge, stopLines)
    return stopLines
  }

  return {
    share(entries) {
      const waiting = new Map<string, Waiting>()
      const kept = new Map<string, string>()
      const countAt = (stopLine: string) => waiting.get(stopLine)?.vehicles ?? 0
      const put = (vehicle: string, edge: string, stopLine: string) => {
        kept.set(vehicle, stopLine)
        const roadM = Math.max(waiting.get(stopLine)?.roadM ?? 0, reach(edge).get(stopLine) ?? 0)
        waiting.set(stopLine, { vehicles: countAt(stopLine) + 1, roadM })
      }
      for (const [vehicle, edge] of entries) {
        const before = chosen.get(vehicle)
        if (before !== undefined) put(vehicle, edge, before)
      }
      for (const [vehicle, edge] of entries) {
        if (kept.has(vehicle)) continue
        const [least] = [...reach(edge).keys()].sort((a, b) => countAt(a) - countAt(b))
        if (least !== undefined) put(vehicle, edge, least)
      }
      chosen = kept
      return waiting
    },
  }
}

const edgeOf = (lane: string) => lane.slice(0, lane.lastIndexOf('_'))
