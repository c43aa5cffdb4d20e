/**
 * Chance that can be repeated: numbers 0 ≤ x < 1 from a seed (mulberry32, public domain, T. Ettinger 2017).
 * For ids and jitter in simulated time; nothing secret may come from it.
 */
export function createRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
