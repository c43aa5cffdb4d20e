/**
 * Who comes, when, and where each turns: Poisson arrivals whose rate follows the hour of the day (UTC), with two
 * peaks of opposite direction, a weekend, days that are busier than others, and surges nobody planned for.
 *
 * All of it is drawn from the seed, entry by entry, and from nothing else: never from what the signals do.
 */
import { createRandom, exponential, normal, type Random } from '../random.ts'
import {
  type Approach,
  type Layout,
  laneFor,
  nextJunction,
  sideAfter,
  type Turn,
} from './layout.ts'

/** One stop line on the way. */
export interface Leg {
  readonly junction: number
  readonly lane: number
  readonly turn: Turn
}

export interface Arrival {
  /** When it wants to enter. */
  readonly atMs: number
  readonly legs: readonly Leg[]
  /** Its speed as a share of the limit. */
  readonly speedFactor: number
}

export interface Entry {
  readonly junction: number
  readonly approach: Approach
  /** The next arrival, without taking it. */
  peek(): Arrival
  take(): Arrival
}

const hourMs = 3_600_000
const dayMs = 24 * hourMs

/** Vehicles per hour of an average hour of the day (factor 1). */
const averagePerHour = { main: 430, cross: 210 }

/** Factor by hour of the day, linear between the hours. */
const profiles: Readonly<Record<'eastbound' | 'westbound' | 'cross', readonly number[]>> = {
  //          0    1    2    3    4    5    6    7     8    9    10   11   12   13   14   15   16    17   18    19   20   21   22   23
  eastbound: [
    0.15, 0.1, 0.08, 0.08, 0.15, 0.4, 0.9, 1.45, 1.5, 1.1, 0.95, 0.95, 1, 1, 1, 1.05, 1.1, 1.1, 1,
    0.8, 0.6, 0.5, 0.35, 0.25,
  ],
  westbound: [
    0.2, 0.12, 0.1, 0.08, 0.1, 0.25, 0.6, 0.95, 1, 0.9, 0.9, 0.95, 1.05, 1, 1, 1.15, 1.45, 1.55,
    1.35, 0.95, 0.75, 0.6, 0.45, 0.3,
  ],
  cross: [
    0.15, 0.1, 0.08, 0.08, 0.12, 0.3, 0.75, 1.35, 1.45, 1.05, 0.95, 1, 1.1, 1.1, 1.05, 1.15, 1.35,
    1.5, 1.25, 0.9, 0.7, 0.55, 0.4, 0.25,
  ],
}
const weekendFactor = 0.7
const daySpread = 0.1 // Standard deviation of how busy a day is, as a share.
const surgesPerDay = 2
const surge = { factorMin: 1.3, factorMax: 1.7, minutesMin: 10, minutesMax: 35 }
/** No rate is ever above this factor: the bound that thinning needs. */
const factorMax = 4

const turningShares: Readonly<Record<'main' | 'cross', readonly (readonly [Turn, number])[]>> = {
  main: [
    ['through', 0.79],
    ['left', 0.09],
    ['right', 0.12],
  ],
  cross: [
    ['through', 0.5],
    ['left', 0.22],
    ['right', 0.28],
  ],
}
const speedSpread = 0.07
const speedFactorMin = 0.82
const speedFactorMax = 1.15

export interface DemandOptions {
  readonly seed: number
  readonly startMs: number
  /** All rates times this. */
  readonly factor: number
}

/** The entries of the street in a fixed order. */
export function createDemand(layout: Layout, options: DemandOptions): readonly Entry[] {
  const entries: Entry[] = [createEntry(layout, 0, 'W', options)]
  entries.push(createEntry(layout, layout.junctions - 1, 'E', options))
  for (let junction = 0; junction < layout.junctions; junction++) {
    entries.push(createEntry(layout, junction, 'N', options))
    entries.push(createEntry(layout, junction, 'S', options))
  }
  return entries
}

function createEntry(
  layout: Layout,
  junction: number,
  approach: Approach,
  options: DemandOptions,
): Entry {
  const random = createRandom('entry', options.seed, junction, approach)
  const isCross = approach === 'N' || approach === 'S'
  const profile = isCross ? profiles.cross : profiles[approach === 'W' ? 'eastbound' : 'westbound']
  // Crossings differ: some of their cross streets carry half as much again as others.
  const size = isCross ? 0.75 + 0.5 * createRandom('size', options.seed, junction)() : 1
  const perHour = (isCross ? averagePerHour.cross : averagePerHour.main) * size * options.factor
  const ratePerMs = perHour / hourMs
  const factorAt = createDayFactors(options.seed, `${junction}${approach}`, profile)
  let atMs = options.startMs

  function draw(): Arrival {
    // Thinning: candidates at the highest rate, each kept with the share its moment has of it.
    do atMs += exponential(random, 1 / (ratePerMs * factorMax))
    while (random() * factorMax > factorAt(atMs))
    const speedFactor = 1 + speedSpread * normal(random)
    return {
      atMs: Math.round(atMs),
      legs: drawLegs(layout, junction, approach, random),
      speedFactor: Math.min(speedFactorMax, Math.max(speedFactorMin, speedFactor)),
    }
  }

  let next: Arrival | undefined
  const peek = () => {
    next ??= draw()
    return next
  }
  return {
    junction,
    approach,
    peek,
    take() {
      const taken = peek()
      next = undefined
      return taken
    },
  }
}

/** How busy a moment is against the average hour, days and surges included. */
function createDayFactors(
  seed: number,
  entry: string,
  profile: readonly number[],
): (atMs: number) => number {
  interface Day {
    readonly index: number
    readonly factor: number
    readonly surges: readonly { fromMs: number; toMs: number; factor: number }[]
  }
  let today: Day | undefined

  function dayOf(index: number): Day {
    if (today?.index === index) return today
    const random = createRandom('day', seed, entry, index)
    const busy = createRandom('busy', seed, index) // The whole town has busy days.
    const isWeekend = (index + 4) % 7 === 6 || (index + 4) % 7 === 0 // Day 0 was a Thursday.
    const surges = []
    for (let i = 0; i < surgesPerDay; i++) {
      if (random() < 0.5) continue
      const fromMs = index * dayMs + (6 + 14 * random()) * hourMs
      const minutes = surge.minutesMin + (surge.minutesMax - surge.minutesMin) * random()
      const factor = surge.factorMin + (surge.factorMax - surge.factorMin) * random()
      surges.push({ fromMs, toMs: fromMs + minutes * 60_000, factor })
    }
    const spread = (normal(busy) + 0.5 * normal(random)) * daySpread
    const factor = Math.max(0.5, 1 + spread) * (isWeekend ? weekendFactor : 1)
    today = { index, factor, surges }
    return today
  }

  return (atMs) => {
    const day = dayOf(Math.floor(atMs / dayMs))
    const hour = (atMs % dayMs) / hourMs
    const from = Math.floor(hour)
    const share = hour - from
    let factor = (profile[from] ?? 0) * (1 - share) + (profile[(from + 1) % 24] ?? 0) * share
    for (const each of day.surges) {
      if (atMs >= each.fromMs && atMs < each.toMs) factor *= each.factor
    }
    return Math.min(factorMax, factor * day.factor)
  }
}

function drawLegs(layout: Layout, junction: number, approach: Approach, random: Random): Leg[] {
  const legs: Leg[] = []
  let at: number | undefined = junction
  let side = approach
  while (at !== undefined) {
    const turn = drawTurn(side === 'N' || side === 'S' ? 'cross' : 'main', random)
    legs.push({ junction: at, lane: laneFor(side, turn), turn })
    side = sideAfter(side, turn)
    at = side === 'W' || side === 'E' ? nextJunction(layout, at, side) : undefined
  }
  return legs
}

function drawTurn(street: 'main' | 'cross', random: Random): Turn {
  let left = random()
  for (const [turn, share] of turningShares[street]) {
    left -= share
    if (left < 0) return turn
  }
  return 'through'
}
