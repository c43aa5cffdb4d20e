/**
 * SUMO as a world: its junctions are controller nodes, its approaches detector nodes, its hour the simulated time.
 *
 * - Lamps come from the simulator's controllers; SUMO's own programs are only read. A light that cannot be ours keeps
 *   its own; which and why is told in `notes`.
 * - Sensors show what observe.ts lets them see: 200 m of every approach lane and a loop at its stop line.
 * - The final figures are SUMO's own trip records, vehicles it never let in included.
 */

import { isCodedError } from '../../schemas/coded-error.ts'
import type { Lamps, SensorNode, SensorReading, StreetFigures, World } from '../world.ts'
import { ScenarioWithoutSignals, SumoLost, SumoUnstartable } from './errors.ts'
import { lanesOfNodeMax } from './program.ts'
import type { Simulation, SimulationOptions } from './simulation.ts'
import { openSimulation } from './simulation.ts'
import type { Site } from './site.ts'
import { isGreen } from './stages.ts'

export interface SumoWorldOptions extends SimulationOptions {
  /** What the scenario's first second is called, ms since the epoch. */
  readonly startMs: number
}

/** @throws IG_ERR_SIM_SUMO_UNSTARTABLE, IG_ERR_SIM_SCENARIO_STEP, IG_ERR_SIM_SCENARIO_WITHOUT_SIGNALS */
export async function openSumoWorld(options: SumoWorldOptions): Promise<World> {
  const simulation = await openSimulation(options).catch((cause: unknown) => {
    if (isCodedError(cause)) throw cause
    throw SumoUnstartable.from(cause, options.binary, options.scenario, (cause as Error).message)
  })
  const { sites, beginS, stepS, leftAlone } = simulation.network
  if (sites.length === 0) {
    await simulation.kill()
    const [first] = leftAlone
    const why = first ? `${first.lightId}: ${first.why}` : 'it has no light at all'
    throw ScenarioWithoutSignals(options.scenario, why)
  }
  const indexOf = new Map(sites.map((site, index) => [site.junction.node, index]))
  const sensors = sites.flatMap(sensorsOf)
  const sensorOf = new Map(sensors.map((sensor) => [sensor.node, sensor]))
  const states = sites.map((site) => 'r'.repeat(site.groupOfLink.length))
  const nowMs = () => options.startMs + Math.round((simulation.nowS - beginS) * 1000)

  return {
    junctions: sites.map((site) => site.junction),
    sensors,
    notes: leftAlone.map(({ lightId, why }) => `light ${lightId} keeps its own program: ${why}`),
    nowMs,
    showLamps(node, lamps) {
      const index = indexOf.get(node)
      if (index === undefined) return
      states[index] = stateString(sites[index] as Site, lamps)
    },
    async step(stepMs) {
      const untilMs = nowMs() + stepMs
      simulation.clearCounts()
      try {
        while (nowMs() + (stepS * 1000) / 2 < untilMs) await simulation.step(states)
      } catch (cause) {
        const why = (await simulation.lastWords()) ?? (cause as Error).message
        await simulation.kill()
        throw SumoLost.from(cause, Math.round(simulation.nowS), why)
      }
    },
    readSensor(node) {
      const sensor = sensorOf.get(node)
      return sensor ? readLanes(simulation, sensor) : { lanes: {}, detectors: {} }
    },
    figures: () => simulation.totals,
    hasEnded: () => simulation.hasEnded,
    async close() {
      const trips = await simulation.finish()
      return {
        demandVehicles: trips.demandVehicles,
        enteredVehicles: trips.demandVehicles - trips.neverInsertedVehicles,
        arrivedVehicles: trips.finishedVehicles,
        delayS: trips.delayS * trips.demandVehicles,
        waitingS: trips.waitingS * (trips.demandVehicles - trips.neverInsertedVehicles),
        stops: trips.stops * (trips.demandVehicles - trips.neverInsertedVehicles),
      } satisfies StreetFigures
    },
  }
}

/** Lamps as SUMO writes them, one letter per link; what no group of ours shows is as the program has it. */
function stateString({ groupOfLink, letters }: Site, lamps: Lamps): string {
  const names = Object.keys(lamps)
  const stage = letters.perStage.find(({ green, permissive }) =>
    names.every((name) => {
      if (green.has(name)) return lamps[name] === 'G'
      return permissive.has(name) ? lamps[name] === 'g' : lamps[name] === 'r'
    }),
  )
  return groupOfLink
    .map((group, link) => {
      const lamp = lamps[group] ?? 'r'
      if (lamp !== 'r' && lamp !== 'R') return lamp
      const own = stage?.state[link] ?? 'r'
      if (isGreen(own)) return 'r'
      return stage || group ? own : (letters.always[link] ?? 'r')
    })
    .join('')
}

interface SiteSensor extends SensorNode {
  readonly siteIndex: number
}

function sensorsOf(site: Site, siteIndex: number): SiteSensor[] {
  const all = [...site.laneIds.keys()]
  return site.detectorNodes.map((node, at) => {
    const lanes = all.slice(at * lanesOfNodeMax, (at + 1) * lanesOfNodeMax)
    return { node, lanes, detectors: lanes.map(loopOf), siteIndex }
  })
}

const loopOf = (lane: string) => lane.replace('ln/', 'dl/')

function readLanes(simulation: Simulation, sensor: SiteSensor): SensorReading {
  const lanes: Record<string, SensorReading['lanes'][string]> = {}
  const detectors: Record<string, SensorReading['detectors'][string]> = {}
  for (const lane of sensor.lanes) {
    const { loop, ...state } = simulation.reading(sensor.siteIndex, lane)
    lanes[lane] = state
    detectors[loopOf(lane)] = loop
  }
  return { lanes, detectors }
}
