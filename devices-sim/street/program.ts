/** The built-in street as a world that `npm run sim -- street` opens. */
import type { CommonOptions } from '../options.ts'
import type { WorldProgram } from '../world.ts'
import { createStreet } from './street.ts'

interface StreetProgramOptions extends CommonOptions {
  readonly startMs: number
  readonly crossings: number
  readonly demandFactor: number
}

/** Distances between stop lines: uneven, as streets are. */
const linkM = [320, 410, 280, 360, 450]
const entryM = 400

export const program: WorldProgram = {
  name: 'street',
  summary: 'a main street with cross streets, built in and seeded',
  options: {
    crossings: {
      type: 'integer',
      minimum: 1,
      maximum: 50,
      default: 3,
      description: 'junctions in a row',
    },
    demandFactor: {
      type: 'number',
      minimum: 0.05,
      maximum: 3,
      default: 1,
      description: 'all arrival rates times this',
    },
  },
  async open(options) {
    const { zone, seed, startMs, crossings, demandFactor, twin } =
      options as unknown as StreetProgramOptions
    const layout = { zone, junctions: crossings, linkM, entryM }
    const make = () => createStreet({ layout, seed, startMs, demandFactor })
    return { world: make(), ...(twin && { twin: make() }) }
  },
}
