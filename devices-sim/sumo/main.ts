/** SUMO as a world that `npm run sim -- sumo` opens. */
import type { CommonOptions } from '../options.ts'
import type { WorldProgram } from '../world.ts'
import { openSumoWorld } from './world.ts'

interface SumoProgramOptions extends CommonOptions {
  readonly startMs: number
  readonly scenario: string
  readonly sumo: string
  readonly sumoHome: string
}

export const program: WorldProgram = {
  name: 'sumo',
  summary: 'a scenario of Eclipse SUMO, over TraCI',
  options: {
    scenario: {
      type: 'string',
      minLength: 1,
      description: 'the scenario (.sumocfg)',
    },
    sumo: {
      type: 'string',
      default: 'sumo',
      description: "SUMO's program",
    },
    sumoHome: {
      type: 'string',
      default: '/usr/share/sumo',
      description: "SUMO's own files (SUMO_HOME)",
    },
  },
  async open(options) {
    const { startMs, scenario, sumo, sumoHome, seed, zone, twin, describe } =
      options as unknown as SumoProgramOptions
    const open = () => openSumoWorld({ scenario, seed, zone, binary: sumo, sumoHome, startMs })
    const world = await open()
    return { world, ...(twin && !describe && { twin: await open() }) }
  },
}
