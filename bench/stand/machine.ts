/** Where a figure comes from, as in every evaluation, and the little arithmetic that benches share. */
export { machine } from '../../gateway/evaluate/machine.ts'

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2
}

export const round = (value: number, digits = 2) => Math.round(value * 10 ** digits) / 10 ** digits
