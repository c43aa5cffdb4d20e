/**
 * One SUMO run, stepped second by second: lamps in, detector readings out.
 *
 * - Every vehicle's place is followed by subscription, for the emulated detectors alone (observe.ts).
 * - Vehicles SUMO cannot let in are remembered from the step they should have departed.
 * - `finish` ends SUMO, reads its trip records and removes them.
 */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StreetFigures } from '../world.ts'
import { ScenarioStepUnfit } from './errors.ts'
import { readNetwork } from './network.ts'
import { createApproaches, type LaneReading, type SeenVehicle } from './observe.ts'
import type { Network } from './site.ts'
import { startSumo } from './sumo-process.ts'
import { type Outgoing, setString, subscribe } from './traci-client.ts'
import { readTrips, type TripFigures } from './trips.ts'
import {
  getCommand,
  setTrafficLight,
  simulationValues,
  subscribeSimulation,
  subscribeVehicle,
  variable,
  vehicleValues,
} from './variables.ts'

export interface Simulation {
  readonly network: Network
  readonly nowS: number
  /** True once the scenario's end is reached, or nobody is left or expected where it has none. */
  readonly hasEnded: boolean
  /** Lamp string per site, in the order of `network.sites`; unchanged ones are not sent again. */
  step(lamps: readonly string[]): Promise<void>
  /** Begins a new count of crossings; without it they add up over the steps. */
  clearCounts(): void
  reading(siteIndex: number, lane: string): LaneReading
  /** Running totals, as near as the step can tell; `finish` has the exact ones. */
  readonly totals: StreetFigures
  readonly collisions: number
  finish(): Promise<TripFigures>
  /** What SUMO said when it ended by itself. */
  lastWords(): Promise<string | undefined>
  kill(): Promise<void>
}

export interface SimulationOptions {
  readonly scenario: string
  readonly seed: number
  readonly zone: string
  readonly binary: string
  readonly sumoHome: string
}

const followed = [variable.laneId, variable.lanePosition, variable.speed, variable.timeLoss]
/** SUMO's own threshold for waiting: 0.1 m/s. */
const standingBelowMps = 0.1

export async function openSimulation(options: SimulationOptions): Promise<Simulation> {
  const folder = await mkdtemp(join(tmpdir(), 'intergreen-sumo-'))
  const tripsPath = join(folder, 'trips.xml')
  const sumo = await startSumo({
    binary: options.binary,
    sumoHome: options.sumoHome,
    args: [
      ...['-c', options.scenario, '--seed', String(options.seed)],
      ...['--time-to-teleport', '-1', '--no-step-log', '--no-warnings'],
      // The seed decides, and vehicles have places and lanes, whatever the scenario says.
      ...['--random', 'false', '--mesosim', 'false'],
      ...['--tripinfo-output', tripsPath, '--tripinfo-output.write-unfinished'],
    ],
  })
  const network = await readNetwork(sumo.client, options.zone).catch(async (error: unknown) => {
    sumo.kill()
    await rm(folder, { recursive: true, force: true })
    throw error
  })
  if (!dividesSecond(network.stepS)) {
    sumo.kill()
    await rm(folder, { recursive: true, force: true })
    throw ScenarioStepUnfit(options.scenario, network.stepS)
  }
  const approaches = createApproaches(network.sites, network.roads, network.stepS * 1000)
  const shown: string[] = []
  const pendingSinceS = new Map<string, number>()
  /** Where those who wait outside want to enter. */
  let waitingAt = new Map<string, string>()
  let vehicles = new Map<string, SeenVehicle>()
  let nowS = network.beginS
  const lossS = new Map<string, number>()
  let entered = 0
  let arrived = 0
  let delayS = 0
  let waitingS = 0
  let stops = 0
  let collisions = 0
  let isEmpty = false
  let next: Outgoing[] = [
    subscribe(subscribeSimulation, '', [
      variable.time,
      variable.departedIds,
      variable.arrivedIds,
      variable.pendingIds,
      variable.collisions,
      variable.expectedVehicles,
    ]),
  ]

  async function entriesOf(ids: readonly string[], known: ReadonlyMap<string, string>) {
    const entries = new Map<string, string>()
    for (const id of ids) {
      const route = known.has(id)
        ? []
        : await sumo.client.get(getCommand.vehicle, variable.route, id)
      entries.set(id, known.get(id) ?? (route as string[])[0] ?? '')
    }
    return entries
  }

  return {
    network,
    get nowS() {
      return nowS
    },
    get hasEnded() {
      return network.endS >= 0 ? nowS >= network.endS : isEmpty
    },
    get totals() {
      const outsideS = [...pendingSinceS.values()].reduce((sum, sinceS) => sum + nowS - sinceS, 0)
      return {
        demandVehicles: entered + pendingSinceS.size,
        enteredVehicles: entered,
        arrivedVehicles: arrived,
        delayS: delayS + outsideS,
        waitingS,
        stops,
      }
    },
    get collisions() {
      return collisions
    },
    async step(lamps) {
      network.sites.forEach((site, index) => {
        const state = lamps[index]
        if (state === undefined || shown[index] === state) return
        shown[index] = state
        next.push(setString(setTrafficLight, variable.lampState, site.lightId, state))
      })
      const sent = next
      next = []
      const pending: string[] = []
      const seen = new Map<string, SeenVehicle>()
      for (const each of await sumo.client.step(sent)) {
        if (each.domain === vehicleValues) {
          const speedMps = each.values.get(variable.speed) as number
          seen.set(each.objectId, {
            laneId: each.values.get(variable.laneId) as string,
            positionM: each.values.get(variable.lanePosition) as number,
            speedMps,
          })
          const lostS = each.values.get(variable.timeLoss) as number
          delayS += lostS - (lossS.get(each.objectId) ?? 0)
          lossS.set(each.objectId, lostS)
          if (speedMps < standingBelowMps) {
            waitingS += network.stepS
            const before = vehicles.get(each.objectId)
            if (before !== undefined && before.speedMps >= standingBelowMps) stops += 1
          }
        } else if (each.domain === simulationValues) {
          nowS = each.values.get(variable.time) as number
          const arrivedIds = each.values.get(variable.arrivedIds) as string[]
          for (const id of each.values.get(variable.departedIds) as string[]) {
            entered += 1
            delayS += Math.max(0, nowS - network.stepS - (pendingSinceS.get(id) ?? nowS))
            pendingSinceS.delete(id)
            if (!arrivedIds.includes(id)) next.push(subscribe(subscribeVehicle, id, followed))
          }
          for (const id of arrivedIds) {
            arrived += 1
            lossS.delete(id)
          }
          for (const id of each.values.get(variable.pendingIds) as string[]) {
            if (!pendingSinceS.has(id)) pendingSinceS.set(id, nowS - network.stepS)
            pending.push(id)
          }
          collisions += each.values.get(variable.collisions) as number
          isEmpty = each.values.get(variable.expectedVehicles) === 0
        }
      }
      vehicles = seen
      approaches.observe(vehicles)
      waitingAt = await entriesOf(pending, waitingAt)
      approaches.observeOutside(waitingAt)
    },
    clearCounts: () => approaches.clearCounts(),
    reading: (siteIndex, lane) => approaches.reading(`${siteIndex}|${lane}`),
    async finish() {
      await sumo.close()
      const figures = readTrips(
        await readFile(tripsPath, 'latin1'),
        [...pendingSinceS.values()],
        nowS,
      )
      await rm(folder, { recursive: true, force: true })
      return figures
    },
    lastWords: () => sumo.lastWords(),
    async kill() {
      sumo.kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** The street steps by seconds; SUMO may in between. */
function dividesSecond(stepS: number): boolean {
  const parts = 1 / stepS
  return Math.abs(parts - Math.round(parts)) < 1e-9 && Math.round(parts) >= 1
}
