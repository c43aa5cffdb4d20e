/**
 * SUMO as a world: its junctions are controller nodes, its approaches detector nodes, its hour the simulated time.
 *
 * - Lamps come from the simulator's controllers; SUMO's own programs are only read, never run.
 * - Sensors show what observe.ts lets them see: 200 m of every approach lane and a loop at its stop line.
 * - The final figures are SUMO's own trip records, vehicles it never let in included.
 */

import type { Lamps, SensorNode, SensorReading, StreetFigures, World } from '../world.ts'
import { ScenarioWithoutSignals, SumoLost, SumoUnstartable } from './errors.ts'
import type { Simulation, SimulationOptions } from './simulation.ts'
import { openSimulation } from './simulation.ts'

export interface SumoWorldOptions extends SimulationOptions {
  /** What the scenario's first second is called, ms since the epoch. */
  readonly startMs: number
}

/** @throws IG_ERR_SIM_SUMO_UNSTARTABLE, IG_ERR_SIM_SCENARIO_WITHOUT_SIGNALS */
export async function openSumoWorld(options: SumoWorldOptions): Promise<World> {
  const simulation = await openSimulation(options).catch((cause: unknown) => {
    throw SumoUnstartable.from(cause, options.binary, options.scenario, (cause as Error).message)
  })
  const { sites, beginS, stepS } = simulation.network
  if (sites.length === 0) {
    await simulation.kill()
    throw ScenarioWithoutSignals(options.scenario)
  }
  const indexOf = new Map(sites.map((site, index) => [site.junction.node, index]))
  const indexOfSensor = new Map(sites.map((site, index) => [site.detectorNode, index]))
  const states = sites.map((site) => 'r'.repeat(site.groupOfLink.length))
  const nowMs = () => options.startMs + Math.round((simulation.nowS - beginS) * 1000)

  return {
    junctions: sites.map((site) => site.junction),
    sensors: sites.map(sensorOf),
    nowMs,
    showLamps(node, lamps) {
      const index = indexOf.get(node)
      if (index === undefined) return
      states[index] = stateString(sites[index]?.groupOfLink ?? [], lamps)
    },
    async step(stepMs) {
      const untilMs = nowMs() + stepMs
      simulation.clearCounts()
      try {
        while (nowMs() + (stepS * 1000) / 2 < untilMs) await simulation.step(states)
      } catch (cause) {
        await simulation.kill()
        throw SumoLost.from(cause, Math.round(simulation.nowS), (cause as Error).message)
      }
    },
    readSensor(node) {
      const index = indexOfSensor.get(node)
      return index === undefined ? { lanes: {}, detectors: {} } : readSite(simulation, index)
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

/** Lamps as SUMO writes them, one letter per link; links without a group of ours stay red. */
function stateString(groupOfLink: readonly string[], lamps: Lamps): string {
  return groupOfLink.map((group) => lamps[group]?.replace('R', 'r') ?? 'r').join('')
}

function sensorOf(site: Simulation['network']['sites'][number]): SensorNode {
  const lanes = [...site.laneIds.keys()]
  return { node: site.detectorNode, lanes, detectors: lanes.map(loopOf) }
}

const loopOf = (lane: string) => lane.replace('ln/', 'dl/')

function readSite(simulation: Simulation, index: number): SensorReading {
  const lanes: Record<string, SensorReading['lanes'][string]> = {}
  const detectors: Record<string, SensorReading['detectors'][string]> = {}
  for (const lane of simulation.network.sites[index]?.laneIds.keys() ?? []) {
    const { loop, ...state } = simulation.reading(index, lane)
    lanes[lane] = state
    detectors[loopOf(lane)] = loop
  }
  return { lanes, detectors }
}
