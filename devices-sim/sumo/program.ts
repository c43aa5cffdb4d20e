/**
 * From a SUMO signal program to junction data: which links make a group, what conflicts, how long the way from
 * green to green is. Pure. Which phases are stages is stages.ts's to say.
 *
 * The envelope is the same for every scenario: minimum green 5 s, yellow 3 s, and the red clearance the
 * program itself has between two stages; those on foot have no yellow, and the time it takes to walk across.
 */
import type { Junction } from '../../schemas/generated/messages.ts'
import type { LaneRoad, Site } from './site.ts'
import { isGreen, type Phase, readStages, type StagePhase } from './stages.ts'

export const minGreenS = 5
export const yellowS = 3
/** Longest red the guard tolerates while somebody may wait: two of the longest cycles in common use. */
const maxRedS = 240
const maxRedBoundS = 600
const cycleBoundsS = { min: 20, max: 180, most: 300 }
/** The pace of somebody who is not quick on foot. */
const walkingMps = 1.2
const intergreenBoundS = 60
/** How far upstream the lane-area range reaches. */
export const rangeM = 200

export interface Light {
  readonly id: string
  /** Per link index, the ways it controls. On foot, `via` is the crossing. */
  readonly links: readonly (readonly { from: string; to: string; via: string }[])[]
  readonly phases: readonly Phase[]
  /** Internal lanes that cross an internal lane. */
  readonly foes: ReadonlyMap<string, ReadonlySet<string>>
}

/** Undefined for a light that has nothing to choose between. */
export function lightToJunction(
  light: Light,
  options: { node: string; detectorNodes: readonly string[]; roads: ReadonlyMap<string, LaneRoad> },
): Site | undefined {
  const stagePhases = readStages(
    light.phases,
    minGreenS,
    (link) => light.links[link]?.[0] !== undefined,
  )
  const distinct = stagePhases.filter(
    ({ number }, at) => stagePhases.findIndex((other) => other.number === number) === at,
  )
  if (distinct.length < 2) return undefined

  const groupOfLink = nameGroups(light, distinct)
  const groupNames = [...new Set(groupOfLink)].filter((name) => name !== '')
  const linksOf = (group: string) =>
    groupOfLink.flatMap((name, index) => (name === group ? [index] : []))
  const lampOf = (group: string, state: string) => state[linksOf(group)[0] ?? 0]

  const onFoot = new Set(
    groupNames.filter((name) => linksOf(name).some((link) => isOnFoot(light, link))),
  )
  const stages: Junction['stages'] = {}
  for (const { number, state } of distinct) {
    stages[String(number)] = {
      green: groupNames.filter((group) => lampOf(group, state) === 'G'),
      permissive: groupNames.filter((group) => lampOf(group, state) === 'g'),
    }
  }
  const states = distinct.map(({ state }) => state)
  const conflicts = findConflicts(light, groupNames, linksOf, states)
  const clearanceS = findClearances(light, stagePhases)
  const longestClearanceS = Math.max(0, ...clearanceS.map((each) => each.redS))
  const walkS = (group: string) =>
    Math.ceil(
      Math.max(0, ...linksOf(group).map((link) => crossingM(light, link, options.roads))) /
        walkingMps,
    )
  const intergreensS = conflicts.flatMap(([a = '', b = '']) =>
    [[a, b] as const, [b, a] as const].map(([from, to]) => {
      const own = clearanceS.filter(
        ({ before, after }) =>
          isGreen(lampOf(from, before)) &&
          !isGreen(lampOf(from, after)) &&
          isGreen(lampOf(to, after)) &&
          !isGreen(lampOf(to, before)),
      )
      const redS = own.length > 0 ? Math.max(...own.map((each) => each.redS)) : longestClearanceS
      const clearS = onFoot.has(from) ? Math.max(redS, walkS(from)) : yellowS + redS
      return { from, to, s: Math.min(intergreenBoundS, clearS) }
    }),
  )

  const served = light.links.filter((_, link) => groupOfLink[link] !== '' && !isOnFoot(light, link))
  const laneNames = [...new Set(served.flat().map(({ from }) => from))].sort()
  const laneIds = new Map(laneNames.map((id, index) => [`ln/${index + 1}`, id]))
  const lanes: Junction['lanes'] = {}
  for (const [index, [lane, id]] of [...laneIds].entries()) {
    const node = nodeOfLane(options.detectorNodes, index)
    const road = options.roads.get(id)
    const groups = light.links.flatMap((ways, index) =>
      ways.some(({ from }) => from === id) ? [groupOfLink[index] ?? ''] : [],
    )
    lanes[lane] = {
      groups: [...new Set(groups)].filter((name) => name !== '').slice(0, 8),
      sensor: { node, component: lane },
      detector: { node, component: lane.replace('ln/', 'dl/') },
      lengthM: within(1, Math.round(road?.lengthM ?? rangeM), 5000),
      speedLimitKmh: within(5, Math.round((road?.speedMaxMps ?? 13.89) * 3.6), 200),
    }
  }

  const plan = planOf(stagePhases, yellowS + longestClearanceS)
  const maxS = within(maxRedS, Math.ceil(plan.cycleS * 1.5), maxRedBoundS)

  return {
    lightId: light.id,
    detectorNodes: options.detectorNodes.slice(0, Math.ceil(laneNames.length / lanesOfNodeMax)),
    laneIds,
    groupOfLink,
    letters: lettersOf(light, stages, distinct),
    junction: {
      node: options.node,
      name: light.id.slice(0, 100),
      groups: Object.fromEntries(
        groupNames.map((name): [string, Junction['groups'][string]] => [
          name,
          {
            minGreenS,
            yellowS: onFoot.has(name) ? 0 : yellowS,
            redYellowS: 0,
            maxRedS: maxS,
            kind: onFoot.has(name) ? 'pedestrian' : 'vehicle',
          },
        ]),
      ),
      conflicts,
      intergreensS,
      stages,
      cycleS: { min: cycleBoundsS.min, max: Math.max(cycleBoundsS.max, Math.ceil(plan.cycleS)) },
      plans: { '1': plan },
      localPlan: 1,
      lanes,
    },
  }
}

/** One message names so many lanes at most; a junction with more has several detector nodes. */
export const lanesOfNodeMax = 64

const nodeOfLane = (nodes: readonly string[], index: number) =>
  nodes[Math.floor(index / lanesOfNodeMax)] ?? ''

const within = (low: number, value: number, high: number) => Math.min(high, Math.max(low, value))

/** The scenario's own timing: each stage once, as long as its phases together. */
function planOf(stagePhases: readonly StagePhase[], changeS: number): Junction['plans'][string] {
  const greensS: Record<string, number> = {}
  for (const { number, durationS } of stagePhases) {
    greensS[number] = Math.max(minGreenS, (greensS[number] ?? 0) + durationS)
  }
  const stages = [...new Set(stagePhases.map(({ number }) => number))]
  const lostS = stages.length * changeS
  const greenS = Object.values(greensS).reduce((sum, each) => sum + each, 0)
  // Cycles nobody may run are cut, where minimum greens allow it.
  const share = Math.min(1, Math.max(0, cycleBoundsS.most - lostS) / greenS)
  for (const stage of stages) {
    if (share < 1) greensS[stage] = Math.max(minGreenS, Math.floor((greensS[stage] ?? 0) * share))
  }
  const cycleS = Object.values(greensS).reduce((sum, each) => sum + each, lostS)
  return { cycleS: Math.max(cycleBoundsS.min, cycleS), offsetS: 0, greensS, stages }
}

/** What SUMO is shown beside the groups: in a stage its own letters, else the one a link always shows. */
function lettersOf(
  light: Light,
  stages: Junction['stages'],
  distinct: readonly StagePhase[],
): Site['letters'] {
  const always = light.links.map((_, link) => {
    const shown = new Set(light.phases.map(({ state }) => state[link]))
    const [only = 'r'] = shown
    return shown.size === 1 && !isGreen(only) ? only : 'r'
  })
  const perStage = distinct.map(({ number, state }) => {
    const { green = [], permissive = [] } = stages[String(number)] ?? {}
    return { green: new Set(green), permissive: new Set(permissive), state }
  })
  return { always, perStage }
}

function isOnFoot(light: Light, link: number): boolean {
  const way = light.links[link]?.[0]
  return way?.from.startsWith(':') === true && way.to.startsWith(':')
}

function crossingM(light: Light, link: number, roads: ReadonlyMap<string, LaneRoad>): number {
  return Math.max(0, ...(light.links[link] ?? []).map(({ via }) => roads.get(via)?.lengthM ?? 0))
}

/** Group name per link index: links of one approach edge whose lamp is the same in every phase; none without green. */
function nameGroups(light: Light, stages: readonly StagePhase[]): string[] {
  const names = new Map<string, string>()
  return light.links.map((ways, index) => {
    const first = ways[0]
    if (first === undefined || !stages.some(({ state }) => isGreen(state[index]))) return ''
    const edge = isOnFoot(light, index) ? first.to : first.from.replace(/_\d+$/, '')
    const column = light.phases.map(({ state }) => state[index] ?? 'r').join('')
    const key = `${edge}|${column}`
    const name = names.get(key) ?? `sg/${names.size + 1}`
    names.set(key, name)
    return name
  })
}

function findConflicts(
  light: Light,
  groups: readonly string[],
  linksOf: (group: string) => readonly number[],
  states: readonly string[],
): [string, string][] {
  // Where SUMO knows no right of way at all, all that the program keeps apart is in each other's way.
  const isBlind = [...light.foes.values()].every((foes) => foes.size === 0)
  const crosses = (a: number, b: number) =>
    isBlind ||
    (light.links[a] ?? []).some((one) =>
      (light.links[b] ?? []).some(
        (other) =>
          light.foes.get(one.via)?.has(other.via) || light.foes.get(other.via)?.has(one.via),
      ),
    )
  return groups.flatMap((a, index) =>
    groups.slice(index + 1).flatMap((b): [string, string][] => {
      const linksA = linksOf(a)
      const linksB = linksOf(b)
      const lamps = states.map((state) => [state[linksA[0] ?? 0], state[linksB[0] ?? 0]])
      const areTogether = isBlind
        ? lamps.some(([lampA, lampB]) => isGreen(lampA) && isGreen(lampB))
        : lamps.some(([lampA, lampB]) => lampA === 'G' && lampB === 'G')
      if (areTogether) return []
      return linksA.some((one) => linksB.some((other) => crosses(one, other))) ? [[a, b]] : []
    }),
  )
}

/** Between each two consecutive stages of the program: how long all that ends has been red. */
function findClearances(light: Light, stagePhases: readonly StagePhase[]) {
  const count = light.phases.length
  return stagePhases.map(({ index: start, state: before }, at) => {
    const { index: end, state: after } = stagePhases[(at + 1) % stagePhases.length] as StagePhase
    let redS = 0
    let hasYellow = false
    for (let index = (start + 1) % count; index !== end; index = (index + 1) % count) {
      const phase = light.phases[index]
      if (phase === undefined) break
      if (/[yY]/.test(phase.state)) hasYellow = true
      else if (hasYellow) redS += phase.durationS
    }
    return { before, after, redS }
  })
}
