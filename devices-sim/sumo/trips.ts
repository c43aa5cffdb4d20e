/**
 * What the hour cost its drivers, from SUMO's own trip records and the vehicles it never let in.
 *
 *   delay = (timeLoss + departDelay of every trip, finished or not
 *            + end − planned departure of every vehicle never inserted) / all vehicles of the demand
 *
 * Pure: text in, figures out. SUMO must have been run with --tripinfo-output.write-unfinished.
 */

export interface TripFigures {
  readonly demandVehicles: number
  readonly finishedVehicles: number
  readonly neverInsertedVehicles: number
  /** Mean over the whole demand, as drawn above. */
  readonly delayS: number
  /** Means over the vehicles that entered. */
  readonly waitingS: number
  readonly stops: number
}

export function readTrips(
  xml: string,
  neverInsertedSinceS: readonly number[],
  endS: number,
): TripFigures {
  let entered = 0
  let finished = 0
  let lostS = 0
  let waitingS = 0
  let stops = 0
  for (const [tag] of xml.matchAll(/<tripinfo\s[^>]*>/g)) {
    const number = (name: string) => Number(attribute(tag, name) ?? 0)
    entered += 1
    lostS += number('timeLoss') + number('departDelay')
    waitingS += number('waitingTime')
    stops += number('waitingCount')
    if (attribute(tag, 'vaporized') === '') finished += 1
  }
  const outsideS = neverInsertedSinceS.reduce((sum, sinceS) => sum + endS - sinceS, 0)
  const demandVehicles = entered + neverInsertedSinceS.length
  return {
    demandVehicles,
    finishedVehicles: finished,
    neverInsertedVehicles: neverInsertedSinceS.length,
    delayS: (lostS + outsideS) / Math.max(1, demandVehicles),
    waitingS: waitingS / Math.max(1, entered),
    stops: stops / Math.max(1, entered),
  }
}

function attribute(tag: string, name: string): string | undefined {
  const start = tag.indexOf(` ${name}="`)
  if (start < 0) return undefined
  const from = start + name.length + 3
  return tag.slice(from, tag.indexOf('"', from))
}
