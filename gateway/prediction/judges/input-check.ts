/**
 * Does a series look like anything the model has learned from?
 *
 * - Each input outside the model card's range counts; a series with too many of them is foreign to the model.
 * - Drift: the share of foreign series, followed slowly. It lowers trust long before the errors are in.
 */
import { featureCount } from '../online/features.ts'

/** Inputs outside the range, as a share, from which a series counts as foreign. The range holds 99.8 % of what was learned. */
const foreignShare = 0.1
const driftMemory = 500

export interface InputRange {
  readonly low: readonly number[]
  readonly high: readonly number[]
}

export class InputCheck {
  readonly #low: Float32Array
  readonly #high: Float32Array
  /** 0 to 1: share of recent series that were foreign. */
  drift = 0

  constructor(range: InputRange) {
    // A little room on both sides: an extreme of the training rows is not foreign yet.
    this.#low = Float32Array.from(range.low, (low, at) => low - margin(range, at))
    this.#high = Float32Array.from(range.high, (high, at) => high + margin(range, at))
  }

  /** Share of a series' inputs that are outside. */
  outside(features: Float32Array, offset: number): number {
    let count = 0
    for (let at = 0; at < featureCount; at++) {
      const value = features[offset + at]!
      if (!(value >= this.#low[at]! && value <= this.#high[at]!)) count += 1
    }
    const share = count / featureCount
    this.drift += ((share >= foreignShare ? 1 : 0) - this.drift) / driftMemory
    return share
  }
}

export function isForeign(outsideShare: number): boolean {
  return outsideShare >= foreignShare
}

function margin(range: InputRange, at: number): number {
  return 0.25 * (range.high[at]! - range.low[at]!) + 0.05
}
