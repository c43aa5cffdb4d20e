/** Proof by trial that a row's features rest on nothing behind it: the future is replaced and nothing may change. */
import type { Dataset } from './dataset.ts'
import { findNeighbours, type NeighbourTable, replay } from './replay.ts'

/** Where in the test rows the future is cut off. */
const cutShare = 0.25

export function isCausal(data: Dataset, neighbours: NeighbourTable | undefined): boolean {
  const width = data.series.length
  const cut = data.testFrom + Math.floor((data.rows - data.testFrom) * cutShare)
  const values = Float32Array.from(data.values)
  for (let at = cut * width; at < values.length; at++) values[at] = (at * 7919) % 97
  const changed: Dataset = { ...data, values }
  const other = findNeighbours(changed)
  if (JSON.stringify(other) !== JSON.stringify(neighbours)) return false
  return sameAt(featuresAt(data, cut - 1, neighbours), featuresAt(changed, cut - 1, other))
}

function featuresAt(
  data: Dataset,
  row: number,
  neighbours: NeighbourTable | undefined,
): Float32Array {
  let features: Float32Array = new Float32Array(0)
  for (const one of replay(data, row + 1, neighbours)) features = one.features
  return features
}

function sameAt(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((value, at) => Object.is(value, b[at]))
}
