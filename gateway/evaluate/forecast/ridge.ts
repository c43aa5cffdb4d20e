/**
 * Least squares with a small penalty: the plain contender every network has to beat.
 * Sums only, solved once by Cholesky; a sample with an unknown target is left out.
 */
const penalty = 1

export class Ridge {
  readonly #columns: readonly number[]
  readonly #size: number
  readonly #outputs: number
  readonly #gram: Float64Array
  readonly #right: Float64Array
  readonly #sample: Float64Array

  constructor(columns: readonly number[], outputs: number) {
    this.#columns = columns
    this.#size = columns.length + 1
    this.#outputs = outputs
    this.#gram = new Float64Array(this.#size * this.#size)
    this.#right = new Float64Array(this.#size * outputs)
    this.#sample = new Float64Array(this.#size)
    this.#sample[columns.length] = 1
  }

  add(features: Float32Array, offset: number, targets: Float64Array): void {
    for (const target of targets) if (!Number.isFinite(target)) return
    const size = this.#size
    const sample = this.#sample
    this.#columns.forEach((column, at) => {
      sample[at] = features[offset + column]!
    })
    for (let i = 0; i < size; i++) {
      const value = sample[i]!
      if (value === 0) continue
      for (let j = 0; j <= i; j++) this.#gram[i * size + j]! += value * sample[j]!
      for (let k = 0; k < this.#outputs; k++)
        this.#right[i * this.#outputs + k]! += value * targets[k]!
    }
  }

  /** Weights, an output after the other within each input. */
  solve(): Float64Array {
    const size = this.#size
    const lower = Float64Array.from(this.#gram)
    for (let i = 0; i < size; i++) lower[i * size + i]! += i < size - 1 ? penalty : 1e-6
    for (let i = 0; i < size; i++) {
      for (let j = 0; j <= i; j++) {
        let sum = lower[i * size + j]!
        for (let k = 0; k < j; k++) sum -= lower[i * size + k]! * lower[j * size + k]!
        lower[i * size + j] = i === j ? Math.sqrt(Math.max(sum, 1e-12)) : sum / lower[j * size + j]!
      }
    }
    const weights = Float64Array.from(this.#right)
    for (let k = 0; k < this.#outputs; k++) {
      const at = (i: number) => i * this.#outputs + k
      for (let i = 0; i < size; i++) {
        for (let j = 0; j < i; j++) weights[at(i)]! -= lower[i * size + j]! * weights[at(j)]!
        weights[at(i)]! /= lower[i * size + i]!
      }
      for (let i = size - 1; i >= 0; i--) {
        for (let j = i + 1; j < size; j++) weights[at(i)]! -= lower[j * size + i]! * weights[at(j)]!
        weights[at(i)]! /= lower[i * size + i]!
      }
    }
    return weights
  }

  predict(weights: Float64Array, features: Float32Array, offset: number, output: number): number {
    let sum = weights[this.#columns.length * this.#outputs + output]!
    this.#columns.forEach((column, at) => {
      sum += features[offset + column]! * weights[at * this.#outputs + output]!
    })
    return sum
  }
}
