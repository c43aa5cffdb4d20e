/**
 * Turns that give way: when their way is busy, and when the next of them can follow. Pure arithmetic.
 *
 *   crossings of those with right of way    |  |  |        |
 *   busy                                 ████████████  ████
 */

/** Whoever is to cross within this is given way to: a turn from standing takes as long to be clear of him. */
export const gapS = 5

/** From, to, from, to …: when somebody crosses whom one gives way to, or is about to. */
export function busyTimes(crossingsS: readonly number[]): readonly number[] {
  const busyS: number[] = []
  for (const crossS of crossingsS.toSorted((a, b) => a - b)) {
    const last = busyS.length - 1
    if (last > 0 && crossS - gapS <= (busyS[last] as number)) busyS[last] = crossS
    else busyS.push(crossS - gapS, crossS)
  }
  return busyS
}

/** When the next may follow who crosses at `crossS`: the way is short while it is free, and long while it is busy. */
export function followedAtS(
  crossS: number,
  vehicles: number,
  freeHeadwayS: number,
  heldUpHeadwayS: number,
  busyS: readonly number[],
): number {
  let atS = crossS
  let left = vehicles
  for (let at = 0; at < busyS.length; at += 2) {
    const fromS = busyS[at] as number
    const toS = busyS[at + 1] as number
    if (toS <= atS) continue
    if (fromS > atS) {
      const passS = left * freeHeadwayS
      if (atS + passS <= fromS) return atS + passS
      left -= (fromS - atS) / freeHeadwayS
      atS = fromS
    }
    const passS = left * heldUpHeadwayS
    if (atS + passS <= toS) return atS + passS
    left -= (toS - atS) / heldUpHeadwayS
    atS = toS
  }
  return atS + left * freeHeadwayS
}
