/**
 * What the detectors on the approaches show: a lane-area sensor of 200 m over joined lanes and a loop at each
 * stop line, emulated from the positions SUMO reports with every step.
 *
 * - A vehicle is seen from 200 m before the stop line, through unsignalised joints, up to the next light upstream.
 * - Where the road ahead parts, the sensor does not know the lane a vehicle will take: it assigns each newcomer to
 *   a lane so that the shares follow those it has seen before, and corrects itself when the vehicle takes its lane.
 * - Who cannot enter because the queue fills the range counts for the lanes that road leads to (outside.ts).
 * - Nothing else of the simulation is passed on: no destinations, no turning, nobody out of range.
 */

import { createOutside } from './outside.ts'
import { rangeM } from './program.ts'
import type { LaneRoad, Site } from './site.ts'

export interface SeenVehicle {
  readonly laneId: string
  readonly positionM: number
  readonly speedMps: number
}

export interface LaneReading {
  queueVehicles: number
  queueMeters: number
  approachingVehicles: number
  passedVehicles: number
  /** Seconds each moving vehicle needs to the stop line at least, nearest first, none before the one ahead. */
  arrivalsS: number[]
  rangeMeters: number
  /** Who waits outside the network to come this way. */
  blockedVehicles: number
  /** What the loop at the stop line felt in this step. */
  loop: { vehicles: number; occupiedMs: number; speedSumKmh: number }
}

/** SUMO's own threshold for halting at lane-area detectors: 5 km/h. */
const haltingBelowMps = 1.39
/** A comfortable start, for the time a slow vehicle still needs to the line. */
const accelerationMps2 = 2.6
/** Weight of the past in the learned shares: about the last fifty vehicles of a road piece. */
const shareMemory = 0.98
const vehicleSpaceM = 7
/** Closest headway on one lane. */
const followingS = 1
const arrivalsMax = 64
/** A queue over so much of the range leaves no room to enter. */
const fullShare = 0.8
/** The loop reaches this far back from the stop line. */
const loopM = 2
const nowhere = ''

interface Place {
  readonly lane: string
  /** From the end of this road piece to the stop line. */
  readonly restM: number
}

export interface Approaches {
  /** Forgets the crossings counted so far. */
  clearCounts(): void
  /** Places every vehicle anew and adds the crossings since the last time. */
  observe(vehicles: ReadonlyMap<string, SeenVehicle>): void
  /** Who waits outside, and at which edge; after `observe`. */
  observeOutside(entries: ReadonlyMap<string, string>): void
  reading(lane: string): LaneReading
}

/** Lane names here are `site index|component`, unique over the network. */
export function createApproaches(
  sites: readonly Site[],
  roads: ReadonlyMap<string, LaneRoad>,
  stepMs = 1000,
): Approaches {
  const places = coverRoads(sites, roads)
  const leaking = findLeaks(sites, roads, places)
  const ends = new Map<string, string>()
  sites.forEach((site, index) => {
    for (const [lane, id] of site.laneIds) ends.set(id, `${index}|${lane}`)
  })
  const crossings = new Map<string, string>()
  sites.forEach((site, index) => {
    for (const [lane, id] of site.laneIds) {
      for (const { via } of roads.get(id)?.links ?? [])
        if (via !== '') crossings.set(via, `${index}|${lane}`)
    }
  })
  const rangeOf = new Map<string, number>()
  for (const [id, list] of places) {
    for (const { lane, restM } of list) {
      const reach = Math.min(rangeM, restM + (roads.get(id)?.lengthM ?? 0))
      rangeOf.set(lane, Math.max(rangeOf.get(lane) ?? 0, reach))
    }
  }
  const outside = createOutside(ends, roads)
  const readings = new Map<string, LaneReading>()
  for (const lane of ends.values()) readings.set(lane, emptyReading(rangeOf.get(lane) ?? rangeM))

  /** Per parting road piece: how many took which lane lately, and how many were sent there by assignment. */
  const shares = new Map<string, Map<string, { seen: number; assigned: number }>>()
  /** Per vehicle: the piece it was assigned on and the lane chosen. */
  const assigned = new Map<string, { piece: string; lane: string }>()
  let before: ReadonlyMap<string, SeenVehicle> = new Map()

  function sharesOf(piece: string, list: readonly Place[]) {
    let own = shares.get(piece)
    if (own === undefined) {
      own = new Map(list.map(({ lane }) => [lane, { seen: 1, assigned: 0 }]))
      if (leaking.has(piece)) own.set(nowhere, { seen: 1, assigned: 0 })
      shares.set(piece, own)
    }
    return own
  }

  function choose(id: string, piece: string, list: readonly Place[]): Place | undefined {
    const known = assigned.get(id)
    const kept = known && list.find(({ lane }) => lane === known.lane)
    if (kept !== undefined) return kept
    if (known?.lane === nowhere && known.piece === piece) return undefined
    const own = sharesOf(piece, list)
    const total = [...own.values()].reduce((sum, each) => sum + each.seen, 0)
    const count = [...own.values()].reduce((sum, each) => sum + each.assigned, 0)
    let best: string | undefined
    let bestLack = -Infinity
    for (const [lane, each] of own) {
      const lack = (each.seen / total) * (count + 1) - each.assigned
      if (lack > bestLack) {
        best = lane
        bestLack = lack
      }
    }
    const chosen = list.find(({ lane }) => lane === best)
    const entry = own.get(best ?? nowhere)
    if (entry !== undefined) entry.assigned += 1
    assigned.set(id, { piece, lane: chosen?.lane ?? nowhere })
    return chosen
  }

  /** A vehicle that reached an unambiguous piece teaches the piece it was guessed on. */
  function learn(id: string, lane: string): void {
    const known = assigned.get(id)
    if (known === undefined) return
    assigned.delete(id)
    const own = shares.get(known.piece)
    if (own === undefined) return
    for (const each of own.values()) {
      each.seen *= shareMemory
      each.assigned *= shareMemory
    }
    const entry = own.get(lane) ?? { seen: 0, assigned: 0 }
    entry.seen += 1
    own.set(lane, entry)
  }

  /** The stop line between two places a step apart; a short lane may have been jumped over. */
  function crossedLane(from: string, to: string): string | undefined {
    const onto = crossings.get(to)
    if (onto !== undefined) return onto
    const end = ends.get(from)
    if (end !== undefined) return isBeside(from, to) ? undefined : end
    const ahead = places.get(from)
    if (ahead?.length !== 1 || places.has(to) || crossings.has(from)) return undefined
    return ahead[0]?.lane
  }

  return {
    clearCounts() {
      for (const reading of readings.values()) {
        reading.passedVehicles = 0
        reading.loop = { vehicles: 0, occupiedMs: 0, speedSumKmh: 0 }
      }
    },
    observe(vehicles) {
      for (const reading of readings.values()) clear(reading)
      const inRange: InRange[] = []
      for (const [id, vehicle] of vehicles) {
        const last = before.get(id)
        if (last !== undefined && last.laneId !== vehicle.laneId) {
          const crossed = readings.get(crossedLane(last.laneId, vehicle.laneId) ?? nowhere)
          if (crossed !== undefined) crossLoop(crossed, vehicle.speedMps, stepMs)
        }
        const list = places.get(vehicle.laneId)
        if (list === undefined) {
          if (assigned.has(id)) learn(id, nowhere)
          continue
        }
        const road = roads.get(vehicle.laneId)
        const aheadM = (road?.lengthM ?? 0) - vehicle.positionM
        const [only] = list
        const isSure = list.length === 1 && !leaking.has(vehicle.laneId)
        const place = isSure ? only : choose(id, vehicle.laneId, list)
        if (isSure && only !== undefined) learn(id, only.lane)
        if (place === undefined || place.restM + aheadM > rangeM) continue
        const reading = readings.get(place.lane)
        if (reading === undefined) continue
        note(reading, place.restM + aheadM, vehicle.speedMps, stepMs)
        inRange.push({ reading, distanceM: place.restM + aheadM, vehicle, road })
      }
      fillArrivals(inRange)
      for (const id of assigned.keys()) if (!vehicles.has(id)) assigned.delete(id)
      before = vehicles
    },
    observeOutside(entries) {
      for (const reading of readings.values()) reading.blockedVehicles = 0
      for (const [lane, { vehicles, roadM }] of outside.share(entries)) {
        const reading = readings.get(lane)
        if (reading === undefined) continue
        // Somebody who waits for a gap in moving traffic is not blocked.
        const fullM = fullShare * Math.min(reading.rangeMeters, roadM)
        const standingM = reading.queueVehicles * vehicleSpaceM
        if (standingM >= fullM) reading.blockedVehicles = vehicles
      }
    },
    reading(lane) {
      return readings.get(lane) ?? emptyReading(rangeM)
    },
  }
}

/** Every road piece (internal ones too) with the stop lines it leads to within range. */
function coverRoads(
  sites: readonly Site[],
  roads: ReadonlyMap<string, LaneRoad>,
): Map<string, Place[]> {
  const feeders = new Map<string, { from: string; via: string; lengthM: number }[]>()
  for (const road of roads.values()) {
    if (road.id.startsWith(':')) continue
    for (const { to, via, lengthM } of road.links) {
      const list = feeders.get(to) ?? []
      list.push({ from: road.id, via, lengthM })
      feeders.set(to, list)
    }
  }
  const signalled = new Set(sites.flatMap((site) => [...site.laneIds.values()]))
  const places = new Map<string, Place[]>()
  const add = (id: string, place: Place) => {
    const list = places.get(id) ?? []
    if (list.some(({ lane }) => lane === place.lane)) return false
    list.push(place)
    places.set(id, list)
    return true
  }
  const cover = (id: string, place: Place) => {
    if (!add(id, place)) return
    const restM = place.restM + (roads.get(id)?.lengthM ?? 0)
    if (restM >= rangeM) return
    for (const { from, via, lengthM } of feeders.get(id) ?? []) {
      if (signalled.has(from)) {
        // The crossing upstream belongs to its own junction, but who is on it is on the way here.
        if (via !== '') add(via, { lane: place.lane, restM })
        continue
      }
      if (via !== '') add(via, { lane: place.lane, restM })
      cover(from, { lane: place.lane, restM: restM + lengthM })
    }
  }
  sites.forEach((site, index) => {
    for (const [lane, id] of site.laneIds) cover(id, { lane: `${index}|${lane}`, restM: 0 })
  })
  return places
}

/** Road pieces from which a vehicle may also turn off before it reaches any of the stop lines. */
function findLeaks(
  sites: readonly Site[],
  roads: ReadonlyMap<string, LaneRoad>,
  places: ReadonlyMap<string, readonly Place[]>,
): ReadonlySet<string> {
  const signalled = new Set(sites.flatMap((site) => [...site.laneIds.values()]))
  const leaking = new Set<string>()
  let size = -1
  while (size !== leaking.size) {
    size = leaking.size
    for (const id of places.keys()) {
      const links = roads.get(id)?.links ?? []
      if (signalled.has(id)) continue
      if (links.some(({ to }) => leaking.has(to) || !places.has(to))) leaking.add(id)
    }
    for (const road of roads.values()) {
      for (const { to, via } of road.links) if (leaking.has(to) && places.has(via)) leaking.add(via)
    }
  }
  return leaking
}

interface InRange {
  readonly reading: LaneReading
  readonly distanceM: number
  readonly vehicle: SeenVehicle
  readonly road: LaneRoad | undefined
}

function note(reading: LaneReading, distanceM: number, speedMps: number, stepMs: number): void {
  if (speedMps < haltingBelowMps) {
    reading.queueVehicles += 1
    reading.queueMeters = Math.max(reading.queueMeters, Math.round(distanceM + vehicleSpaceM))
  } else {
    reading.approachingVehicles += 1
  }
  if (distanceM < loopM) occupyLoop(reading, stepMs)
}

function crossLoop(reading: LaneReading, speedMps: number, stepMs: number): void {
  reading.passedVehicles += 1
  reading.loop.vehicles += 1
  reading.loop.speedSumKmh += speedMps * 3.6
  const overS = (loopM + vehicleSpaceM) / Math.max(speedMps, haltingBelowMps)
  occupyLoop(reading, Math.min(stepMs, overS * 1000))
}

/** Several steps of SUMO may make one of the street's, which lasts a second. */
function occupyLoop(reading: LaneReading, ms: number): void {
  reading.loop.occupiedMs = Math.min(1000, reading.loop.occupiedMs + ms)
}

/** Nobody overtakes: neither on the lane nor on the road piece that several lanes share. */
function fillArrivals(inRange: InRange[]): void {
  inRange.sort((a, b) => a.distanceM - b.distanceM)
  const lastOnPiece = new Map<string, number>()
  const lastOfLane = new Map<LaneReading, number>()
  for (const { reading, distanceM, vehicle, road } of inRange) {
    const top = Math.max(vehicle.speedMps, road?.speedMaxMps ?? vehicle.speedMps)
    const freeS = runS(distanceM, vehicle.speedMps, top)
    const aheadS = Math.max(
      (lastOfLane.get(reading) ?? -Infinity) + followingS,
      lastOnPiece.get(vehicle.laneId) ?? 0,
    )
    const arrivalS = Math.max(freeS, aheadS)
    lastOfLane.set(reading, arrivalS)
    lastOnPiece.set(vehicle.laneId, arrivalS)
    if (vehicle.speedMps < haltingBelowMps || reading.arrivalsS.length >= arrivalsMax) continue
    reading.arrivalsS.push(Math.round(arrivalS * 10) / 10)
  }
}

/** Time over a distance from this speed, speeding up to the limit. */
function runS(distanceM: number, speedMps: number, topMps: number): number {
  const upS = (topMps - speedMps) / accelerationMps2
  const upM = ((speedMps + topMps) / 2) * upS
  if (upM <= distanceM) return upS + (distanceM - upM) / topMps
  return (
    (Math.sqrt(speedMps * speedMps + 2 * accelerationMps2 * distanceM) - speedMps) /
    accelerationMps2
  )
}

/** Two lanes of one edge: a change of lane, not a crossing. */
function isBeside(a: string, b: string): boolean {
  return a.slice(0, a.lastIndexOf('_')) === b.slice(0, b.lastIndexOf('_'))
}

function emptyReading(range: number): LaneReading {
  return {
    queueVehicles: 0,
    queueMeters: 0,
    approachingVehicles: 0,
    passedVehicles: 0,
    arrivalsS: [],
    rangeMeters: Math.round(range),
    blockedVehicles: 0,
    loop: { vehicles: 0, occupiedMs: 0, speedSumKmh: 0 },
  }
}

function clear(reading: LaneReading): void {
  reading.queueVehicles = 0
  reading.queueMeters = 0
  reading.approachingVehicles = 0
  reading.arrivalsS = []
}
