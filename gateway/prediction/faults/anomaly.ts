/**
 * How surprising the newest values of a series are, between 0 and 1: not one outlier, but the last quarter of an hour together.
 *
 * - Surprise is the distance from what was expected, in units of the usual distance; the short mean of it is compared
 *   with its own long-run mean and spread, as Ahmad and others do with their anomaly likelihood.
 * - One event is one alarm: until it has faded, only what is clearly stronger is told again.
 */

/** Values the short mean covers, and values the long run forgets over: a quarter of an hour, five days. */
const shortMemory = 3
const longMemory = 1_440
/** Values before which nothing is a surprise. */
const learnFor = 288
/** What was surprising a moment ago is no news: it must be this much stronger, and fades over six hours. */
const newsRatio = 1.2
const peakDecay = Math.exp(-1 / 72)
const spreadShareMin = 0.5

export interface AnomalySnapshot {
  readonly numbers: readonly number[]
}

const at = { seen: 0, distance: 1, short: 2, mean: 3, square: 4, peak: 5, size: 6 } as const

export class Anomaly {
  readonly #n: Float64Array

  constructor(snapshot?: AnomalySnapshot) {
    this.#n = Float64Array.from({ length: at.size }, (_, i) => snapshot?.numbers[i] ?? 0)
  }

  /** Score of a value for which `expected` was forecast; a missing value is 0 and changes nothing. */
  update(value: number, expected: number): number {
    if (!Number.isFinite(value) || !Number.isFinite(expected)) return 0
    const n = this.#n
    const distance = Math.abs(value - expected)
    n[at.seen]! += 1
    const seen = n[at.seen]!
    const surprise = distance / Math.max(n[at.distance]!, 1e-6, 0.02 * Math.abs(expected))
    const capped = seen < shortMemory ? 0 : Math.min(surprise, 20)
    n[at.short]! += (capped - n[at.short]!) / shortMemory
    const short = n[at.short]!
    const spread = Math.max(
      Math.sqrt(Math.max(0, n[at.square]! - n[at.mean]! ** 2)),
      spreadShareMin * n[at.mean]!,
      1e-6,
    )
    const score = seen > learnFor ? likelihood((short - n[at.mean]!) / spread) : 0
    const isNews = score > n[at.peak]! * newsRatio
    n[at.peak] = Math.max(score, n[at.peak]! * peakDecay)
    const rate = Math.max(1 / seen, 1 / longMemory)
    n[at.distance]! += (distance - n[at.distance]!) * rate
    n[at.mean]! += (short - n[at.mean]!) * rate
    n[at.square]! += (short * short - n[at.square]!) * rate
    return isNews ? score : 0
  }

  snapshot(): AnomalySnapshot {
    return { numbers: [...this.#n] }
  }
}

/** 0 for the ordinary, 1 for a tail of about 1e-10: the logarithm of a normal's tail. */
function likelihood(z: number): number {
  if (z <= 0) return 0
  // Upper bound of the tail that is close enough where it matters.
  const logTail = Math.log(0.5) - 0.5 * z * z - Math.log(1 + 0.4 * z)
  return Math.min(1, -logTail / 23)
}
