/**
 * The built-in world: a street of a few junctions, moved on step by step.
 *
 * Vehicles are single records, so delay is exact: what each waits at stop lines, behind others and before it can
 * enter at all. Demand is a function of the seed (demand.ts); lamps only decide who waits.
 */
import type { LampState, Lamps, SensorReading, StreetFigures, World } from '../world.ts'
import { createDemand, type Entry, type Leg } from './demand.ts'
import { createLane, type Departure, type Lane, type Vehicle } from './lane.ts'
import {
  controllerNode,
  detectorNode,
  junctionDocument,
  type Layout,
  laneLengthM,
  laneNumbers,
} from './layout.ts'

export interface StreetOptions {
  readonly layout: Layout
  readonly seed: number
  readonly startMs: number
  /** All arrival rates times this. */
  readonly demandFactor: number
}

/** Vehicles that wait before an entry, by the lane they want. */
interface Gate {
  readonly entry: Entry
  readonly waiting: Vehicle[]
}

export function createStreet(options: StreetOptions): World {
  const { layout } = options
  const indexes = Array.from({ length: layout.junctions }, (_, index) => index)
  const lanes: readonly (readonly Lane[])[] = indexes.map((junction) =>
    laneNumbers.map((number) =>
      createLane(junction, number, laneLengthM(layout, junction, number)),
    ),
  )
  const gates: readonly Gate[] = createDemand(layout, {
    seed: options.seed,
    startMs: options.startMs,
    factor: options.demandFactor,
  }).map((entry) => ({ entry, waiting: [] }))
  const indexOfNode = new Map<string, number>(
    indexes.flatMap((index) => [
      [controllerNode(layout.zone, index), index],
      [detectorNode(layout.zone, index), index],
    ]),
  )
  const allLanes = lanes.flat()
  let nowMs = options.startMs
  let lastStepMs = 1_000
  let demandVehicles = 0
  let enteredVehicles = 0
  let arrivedVehicles = 0
  let endedDelayMs = 0
  let stops = 0

  const laneOf = (leg: Leg) => lanes[leg.junction]?.[leg.lane - 1] as Lane
  const legOf = (vehicle: Vehicle) => vehicle.arrival.legs[vehicle.legIndex] as Leg

  /** Those who want to enter before `toMs` come to their gate and, while there is space, in. */
  function admit({ entry, waiting }: Gate, toMs: number): void {
    while (entry.peek().atMs < toMs) {
      demandVehicles += 1
      waiting.push({ arrival: entry.take(), legIndex: 0, readyAtMs: 0 })
    }
    for (let first = waiting[0]; first; first = waiting[0]) {
      const lane = laneOf(legOf(first))
      if (!lane.hasSpace()) break // One road: who cannot enter holds up those behind.
      waiting.shift()
      enteredVehicles += 1
      const atMs = Math.max(first.arrival.atMs, nowMs)
      endedDelayMs += atMs - first.arrival.atMs
      lane.enter(first, atMs)
    }
  }

  function depart({ vehicle, atMs, delayMs }: Departure): void {
    endedDelayMs += delayMs
    if (delayMs > 1_000) stops += 1
    vehicle.legIndex += 1
    if (vehicle.legIndex < vehicle.arrival.legs.length) laneOf(legOf(vehicle)).enter(vehicle, atMs)
    else arrivedVehicles += 1
  }

  function outsideOf(lane: Lane): number {
    let count = 0
    for (const { waiting } of gates) {
      for (const vehicle of waiting) if (laneOf(legOf(vehicle)) === lane) count += 1
    }
    return count
  }

  function figures(): StreetFigures {
    let delayMs = endedDelayMs
    for (const lane of allLanes) delayMs += lane.delayMs(nowMs)
    for (const { waiting } of gates) {
      for (const vehicle of waiting) delayMs += Math.max(0, nowMs - vehicle.arrival.atMs)
    }
    const delayS = delayMs / 1_000
    return { demandVehicles, enteredVehicles, arrivedVehicles, delayS, waitingS: delayS, stops }
  }

  return {
    junctions: indexes.map((index) => junctionDocument(layout, index)),
    sensors: indexes.map((index) => ({
      node: detectorNode(layout.zone, index),
      lanes: laneNumbers.map((number) => `ln/${number}`),
      detectors: laneNumbers.map((number) => `dl/${number}`),
    })),
    nowMs: () => nowMs,
    showLamps(node: string, lamps: Lamps) {
      for (const lane of lanes[indexOfNode.get(node) ?? -1] ?? []) {
        lane.show((lamps[`sg/${lane.number}`] ?? 'r') as LampState, nowMs)
      }
    },
    step(stepMs) {
      const toMs = nowMs + stepMs
      for (const gate of gates) admit(gate, toMs)
      for (const lane of allLanes) {
        lane.discharge(nowMs, toMs, (leg) => laneOf(leg).hasSpace(), depart)
      }
      nowMs = toMs
      lastStepMs = stepMs
    },
    readSensor(node): SensorReading {
      const of = lanes[indexOfNode.get(node) ?? -1] ?? []
      return {
        lanes: Object.fromEntries(
          of.map((lane) => [`ln/${lane.number}`, lane.state(nowMs, outsideOf(lane))]),
        ),
        detectors: Object.fromEntries(
          of.map((lane) => [`dl/${lane.number}`, lane.loop(lastStepMs)]),
        ),
      }
    },
    figures,
    hasEnded: () => false,
    close: async () => figures(),
  }
}
