/** docker-compose.yml and Dockerfile say to our programs only what these know; nothing here starts Docker. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { commonOptions } from '../../devices-sim/options.ts'
import { program as street } from '../../devices-sim/street/program.ts'
import { gatewayProgram } from '../../gateway/config/gateway-config.ts'
import { type ProgramSchema, readCommandLine } from '../../schemas/command-line.ts'
import { root } from './source-files.ts'

const compose = readFileSync(join(root, 'docker-compose.yml'), 'utf8')
const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8')
const readme = readFileSync(join(root, 'README.md'), 'utf8')

const programs: Readonly<Record<string, { schema: ProgramSchema; words: number }>> = {
  'gateway/main.ts': { schema: gatewayProgram, words: 1 },
  'devices-sim/main.ts': {
    schema: { ...street, properties: { ...street.options, ...commonOptions } },
    words: 2, // Its world comes first.
  },
}

/** The items of each `command:` list of ours, and the image's own. */
const commands = [
  ...[...compose.matchAll(/\n {4}command:\n((?: {6}- .*\n)+)/g)].map(([, list = '']) =>
    [...list.matchAll(/- (.*)/g)].map(([, word = '']) => word),
  ),
  JSON.parse(/\nCMD (\[.*\])/.exec(dockerfile)?.[1] ?? '[]') as readonly string[],
]

test('what the containers are started with is understood by the program it is for', () => {
  expect(commands).toHaveLength(4)
  for (const command of commands) {
    const program = programs[command[0] ?? '']
    expect(program, command.join(' ')).toBeDefined()
    const { kind } = readCommandLine(program!.schema, command.slice(program!.words), {})
    expect(kind, command.join(' ')).toBe('run')
  }
})

test('Node itself is given in the container what npm gives it', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const [, ...flags] = JSON.parse(/\nENTRYPOINT (\[.*\])/.exec(dockerfile)?.[1] ?? '[]')
  expect(flags).not.toEqual([])
  for (const [name, file] of [
    ['start', 'gateway/start.ts'],
    ['gateway', 'gateway/main.ts'],
  ] as const) {
    expect(scripts[name]).toBe(['node', ...flags, file].join(' '))
  }
})

test('the version of Compose that its keys want is told where one meets them', () => {
  expect(compose).toContain('required: false') // The key that older ones refuse.
  for (const text of [compose, readme]) expect(text).toContain('Compose 2.20')
})
