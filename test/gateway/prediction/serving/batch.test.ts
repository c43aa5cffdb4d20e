import { expect, test } from 'vitest'
import type { Dataset } from '../../../../gateway/evaluate/forecast/dataset.ts'
import { type NeighbourTable, replay } from '../../../../gateway/evaluate/forecast/replay.ts'
import { Book } from '../../../../gateway/prediction/online/book.ts'
import { createCalendar, slotsPerDay } from '../../../../gateway/prediction/online/calendar.ts'
import { featureCount } from '../../../../gateway/prediction/online/features.ts'
import { makeBatch } from '../../../../gateway/prediction/serving/batch.ts'
import { createRandom, minuteMs, mondayMs, poisson, reading, usualPerHour } from '../days.ts'

const stepMs = 5 * minuteMs
const rows = 2 * slotsPerDay + 40
const names = ['dl/1', 'dl/2', 'dl/3', 'dl/4', 'dl/5', 'dl/6']

function street(): Dataset {
  const random = createRandom(9)
  const values = Float32Array.from({ length: rows * names.length }, (_, at) => {
    const endMs = mondayMs + (Math.floor(at / names.length) + 1) * stepMs
    return poisson((usualPerHour(endMs) / 12) * (1 + (at % names.length) / 4), random)
  })
  return {
    name: 'street',
    quantity: 'vehiclesPer5Min',
    unit: 'vehicles',
    series: names,
    values,
    rows,
    testFrom: rows,
    slots: Uint16Array.from({ length: rows }, (_, row) => row % slotsPerDay),
    days: Uint8Array.from({ length: rows }, (_, row) => Math.floor(row / slotsPerDay)),
    protocol: 'single',
    trainSha256: '',
  }
}

/** The newest features of each series, as the evaluator makes them for a network. */
function evaluated(data: Dataset, neighbours: NeighbourTable | undefined): Float32Array {
  let newest = new Float32Array()
  for (const { features } of replay(data, rows, neighbours)) newest = features.slice()
  return newest
}

/** The same in a house that was told the same. */
function served(data: Dataset, neighbours: NeighbourTable | undefined): Float32Array {
  const calendar = createCalendar()
  const book = new Book(calendar, () => {})
  for (let row = 0; row < rows; row++)
    for (const [column, component] of names.entries()) {
      const vehicles = data.values[row * names.length + column]!
      const atMs = mondayMs + (row + 1) * stepMs
      book.observe(reading(atMs, vehicles, { component, windowMs: stepMs }))
    }
  const flows = names.map((name) => book.find('north/det-001', name, 'vehiclesPer5Min')!)
  const { features } = makeBatch(flows, {
    areaAt: (quantity, endMs) => book.areaAt(quantity, endMs),
    calendar,
    seenTo: -1,
    neighboursOf: (series) =>
      (neighbours?.[flows.indexOf(series)] ?? []).map((column) => flows[column]),
  })
  return features
}

function compare(neighbours: NeighbourTable | undefined): void {
  const data = street()
  const [house, evaluator] = [served(data, neighbours), evaluated(data, neighbours)]
  expect(house).toHaveLength(names.length * featureCount)
  house.forEach((value, at) => {
    if (Math.abs(value - evaluator[at]!) > 1e-5)
      expect.fail(
        `feature ${at % featureCount}: ${value} in the house, ${evaluator[at]} in training`,
      )
  })
}

test('where no neighbours are known the network is shown no area, as in training', () => {
  compare(undefined)
})

test('where neighbours are known it is shown them and the area they stand in, as in training', () => {
  const ring = names.map((_, column) => [(column + 1) % names.length, (column + 5) % names.length])
  compare(ring)
})
