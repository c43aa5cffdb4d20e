/**
 * Chance that can be repeated: a generator per name and seed, independent of every other.
 * xoshiro128** seeded through splitmix32 from a hash of the name; the same on every machine.
 */

/** 0 ≤ x < 1, uniform, 32 bits. */
export type Random = () => number

export function createRandom(...name: readonly (string | number)[]): Random {
  let hash = 2166136261 // FNV-1a
  for (const char of name.join('\u0000')) {
    hash = Math.imul(hash ^ char.charCodeAt(0), 16777619)
  }
  const split = () => {
    hash = (hash + 0x9e3779b9) | 0
    let z = hash ^ (hash >>> 16)
    z = Math.imul(z, 0x21f0aaad)
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
    return z ^ (z >>> 15)
  }
  let [a, b, c, d] = [split(), split(), split(), split()] as [number, number, number, number]
  return () => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9)
    const shifted = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= shifted
    d = rotate(d, 11)
    return (result >>> 0) / 4294967296
  }
}

const rotate = (value: number, by: number) => (value << by) | (value >>> (32 - by))

/** Exponentially distributed with the given mean. */
export function exponential(random: Random, mean: number): number {
  return -Math.log(1 - random()) * mean
}

/** Normally distributed, mean 0, deviation 1 (Box and Muller). */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}
