/**
 * What a running SUMO says about its signalised junctions, read over TraCI alone (no XML), as the junction
 * data everybody shares. Any scenario works that has a light with two stages or more; a light with nothing to choose
 * between, one that belongs to a railway, and one no controller could run safely keep SUMO's own program.
 *
 * - Stages are the green phases of the scenario's own program, in its order; what lies between them (yellow,
 *   red clearance, greens shorter than the minimum) is the controller's business and becomes intergreens.
 * - A signal group is the links of one approach edge that always show the same colour.
 * - Two groups conflict when their ways cross and no stage protects both: one may give way to the other.
 *
 * Read once, before the first step; changes nothing in the simulation.
 */
import type { Junction } from '../../schemas/generated/messages.ts'
import { validateAgainst } from '../../schemas/validators.ts'
import { createEnvelope } from '../controller/envelope.ts'
import { type Light, lanesOfNodeMax, lightToJunction } from './program.ts'
import type { LaneRoad, Network, Site } from './site.ts'
import { type TraciClient, TraciRefused } from './traci-client.ts'
import type { TraciValue } from './traci-codec.ts'
import { getCommand, variable } from './variables.ts'

const linkFields = 8
/** SUMO's kinds of signal program that no road controller runs. */
const railPrograms = new Set([1, 2])

export async function readNetwork(client: TraciClient, zone: string): Promise<Network> {
  const read = (domain: number, what: number, id: string, parameter?: string) =>
    client.get(domain, what, id, parameter)
  const beginS = (await read(getCommand.simulation, variable.time, '')) as number
  const endS = (await read(getCommand.simulation, variable.end, '')) as number
  const stepS = (await read(getCommand.simulation, variable.stepLength, '')) as number
  const roads = new Map<string, LaneRoad>()
  for (const id of (await read(getCommand.lane, variable.idList, '')) as string[]) {
    const lengthM = (await read(getCommand.lane, variable.length, id)) as number
    const speedMaxMps = (await read(getCommand.lane, variable.speedMax, id)) as number
    const links = readLinks(await read(getCommand.lane, variable.links, id))
    roads.set(id, { id, lengthM, speedMaxMps, links })
  }
  const sites: Site[] = []
  const leftAlone: { lightId: string; why: string }[] = []
  const ids = (await read(getCommand.trafficLight, variable.idList, '')) as string[]
  for (const lightId of [...ids].sort()) {
    const number = String(sites.length + 1).padStart(3, '0')
    const light = await readLight(client, lightId)
    const site = typeof light === 'string' ? light : toSite(light, `${zone}/`, number, roads)
    if (typeof site === 'string') leftAlone.push({ lightId, why: site })
    else sites.push(site)
  }
  return { beginS, endS, stepS, roads, sites: withNeighbours(sites, roads), leftAlone }
}

/** What it is, or why it is none of ours. */
function toSite(
  light: Light,
  zone: string,
  number: string,
  roads: ReadonlyMap<string, LaneRoad>,
): Site | string {
  const nodesMax = Math.ceil(light.links.length / lanesOfNodeMax)
  const detectorNodes = Array.from({ length: nodesMax }, (_, at) =>
    at === 0 ? `${zone}det-${number}` : `${zone}det-${number}-${at + 1}`,
  )
  const site = lightToJunction(light, { node: `${zone}tlc-${number}`, detectorNodes, roads })
  if (site === undefined) return 'it has fewer than two stages'
  const [unfit] = validateAgainst('site/junction.schema.json', site.junction) ?? []
  if (unfit) return `${unfit.path} ${unfit.message}`
  try {
    createEnvelope(site.junction)
  } catch (error) {
    return (error as Error).message
  }
  return site
}

async function readLight(client: TraciClient, id: string): Promise<Light | string> {
  const flat = (await client.get(
    getCommand.trafficLight,
    variable.controlledLinks,
    id,
  )) as readonly TraciValue[]
  const links: Light['links'][number][] = []
  // | number of signals | links of signal 0 | [from, to, via] … | links of signal 1 | …
  let at = 1
  for (let signal = 0; signal < (flat[0] as number); signal++) {
    const count = flat[at] as number
    const own = flat.slice(at + 1, at + 1 + count) as readonly (readonly string[])[]
    links.push(
      own.map(([from = '', to = '', via = '']) => ({ from, to, via: via || crossing(to) })),
    )
    at += 1 + count
  }
  const current = (await client.get(getCommand.trafficLight, variable.currentProgram, id)) as string
  const programs = (await client.get(
    getCommand.trafficLight,
    variable.programs,
    id,
  )) as readonly TraciValue[][]
  const program = programs.find((each) => each[0] === current) ?? programs[0] ?? []
  if (railPrograms.has(program[1] as number)) return 'it is a signal of a railway'
  const phases = ((program[3] ?? []) as readonly TraciValue[][]).map((each) => ({
    durationS: each[0] as number,
    state: each[1] as string,
    durationMaxS: Math.max(each[0] as number, each[3] as number),
  }))
  const foes = new Map<string, ReadonlySet<string>>()
  for (const { via } of links.flat()) if (via !== '') foes.set(via, await readFoes(client, via))
  return { id, links, phases, foes }
}

/** A way on foot has no lane in between: it leads onto the crossing. */
const crossing = (to: string) => (to.startsWith(':') ? to : '')

async function readFoes(client: TraciClient, via: string): Promise<ReadonlySet<string>> {
  try {
    return new Set((await client.get(getCommand.lane, variable.foes, via, '')) as string[])
  } catch (error) {
    // A lane on which nobody has to look out for anybody.
    if (error instanceof TraciRefused) return new Set()
    throw error
  }
}

function readLinks(value: TraciValue): LaneRoad['links'] {
  const flat = value as readonly TraciValue[]
  return Array.from({ length: flat[0] as number }, (_, index) => {
    const at = 1 + index * linkFields
    return { to: flat[at] as string, via: flat[at + 1] as string, lengthM: flat[at + 7] as number }
  })
}

/** How far a neighbour's stop line may lie for its lane to count as reached. */
const neighbourDistanceM = 1000

/** Adds to every lane the neighbours' lanes its vehicles reach without another light in between. */
function withNeighbours(sites: readonly Site[], roads: ReadonlyMap<string, LaneRoad>): Site[] {
  const owner = new Map<string, { node: string; lane: string }>()
  for (const { junction, laneIds } of sites) {
    for (const [lane, id] of laneIds) owner.set(id, { node: junction.node, lane })
  }
  const reach = (id: string, distanceM: number, found: Map<string, number>) => {
    for (const link of roads.get(id)?.links ?? []) {
      const road = roads.get(link.to)
      const farM = distanceM + link.lengthM + (road?.lengthM ?? 0)
      if (road === undefined || farM > neighbourDistanceM) continue
      if ((found.get(link.to) ?? Infinity) <= farM) continue
      found.set(link.to, farM)
      if (!owner.has(link.to)) reach(link.to, farM, found)
    }
  }
  return sites.map((site) => {
    const lanes: Junction['lanes'] = {}
    for (const [lane, data] of Object.entries(site.junction.lanes)) {
      const found = new Map<string, number>()
      reach(site.laneIds.get(lane) ?? '', 0, found)
      const downstream = [...found]
        .flatMap(([id, distanceM]) => {
          const there = owner.get(id)
          return there === undefined ? [] : [{ ...there, distanceM: Math.round(distanceM) }]
        })
        .sort((a, b) => a.distanceM - b.distanceM)
        .slice(0, 16)
      lanes[lane] = downstream.length === 0 ? data : { ...data, downstream }
    }
    return { ...site, junction: { ...site.junction, lanes } }
  })
}
