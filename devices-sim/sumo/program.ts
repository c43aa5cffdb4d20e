/**
 * From a SUMO signal program to junction data: which phases are stages, which links make a group, what
 * conflicts, how long the way from green to green is. Pure.
 *
 * The envelope is the same for every scenario: minimum green 5 s, yellow 3 s, and the red clearance the
 * program itself has between two stages.
 */
import type { Junction } from '../../schemas/generated/messages.ts'
import type { LaneRoad, Site } from './site.ts'

export const minGreenS = 5
export const yellowS = 3
/** Longest red the guard tolerates while somebody may wait: two of the longest cycles in common use. */
const maxRedS = 240
const cycleBoundsS = { min: 20, max: 180 }
/** How far upstream the lane-area range reaches. */
export const rangeM = 200

export interface Light {
  readonly id: string
  /** Per link index, the ways it controls. */
  readonly links: readonly (readonly { from: string; to: string; via: string }[])[]
  readonly phases: readonly { durationS: number; durationMaxS: number; state: string }[]
  /** Internal lanes that cross an internal lane. */
  readonly foes: ReadonlyMap<string, ReadonlySet<string>>
}

const isGreen = (lamp: string | undefined) => lamp === 'G' || lamp === 'g'

function isStage(phase: Light['phases'][number]): boolean {
  const { state } = phase
  return !/[yYu]/.test(state) && /[Gg]/.test(state) && phase.durationMaxS >= minGreenS
}

/** Undefined for a light that has nothing to choose between. */
export function lightToJunction(
  light: Light,
  options: { node: string; detectorNode: string; roads: ReadonlyMap<string, LaneRoad> },
): Site | undefined {
  const stagePhases = light.phases
    .map((phase, index) => ({ phase, index }))
    .filter(({ phase }) => isStage(phase))
  const distinct = stagePhases.filter(
    ({ phase }, index) =>
      stagePhases.findIndex((other) => other.phase.state === phase.state) === index,
  )
  if (distinct.length < 2) return undefined
  const numberOf = (state: string) => distinct.findIndex(({ phase }) => phase.state === state) + 1

  const groupOfLink = nameGroups(light)
  const groupNames = [...new Set(groupOfLink)].filter((name) => name !== '')
  const linksOf = (group: string) =>
    groupOfLink.flatMap((name, index) => (name === group ? [index] : []))
  const lampOf = (group: string, state: string) => state[linksOf(group)[0] ?? 0]

  const stages: Junction['stages'] = {}
  for (const { phase } of distinct) {
    stages[String(numberOf(phase.state))] = {
      green: groupNames.filter((group) => lampOf(group, phase.state) === 'G'),
      permissive: groupNames.filter((group) => lampOf(group, phase.state) === 'g'),
    }
  }
  const conflicts = findConflicts(
    light,
    groupNames,
    linksOf,
    distinct.map(({ phase }) => phase.state),
  )
  const clearanceS = findClearances(
    light,
    stagePhases.map(({ index }) => index),
  )
  const longestClearanceS = Math.max(0, ...clearanceS.map((each) => each.redS))
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
      return { from, to, s: yellowS + redS }
    }),
  )

  const laneNames = [...new Set(light.links.flat().map(({ from }) => from))].sort()
  const laneIds = new Map(laneNames.map((id, index) => [`ln/${index + 1}`, id]))
  const lanes: Junction['lanes'] = {}
  for (const [lane, id] of laneIds) {
    const groups = light.links.flatMap((ways, index) =>
      ways.some(({ from }) => from === id) ? [groupOfLink[index] ?? ''] : [],
    )
    lanes[lane] = {
      groups: [...new Set(groups)].filter((name) => name !== '').slice(0, 8),
      sensor: { node: options.detectorNode, component: lane },
      detector: { node: options.detectorNode, component: lane.replace('ln/', 'dl/') },
      lengthM: Math.max(1, Math.round(options.roads.get(id)?.lengthM ?? rangeM)),
      speedLimitKmh: Math.round((options.roads.get(id)?.speedMaxMps ?? 13.89) * 3.6),
    }
  }

  const order = stagePhases.map(({ phase }) => numberOf(phase.state))
  const greensS: Record<string, number> = {}
  const servedOnce: number[] = []
  stagePhases.forEach(({ phase }, at) => {
    const key = String(order[at])
    if (greensS[key] === undefined) servedOnce.push(order[at] as number)
    greensS[key] = Math.max(minGreenS, (greensS[key] ?? 0) + phase.durationS)
  })
  const lostS = servedOnce.length * (yellowS + longestClearanceS)
  const cycleS = Object.values(greensS).reduce((sum, each) => sum + each, lostS)

  return {
    lightId: light.id,
    detectorNode: options.detectorNode,
    laneIds,
    groupOfLink,
    junction: {
      node: options.node,
      name: light.id.slice(0, 100),
      groups: Object.fromEntries(
        groupNames.map((name) => [
          name,
          { minGreenS, yellowS, redYellowS: 0, maxRedS, kind: 'vehicle' as const },
        ]),
      ),
      conflicts,
      intergreensS,
      stages,
      cycleS: { min: cycleBoundsS.min, max: Math.max(cycleBoundsS.max, Math.ceil(cycleS)) },
      plans: { '1': { cycleS, offsetS: 0, greensS, stages: servedOnce } },
      localPlan: 1,
      lanes,
    },
  }
}

/** Group name per link index: links of one approach edge whose lamp is the same in every phase. */
function nameGroups(light: Light): string[] {
  const names = new Map<string, string>()
  return light.links.map((ways, index) => {
    const first = ways[0]
    if (first === undefined) return ''
    const edge = first.from.replace(/_\d+$/, '')
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
  const crosses = (a: number, b: number) =>
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
      const areProtected = states.some(
        (state) => state[linksA[0] ?? 0] === 'G' && state[linksB[0] ?? 0] === 'G',
      )
      if (areProtected) return []
      return linksA.some((one) => linksB.some((other) => crosses(one, other))) ? [[a, b]] : []
    }),
  )
}

/** Between each two consecutive stages of the program: how long all that ends has been red. */
function findClearances(light: Light, stageIndexes: readonly number[]) {
  const count = light.phases.length
  return stageIndexes.map((start, at) => {
    const end = stageIndexes[(at + 1) % stageIndexes.length] as number
    let redS = 0
    let hasYellow = false
    for (let index = (start + 1) % count; index !== end; index = (index + 1) % count) {
      const phase = light.phases[index]
      if (phase === undefined) break
      if (/[yY]/.test(phase.state)) hasYellow = true
      else if (hasYellow) redS += phase.durationS
    }
    return { before: light.phases[start]?.state ?? '', after: light.phases[end]?.state ?? '', redS }
  })
}
