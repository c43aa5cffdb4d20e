import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { areaOf } from '../../../gateway/prediction/online/area.ts'
import { dayTypeOf, slotsPerDay, steadyAhead } from '../../../gateway/prediction/online/calendar.ts'
import { featureCount, writeFeatures } from '../../../gateway/prediction/online/features.ts'
import { SeriesState } from '../../../gateway/prediction/online/series-state.ts'

interface Vector {
  readonly firstDayOfWeek: number
  readonly values: readonly (readonly (number | null)[])[]
  readonly neighbours: readonly (readonly number[])[]
  readonly checks: readonly {
    readonly row: number
    readonly features: readonly (readonly number[])[]
    readonly scale: readonly number[]
  }[]
}

const vector: Vector = JSON.parse(
  readFileSync(join(import.meta.dirname, 'features.vector.json'), 'utf8'),
)

test('the house and the training script see the same numbers, gaps and first day included', () => {
  const states = vector.neighbours.map(() => new SeriesState())
  let checked = 0
  vector.values.forEach((row, index) => {
    const slot = index % slotsPerDay
    const dayOfWeek = (vector.firstDayOfWeek + Math.floor(index / slotsPerDay)) % 7
    states.forEach((state, column) => {
      state.update(row[column] ?? Number.NaN, slot, dayTypeOf(dayOfWeek))
    })
    const check = vector.checks.find((one) => one.row === index)
    if (!check) return
    const area = areaOf(states)
    states.forEach((state, column) => {
      const features = new Float32Array(featureCount)
      const ahead = steadyAhead(slot, dayOfWeek)
      const neighbours = vector.neighbours[column]!.map((at) => states[at])
      writeFeatures(features, 0, state, { ahead, neighbours, area })
      expect(Math.abs(state.scale - check.scale[column]!)).toBeLessThan(1e-3)
      features.forEach((value, at) => {
        const expected = check.features[column]![at]!
        if (Math.abs(value - expected) > 2e-4)
          expect.fail(`row ${index} series ${column} feature ${at}: ${value}, wanted ${expected}`)
        checked += 1
      })
    })
  })
  expect(checked).toBe(vector.checks.length * states.length * featureCount)
})
