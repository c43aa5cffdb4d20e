/**
 * One environment serves all programs on a machine: a variable that several of them read must be the same to each, or
 * what is exported for the gateway ends the simulator. Benches have options of their own and are not started beside it.
 */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { commonOptions } from '../../devices-sim/options.ts'
import type { WorldProgram } from '../../devices-sim/world.ts'
import { type Option, optionsOf, type ProgramSchema } from '../../schemas/command-line.ts'
import { root, sourceFiles } from './source-files.ts'

/** Read by several programs, and what each of them means by it. */
const shared: Readonly<Record<string, string>> = {
  CA: 'file of the authority',
  CERT: 'file of an own certificate',
  CLOCK: 'simulated time (event) or the machine’s (system)',
  COMPONENT: 'a part of a node',
  DATA_DIR: "the gateway's folder",
  DURATION_S: 'simulated seconds to the end',
  FROM: 'at or after',
  INFLUX_URL: 'the database',
  JSON: 'JSON for a program instead of text for a person',
  JUNCTIONS: 'junction documents: a file or a folder',
  KEY: 'file of the key of an own certificate',
  LIMIT: 'at most so many, newest first',
  LOG_LEVEL: 'least important log line',
  MODELS: 'folder of the models that came with the house',
  MQTT_PORT: 'port for MQTT over TLS',
  NODE: 'of one node',
  PKI_DIR: 'folder of the authority and of what it issued',
  REPORT: 'file for the JSON report',
  SCENARIO: 'SUMO scenario',
  SEED: 'of everything that is chosen by chance',
  SPEED: 'simulated seconds per second, or max',
  STRATEGY: 'who decides',
  SUMO: "SUMO's program",
  SUMO_HOME: "SUMO's own files",
  TIME_ZONE: 'of the street',
  TIMEOUT_S: 'give up when not let in after so long',
  TO: 'before',
  URL: 'address of the gateway',
  WEB_PORT: 'port of the page',
  ZONE: 'first level of every node',
}

interface Named {
  readonly name: string
  readonly options: readonly Option[]
}

/** A program, or a world of `npm run sim` with what it has beside the common options. */
type Declared = Partial<
  Pick<ProgramSchema, 'summary' | 'properties'> & Pick<WorldProgram, 'options'>
>

/** Each program's options as it declares them; a file that declares them and cannot be imported alone is found out. */
async function programs(): Promise<readonly Named[]> {
  const declaring = sourceFiles().filter(
    ({ path, text }) =>
      !/^(test|bench)\//.test(path) && /: (ProgramSchema|WorldProgram) = \{/.test(text),
  )
  return Promise.all(
    declaring.map(async ({ path, text }) => {
      expect(/^await runProgram/m.test(text), `${path} runs as soon as it is imported`).toBe(false)
      const exported = Object.values(await import(join(root, path))) as readonly Declared[]
      const declared = exported.find((it) => it.summary && (it.properties ?? it.options))
      expect(declared, `${path} exports its options`).toBeDefined()
      const properties = declared?.properties ?? declared?.options ?? {}
      return { name: path, options: optionsOf({ properties }) }
    }),
  )
}

const everyWorld = { name: 'devices-sim', options: optionsOf({ properties: commonOptions }) }
const uses = [everyWorld, ...(await programs())].flatMap(({ name, options }) =>
  options.map(({ variable, schema }) => ({ name, variable, schema })),
)
const byVariable = Map.groupBy(uses, ({ variable }) => variable)

test('every program is among them', () => {
  const names = new Set(uses.map(({ name }) => name.split('/').slice(0, 2).join('/')))
  for (const room of ['broker/pki', 'gateway/config', 'gateway/start', 'devices-sim/street'])
    expect(names).toContain(room)
})

test('a variable has one type, wherever it is read', () => {
  for (const [variable, readers] of byVariable) {
    const kinds = readers.map(({ schema: { type, items, enum: values, pattern } }) =>
      JSON.stringify([type, items?.type, values && [...values].sort(), pattern]),
    )
    const told = readers.map(({ name }, at) => `${name} ${kinds[at]}`).join('\n')
    expect(new Set(kinds).size, `${variable}\n${told}`).toBe(1)
  }
})

test('a variable that several programs read means the same to all of them, and what stands above', () => {
  const several = [...byVariable]
    .filter(([, readers]) => new Set(readers.map(({ name }) => name)).size > 1)
    .map(([variable]) => variable.replace('INTERGREEN_', ''))
  expect(several.sort()).toEqual(Object.keys(shared).sort())
})
