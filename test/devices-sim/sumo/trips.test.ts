import { expect, test } from 'vitest'
import { readTrips } from '../../../devices-sim/sumo/trips.ts'

const trip = (id: string, loss: number, wait: number, vaporized = '') =>
  `<tripinfo id="${id}" depart="1.00" departDelay="${wait}" waitingTime="4.00" waitingCount="2" timeLoss="${loss}" vaporized="${vaporized}"/>`

test('delay is lost time and wait at the entry over the whole demand', () => {
  const xml = `<tripinfos>\n${trip('a', 10, 2)}\n${trip('b', 20, 0, 'end')}\n</tripinfos>`
  const figures = readTrips(xml, [90], 100)
  expect(figures.delayS).toBeCloseTo((10 + 2 + 20 + 10) / 3)
  expect(figures).toMatchObject({
    demandVehicles: 3,
    finishedVehicles: 1,
    neverInsertedVehicles: 1,
    waitingS: 4,
    stops: 2,
  })
})

test('nobody at all costs nothing', () => {
  expect(readTrips('<tripinfos/>', [], 100).delayS).toBe(0)
})
