/** `npm run sim -- street …` and `npm run sim -- sumo …`: a street with its devices, against a gateway. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { ProgramSchema } from '../schemas/command-line.ts'
import { CommandLineInvalid } from '../schemas/errors.ts'
import { errorLine, exitCodeOf, runProgram } from '../schemas/program.ts'
import { faultKinds } from './device/faults.ts'
import { WorldUnknown } from './errors.ts'
import { createSimLog } from './log.ts'
import { type CommonOptions, commonOptions, startMsOf } from './options.ts'
import { runSimulation, writeJunctions } from './runner.ts'
import { program as street } from './street/program.ts'
import type { WorldProgram } from './world.ts'

const sumoFile = join(import.meta.dirname, 'sumo', 'main.ts')
const worldNames = ['street', ...(existsSync(sumoFile) ? ['sumo'] : [])]

async function loadWorld(name: string): Promise<WorldProgram> {
  if (name === 'street') return street
  // Loaded only when asked for, so that the built-in street needs nothing of SUMO.
  if (name === 'sumo' && existsSync(sumoFile)) {
    return ((await import(sumoFile)) as { program: WorldProgram }).program
  }
  throw WorldUnknown(name, worldNames.join(', '))
}

function schemaOf(world: WorldProgram): ProgramSchema {
  return {
    name: `npm run sim -- ${world.name}`,
    summary: `A simulated street with its devices: ${world.summary}.`,
    properties: { ...world.options, ...commonOptions },
    notes: [
      '',
      `Faults: ${faultKinds.join(', ')}.`,
      '  stuck:north/det-001:dl/1=0   clock:north/det-001=-300   offline:north/tlc-001@300-600',
      'Prints a ready line and, at the end, a summary, both JSON. Exit codes: 0 done, 1 the gateway was lost, 2 bad option.',
    ],
  }
}

const overview = [
  'npm run sim -- WORLD [options]',
  `Worlds: ${worldNames.join(', ')}. Options of a world: npm run sim -- street --help`,
  '',
].join('\n')

async function main(argv: readonly string[]): Promise<void> {
  const [name = '', ...rest] = argv
  if (name === '--help' || name === '-h') {
    process.stdout.write(overview)
    return
  }
  const world = await loadWorld(name)
  await runProgram<CommonOptions>(
    schemaOf(world),
    async (options, { signal, print }) => {
      const startMs = startMsOf(options, Date.now())
      if (startMs === undefined) {
        throw CommandLineInvalid('--start', 'must be a moment like 2026-11-23T07:00:00.000Z')
      }
      const log = createSimLog(options.logLevel)
      const opened = await world.open({ ...options, startMs })
      if (options.describe) {
        writeJunctions(options.junctionsOut, opened.world.junctions)
        await opened.world.close()
        return 0
      }
      const summary = await runSimulation(opened, options, {
        worldName: world.name,
        signal,
        log,
        print,
      })
      print(JSON.stringify(summary))
      return 0
    },
    rest,
  )
}

await main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`${errorLine(error)}\n`)
  process.exit(exitCodeOf(error))
})
