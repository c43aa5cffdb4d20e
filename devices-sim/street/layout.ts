/**
 * The built-in street: junctions in a row on a main street, each with a cross street. Its junction documents, its
 * lanes and which lane leads where.
 *
 *            N              N              N
 *            │              │              │
 *   W ═══ junction 1 ═══ junction 2 ═══ junction 3 ═══ E
 *            │              │              │
 *            S              S              S
 *
 *   approach W: ln/1 through and right (sg/1), ln/2 left (sg/2)     stage 1: sg/1 sg/3
 *   approach E: ln/3 through and right (sg/3), ln/4 left (sg/4)     stage 2: sg/2 sg/4
 *   approach N: ln/5 all turns (sg/5)   approach S: ln/6 (sg/6)     stage 3: sg/5 sg/6, their lefts give way
 */
import type { Junction } from '../../schemas/generated/messages.ts'
import { parseNodeId } from '../../schemas/ids.ts'

export type Approach = 'W' | 'E' | 'N' | 'S'
export type Turn = 'through' | 'left' | 'right'

export const laneNumbers = [1, 2, 3, 4, 5, 6] as const

export interface Layout {
  readonly zone: string
  readonly junctions: number
  /** Stop line to stop line on the main street, per link; the last figure repeats. */
  readonly linkM: readonly number[]
  /** Length of the approaches at the edge of the street. */
  readonly entryM: number
}

export const speedLimitKmh = 50
/** How far upstream the lane sensors see. */
export const sensorRangeM = 200
/** A standing vehicle with the gap before it. */
export const vehicleSpaceM = 7

export const controllerNode = (zone: string, index: number) =>
  parseNodeId(`${zone}/tlc-${String(index + 1).padStart(3, '0')}`)
export const detectorNode = (zone: string, index: number) =>
  parseNodeId(`${zone}/det-${String(index + 1).padStart(3, '0')}`)

/** Lane of an approach for a turn. */
export function laneFor(approach: Approach, turn: Turn): number {
  if (approach === 'W') return turn === 'left' ? 2 : 1
  if (approach === 'E') return turn === 'left' ? 4 : 3
  return approach === 'N' ? 5 : 6
}

const after: Readonly<Record<Approach, Readonly<Record<Turn, Approach>>>> = {
  // Coming from the west one heads east, and so reaches the next junction from its west.
  W: { through: 'W', left: 'S', right: 'N' },
  E: { through: 'E', left: 'N', right: 'S' },
  N: { through: 'N', left: 'W', right: 'E' },
  S: { through: 'S', left: 'E', right: 'W' },
}

/** From which side one comes next after the turn; N and S have left the street. */
export function sideAfter(approach: Approach, turn: Turn): Approach {
  return after[approach][turn]
}

/** Index of the next junction on the main street, or undefined where the street ends. */
export function nextJunction(layout: Layout, index: number, side: Approach): number | undefined {
  const next = side === 'W' ? index + 1 : side === 'E' ? index - 1 : -1
  return next >= 0 && next < layout.junctions ? next : undefined
}

/** Length of the lane's road upstream of its stop line. */
export function laneLengthM(layout: Layout, index: number, lane: number): number {
  const link = lane <= 2 ? index - 1 : lane <= 4 ? index : -1
  if (link < 0 || link >= layout.junctions - 1) return layout.entryM
  return layout.linkM[Math.min(link, layout.linkM.length - 1)] ?? layout.entryM
}

const groupOfLane = (lane: number) => `sg/${lane}`
const lanesOfCross = [5, 6]
const minGreenS = { main: 8, left: 5, cross: 6 }
const yellowS = 3
const redYellowS = 1
const maxRedS = 150

export function junctionDocument(layout: Layout, index: number): Junction {
  const conflicts = conflictPairs()
  const node = controllerNode(layout.zone, index)
  const sensorNode = detectorNode(layout.zone, index)
  return {
    node,
    name: `Main street, crossing ${index + 1}`,
    groups: Object.fromEntries(
      laneNumbers.map((lane) => [
        groupOfLane(lane),
        { minGreenS: minGreenOf(lane), yellowS, redYellowS, maxRedS, kind: 'vehicle' as const },
      ]),
    ),
    conflicts: conflicts.map(([a, b]) => [groupOfLane(a), groupOfLane(b)]),
    intergreensS: conflicts.flatMap(([a, b]) => [
      { from: groupOfLane(a), to: groupOfLane(b), s: intergreenS(a) },
      { from: groupOfLane(b), to: groupOfLane(a), s: intergreenS(b) },
    ]),
    stages: {
      '1': { green: ['sg/1', 'sg/3'], permissive: [] },
      '2': { green: ['sg/2', 'sg/4'], permissive: [] },
      '3': { green: ['sg/5', 'sg/6'], permissive: [] },
    },
    cycleS: { min: 40, max: 120 },
    plans: plansOf(layout, index),
    localPlan: 1,
    lanes: Object.fromEntries(
      laneNumbers.map((lane) => [
        `ln/${lane}`,
        {
          groups: [groupOfLane(lane)],
          sensor: { node: sensorNode, component: `ln/${lane}` },
          detector: { node: sensorNode, component: `dl/${lane}` },
          lengthM: laneLengthM(layout, index, lane),
          speedLimitKmh,
          downstream: downstreamOf(layout, index, lane),
        },
      ]),
    ),
  }
}

function minGreenOf(lane: number): number {
  if (lane === 1 || lane === 3) return minGreenS.main
  return lanesOfCross.includes(lane) ? minGreenS.cross : minGreenS.left
}

/** Yellow, and the time the last vehicle needs to be out of the way; the main street is the wider one to cross. */
const intergreenS = (from: number) => (lanesOfCross.includes(from) ? 6 : 5)

function conflictPairs(): [number, number][] {
  const pairs: [number, number][] = [
    [1, 4],
    [2, 3],
  ]
  for (const main of [1, 2, 3, 4]) for (const cross of lanesOfCross) pairs.push([main, cross])
  return pairs
}

/**
 * Plan 1 runs all day, as in most towns: made once for the demand of an average hour, with a green wave
 * eastward. 2 and 3 are for the peaks, for who selects plans.
 */
function plansOf(layout: Layout, index: number): Junction['plans'] {
  const waveS = (cycleS: number, direction: 1 | -1) => {
    let metres = 0
    for (let link = 0; link < index; link++) metres += laneLengthM(layout, link + 1, 1)
    return mod(Math.round((direction * metres) / (speedLimitKmh / 3.6)), cycleS)
  }
  const plan = (cycleS: number, green1: number, green2: number, direction: 1 | -1) => ({
    cycleS,
    offsetS: waveS(cycleS, direction),
    greensS: { '1': green1, '2': green2, '3': cycleS - green1 - green2 - intergreensS },
    stages: [1, 2, 3],
  })
  return {
    '1': plan(90, 35, 14, 1),
    '2': plan(90, 42, 10, 1),
    '3': plan(100, 48, 12, -1),
  }
}

const intergreensS = 5 + 5 + 6
const mod = (value: number, by: number) => ((value % by) + by) % by

function downstreamOf(
  layout: Layout,
  index: number,
  lane: number,
): NonNullable<Junction['lanes'][string]['downstream']> {
  const approach: Approach = lane <= 2 ? 'W' : lane <= 4 ? 'E' : lane === 5 ? 'N' : 'S'
  const turns: Turn[] = (['through', 'left', 'right'] as const).filter(
    (turn) => laneFor(approach, turn) === lane,
  )
  return turns.flatMap((turn) => {
    const side = sideAfter(approach, turn)
    const next = nextJunction(layout, index, side)
    if (next === undefined) return []
    const lanes = side === 'W' ? [1, 2] : [3, 4]
    return lanes.map((to) => ({
      node: controllerNode(layout.zone, next),
      lane: `ln/${to}`,
      distanceM: laneLengthM(layout, next, to),
    }))
  })
}
