/**
 * One approach lane: vehicles on their way to the stop line, in the order they will reach it, and how they leave.
 *
 *   outside ──▶ |──── driving ────▶ standing | stop line ──▶ next lane or away
 *
 * - `readyAtMs` is when a vehicle would reach the stop line alone on the road; what it waits beyond that is delay.
 * - Standing vehicles leave at saturation flow after a start-up loss; the lane holds a finite number, and who finds
 *   the next lane full blocks those behind.
 */
import type { LampState, LaneState, LoopStep } from '../world.ts'
import type { Arrival, Leg } from './demand.ts'
import { sensorRangeM, speedLimitKmh, vehicleSpaceM } from './layout.ts'

export interface Vehicle {
  readonly arrival: Arrival
  legIndex: number
  readyAtMs: number
}

export interface Departure {
  readonly vehicle: Vehicle
  readonly atMs: number
  readonly delayMs: number
}

export interface Lane {
  readonly junction: number
  readonly number: number
  readonly lengthM: number
  hasSpace(): boolean
  /** A vehicle reaches the upstream end. */
  enter(vehicle: Vehicle, atMs: number): void
  show(lamp: LampState, atMs: number): void
  /** Lets vehicles over the stop line from `fromMs` to `toMs`. `mayEnter` asks whether the next lane has space. */
  discharge(
    fromMs: number,
    toMs: number,
    mayEnter: (leg: Leg) => boolean,
    depart: (departure: Departure) => void,
  ): void
  /** Delay so far of those on the lane. */
  delayMs(nowMs: number): number
  state(nowMs: number, outsideVehicles: number): LaneState
  loop(stepMs: number): LoopStep
}

const saturationHeadwayMs = 2_000 // 1,800 vehicles an hour.
const startUpLossMs = 2_000
/** The first part of yellow is still driven. */
const yellowDrivenMs = 2_000
/** Without lamps everybody gives way to everybody. */
const giveWayHeadwayMs = 5_000
const turnHeadway = { through: 1, right: 1.12, left: 1.05 }
/** Left turns of a lane that all turns share wait for a gap. */
const gapHeadway = 1.9
const startingSpeedKmh = 25
const loopAndVehicleM = 7

export function createLane(junction: number, number: number, lengthM: number): Lane {
  const vehicles: Vehicle[] = []
  const capacity = Math.floor(lengthM / vehicleSpaceM)
  const isShared = number >= 5
  let lamp: LampState = 'r'
  let lampSinceMs = 0
  let nextFreeAtMs = 0
  let passed = 0
  let occupiedMs = 0
  let speedSumKmh = 0

  /** Until when, in this step, vehicles may cross. */
  function openUntilMs(toMs: number): number {
    if (lamp === 'G' || lamp === 'g' || lamp === 'O') return toMs
    return lamp === 'y' ? Math.min(toMs, lampSinceMs + yellowDrivenMs) : 0
  }

  function headwayMs(leg: Leg): number {
    if (lamp === 'O') return giveWayHeadwayMs
    const factor = isShared && leg.turn === 'left' ? gapHeadway : turnHeadway[leg.turn]
    return saturationHeadwayMs * factor
  }

  function cross(vehicle: Vehicle, atMs: number): void {
    const hasWaited = atMs - vehicle.readyAtMs > 1_000
    const speedKmh = (hasWaited ? startingSpeedKmh : speedLimitKmh) * vehicle.arrival.speedFactor
    passed += 1
    speedSumKmh += speedKmh
    occupiedMs += (loopAndVehicleM / (speedKmh / 3.6)) * 1_000
  }

  return {
    junction,
    number,
    lengthM,
    hasSpace: () => vehicles.length < capacity,
    enter(vehicle, atMs) {
      const metresPerMs = (speedLimitKmh * vehicle.arrival.speedFactor) / 3_600
      vehicle.readyAtMs = atMs + lengthM / metresPerMs
      let place = vehicles.length
      while (place > 0 && (vehicles[place - 1]?.readyAtMs ?? 0) > vehicle.readyAtMs) place -= 1
      vehicles.splice(place, 0, vehicle)
    },
    show(shown, atMs) {
      const wasOpen = lamp === 'G' || lamp === 'g'
      const isOpen = shown === 'G' || shown === 'g'
      if (isOpen && !wasOpen) {
        const isSomebodyWaiting = (vehicles[0]?.readyAtMs ?? Number.POSITIVE_INFINITY) <= atMs
        nextFreeAtMs = Math.max(nextFreeAtMs, atMs + (isSomebodyWaiting ? startUpLossMs : 0))
      }
      if (shown !== lamp) lampSinceMs = atMs
      lamp = shown
    },
    discharge(fromMs, toMs, mayEnter, depart) {
      passed = 0
      occupiedMs = 0
      speedSumKmh = 0
      let standsSinceMs = fromMs
      const untilMs = openUntilMs(toMs)
      for (let head = vehicles[0]; head; head = vehicles[0]) {
        const atMs = Math.max(head.readyAtMs, nextFreeAtMs, fromMs)
        if (atMs >= untilMs) break
        const leg = head.arrival.legs[head.legIndex] as Leg
        const next = head.arrival.legs[head.legIndex + 1]
        if (next && !mayEnter(next)) {
          nextFreeAtMs = toMs + startUpLossMs // Stands at the stop line until there is space.
          break
        }
        vehicles.shift()
        occupiedMs += Math.max(0, atMs - Math.max(standsSinceMs, head.readyAtMs))
        standsSinceMs = atMs
        cross(head, atMs)
        nextFreeAtMs = atMs + headwayMs(leg)
        depart({ vehicle: head, atMs, delayMs: atMs - head.readyAtMs })
      }
      const waiting = vehicles[0]
      if (waiting && waiting.readyAtMs < toMs) {
        occupiedMs += toMs - Math.max(standsSinceMs, waiting.readyAtMs)
      }
    },
    delayMs(nowMs) {
      let sumMs = 0
      for (const vehicle of vehicles) sumMs += Math.max(0, nowMs - vehicle.readyAtMs)
      return sumMs
    },
    state(nowMs, outsideVehicles) {
      const rangeM = Math.min(sensorRangeM, lengthM)
      const visibleMax = Math.floor(rangeM / vehicleSpaceM)
      let standing = 0
      const arrivalsS: number[] = []
      for (const vehicle of vehicles) {
        const aheadMs = Math.max(0, vehicle.readyAtMs - nowMs)
        const distanceM = (aheadMs * speedLimitKmh * vehicle.arrival.speedFactor) / 3_600
        if (distanceM <= standing * vehicleSpaceM) standing += 1
        else if (distanceM <= rangeM) arrivalsS.push(Math.round(aheadMs / 100) / 10)
      }
      const queueVehicles = Math.min(standing, visibleMax)
      const hidden = standing - queueVehicles
      return {
        queueVehicles,
        queueMeters: queueVehicles * vehicleSpaceM,
        approachingVehicles: arrivalsS.length,
        passedVehicles: passed,
        arrivalsS,
        rangeMeters: rangeM,
        blockedVehicles: hidden > 0 || outsideVehicles > 0 ? hidden + outsideVehicles : 0,
      }
    },
    loop(stepMs) {
      return { vehicles: passed, occupiedMs: Math.min(stepMs, occupiedMs), speedSumKmh }
    },
  }
}
