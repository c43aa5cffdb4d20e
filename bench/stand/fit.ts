/**
 * A cost made up of a few counted things: least squares on relative error, so that small rows count as much as large
 * ones, and no price below nothing.
 */

/** What each of the counted things costs. `rows` are counts, `costs` what they cost together. */
export function fitPrices(
  rows: readonly (readonly number[])[],
  costs: readonly number[],
): readonly number[] {
  const width = rows[0]?.length ?? 0
  let active = Array.from({ length: width }, (_, at) => at)
  for (;;) {
    const found = solve(rows, costs, active)
    const below = active.filter((_, at) => (found[at] ?? 0) < 0)
    if (below.length === 0) {
      return Array.from({ length: width }, (_, at) => found[active.indexOf(at)] ?? 0)
    }
    // The most negative price is given up; what is left is fitted again.
    const worst = active.reduce((a, b) =>
      (found[active.indexOf(b)] ?? 0) < (found[active.indexOf(a)] ?? 0) ? b : a,
    )
    active = active.filter((at) => at !== worst)
  }
}

export function costOf(prices: readonly number[], counts: readonly number[]): number {
  return prices.reduce((sum, price, at) => sum + price * (counts[at] ?? 0), 0)
}

/** Normal equations by elimination; a column that the others make up gets nothing. */
function solve(
  rows: readonly (readonly number[])[],
  costs: readonly number[],
  active: readonly number[],
): readonly number[] {
  const size = active.length
  const matrix = active.map((i) => [
    ...active.map((j) => sum(rows, costs, (row) => (row[i] ?? 0) * (row[j] ?? 0))),
    sum(rows, costs, (row, cost) => (row[i] ?? 0) * cost),
  ])
  for (let at = 0; at < size; at++) {
    let pivot = at
    for (let row = at + 1; row < size; row++)
      if (Math.abs(matrix[row]![at]!) > Math.abs(matrix[pivot]![at]!)) pivot = row
    ;[matrix[at], matrix[pivot]] = [matrix[pivot]!, matrix[at]!]
    const lead = matrix[at]![at]!
    if (Math.abs(lead) < Number.EPSILON) continue
    for (let row = 0; row < size; row++) {
      if (row === at) continue
      const times = matrix[row]![at]! / lead
      for (let column = at; column <= size; column++)
        matrix[row]![column]! -= times * matrix[at]![column]!
    }
  }
  return matrix.map((row, at) => (Math.abs(row[at]!) < Number.EPSILON ? 0 : row[size]! / row[at]!))
}

/** Each row weighs as one over its cost squared: that is the square of its relative error. */
function sum(
  rows: readonly (readonly number[])[],
  costs: readonly number[],
  of: (row: readonly number[], cost: number) => number,
): number {
  return rows.reduce((total, row, at) => {
    const cost = costs[at] ?? 0
    return cost > 0 ? total + of(row, cost) / cost ** 2 : total
  }, 0)
}
