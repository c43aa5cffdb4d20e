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
  share(entries: ReadonlyMap<string, string>): ReadonlyMap<string, number>
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
  const reached = new Map<string, readonly string[]>()
  /** What each waiting vehicle was put down for; kept while it waits. */
  let chosen = new Map<string, string>()

  function reach(edge: string): readonly string[] {
    const known = reached.get(edge)
    if (known) return known
    const stopLines = new Set<string>()
    const seen = new Map<string, number>()
    const follow = (id: string, distanceM: number) => {
      const farM = distanceM + (roads.get(id)?.lengthM ?? 0)
      if (farM > reachM || (seen.get(id) ?? Number.POSITIVE_INFINITY) <= farM) return
      seen.set(id, farM)
      const stopLine = ends.get(id)
      if (stopLine !== undefined) stopLines.add(stopLine)
      else for (const link of roads.get(id)?.links ?? []) follow(link.to, farM + link.lengthM)
    }
    for (const id of lanesOfEdge.get(edge) ?? []) follow(id, 0)
    const found = [...stopLines]
    reached.set(edge, found)
    return found
  }

  return {
    share(entries) {
      const counts = new Map<string, number>()
      const kept = new Map<string, string>()
      const put = (vehicle: string, stopLine: string) => {
        kept.set(vehicle, stopLine)
        counts.set(stopLine, (counts.get(stopLine) ?? 0) + 1)
      }
      for (const vehicle of entries.keys()) {
        const before = chosen.get(vehicle)
        if (before !== undefined) put(vehicle, before)
      }
      for (const [vehicle, edge] of entries) {
        if (kept.has(vehicle)) continue
        const stopLines = reach(edge)
        const least = stopLines.reduce<string | undefined>(
          (best, each) =>
            best === undefined || (counts.get(each) ?? 0) < (counts.get(best) ?? 0) ? each : best,
          undefined,
        )
        if (least !== undefined) put(vehicle, least)
      }
      chosen = kept
      return counts
    },
  }
}

const edgeOf = (lane: string) => lane.slice(0, lane.lastIndexOf('_'))
