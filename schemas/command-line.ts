/**
 * Options of a program: one JSON Schema as data, read from flags, environment, file and defaults, in this order
 * of precedence, validated as a whole and frozen.
 *
 * - A property `pkiDir` is the flag `--pki-dir`, the variable `INTERGREEN_PKI_DIR` and the key `pkiDir` of the
 *   file that `--config` names. A property that is an object groups others: `mqtt: {port}` is `--mqtt-port`,
 *   `INTERGREEN_MQTT_PORT` and `{"mqtt": {"port": …}}`.
 * - What is wrong is a coded error that names where the value came from, the key and the problem.
 * - An unknown flag or file key is an error; an unknown INTERGREEN_ variable is not, programs share them: one means the
 *   same in each (test/tidy/options.test.ts).
 * - Nothing is printed and nothing ended here: schemas/program.ts does that.
 */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { Ajv2020, type ErrorObject } from 'ajv/dist/2020.js'
import { CommandLineInvalid, ConfigInvalid, ConfigUnreadable } from './errors.ts'

/** A property of the options schema. Everything ajv knows may stand in it; what is read here is named. */
export interface OptionSchema {
  readonly type?: 'string' | 'number' | 'integer' | 'boolean' | 'array' | 'object'
  /** One line for --help. */
  readonly description?: string
  readonly default?: unknown
  readonly enum?: readonly unknown[]
  /** Options of a group. */
  readonly properties?: Readonly<Record<string, OptionSchema>>
  readonly required?: readonly string[]
  readonly items?: OptionSchema
  readonly [keyword: string]: unknown
}

export interface ProgramSchema {
  /** As typed: `npm run sim -- street`. */
  readonly name: string
  readonly summary: string
  readonly properties: Readonly<Record<string, OptionSchema>>
  readonly required?: readonly string[]
  /** How words that are no options are shown in the usage line, where the program takes some. */
  readonly positionals?: string
  /** Lines at the end of the help: examples, exit codes. */
  readonly notes?: readonly string[]
}

export type CommandLine<T> =
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'run'; readonly options: Readonly<T>; readonly positionals: readonly string[] }

const prefix = 'INTERGREEN_'

export interface Option {
  /** `['mqtt', 'port']` */
  readonly path: readonly string[]
  readonly flag: string
  readonly variable: string
  readonly schema: OptionSchema
}

type Tree = { [key: string]: unknown }

/** @throws IG_ERR_COMMAND_LINE_INVALID, IG_ERR_CONFIG_UNREADABLE, IG_ERR_CONFIG_INVALID */
export function readCommandLine<T>(
  program: ProgramSchema,
  argv: readonly string[],
  env: Readonly<Record<string, string | undefined>> = process.env,
): CommandLine<T> {
  const options = listOptions(program.properties, [])
  const flags = parseFlags(program, options, argv)
  if (flags.values.help === true) return { kind: 'help', text: helpText(program) }

  const values: Tree = {}
  const origin = new Map<string, string>()
  const file = typeof flags.values.config === 'string' ? flags.values.config : env.INTERGREEN_CONFIG
  if (file) takeFile(file, program.properties, values, origin)
  for (const option of options) {
    const text = env[option.variable]
    if (text !== undefined && text !== '') take(option, text, option.variable, values, origin)
  }
  for (const option of options) {
    const given = flags.values[option.flag]
    if (given !== undefined) take(option, given, `--${option.flag}`, values, origin)
  }
  validate(program, values, origin)
  return { kind: 'run', options: deepFreeze(values) as Readonly<T>, positionals: flags.positionals }
}

/** The text of --help, made from the schema. */
function helpText(program: ProgramSchema): string {
  const rows = listOptions(program.properties, []).map((option) => [
    `--${option.flag}${option.schema.type === 'boolean' ? '' : ` ${placeholder(option.schema)}`}`,
    describe(program, option),
  ])
  rows.push(['--config FILE', 'JSON file with the same options (keys in camelCase)'])
  rows.push(['--help', 'this text'])
  const width = Math.max(...rows.map(([left = '']) => left.length))
  return [
    `${program.name}${program.positionals ? ` ${program.positionals}` : ''} [options]`,
    program.summary,
    '',
    ...rows.map(([left = '', right]) => `  ${left.padEnd(width)}  ${right}`),
    '',
    'Each option may also be set in the environment: --some-option is INTERGREEN_SOME_OPTION. A flag outranks the',
    'environment, the environment the file, the file the default.',
    ...(program.notes ?? []),
    '',
  ].join('\n')
}

/** Every option of a program, those in groups too, by its flag and its variable. */
export function optionsOf(program: Pick<ProgramSchema, 'properties'>): readonly Option[] {
  return listOptions(program.properties, [])
}

/** For a child that is told by flags all it is to know: what was exported for a gateway is not meant for it. */
export function withoutOptions(
  env: Readonly<Record<string, string | undefined>> = process.env,
): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith(prefix)))
}

function listOptions(
  properties: Readonly<Record<string, OptionSchema>>,
  above: readonly string[],
): readonly Option[] {
  return Object.entries(properties).flatMap(([key, schema]) => {
    const path = [...above, key]
    if (schema.type === 'object' && schema.properties) return listOptions(schema.properties, path)
    const flag = path.map(toKebab).join('-')
    return [{ path, flag, variable: `${prefix}${flag.replaceAll('-', '_').toUpperCase()}`, schema }]
  })
}

const toKebab = (key: string) => key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

function parseFlags(program: ProgramSchema, options: readonly Option[], argv: readonly string[]) {
  const known: Record<string, { type: 'string' | 'boolean'; multiple?: boolean; short?: string }> =
    {
      help: { type: 'boolean', short: 'h' },
      config: { type: 'string' },
    }
  for (const { flag, schema } of options) {
    known[flag] = {
      type: schema.type === 'boolean' ? 'boolean' : 'string',
      multiple: schema.type === 'array',
    }
  }
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      options: known,
      allowNegative: true,
      allowPositionals: true,
    })
    if (positionals.length > 0 && !program.positionals) {
      throw CommandLineInvalid(positionals[0], `${program.name} takes no such word`)
    }
    return { values: values as Readonly<Record<string, unknown>>, positionals }
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause
    const flag = /'(-[^' ,]*)/.exec(cause.message)?.[1] ?? 'given'
    throw CommandLineInvalid.from(cause, flag, firstSentence(cause.message))
  }
}

const firstSentence = (text: string) => text.split(/\. /)[0] ?? text

function takeFile(
  file: string,
  properties: Readonly<Record<string, OptionSchema>>,
  values: Tree,
  origin: Map<string, string>,
): void {
  let content: unknown
  try {
    content = JSON.parse(readFileSync(file, 'utf8'))
  } catch (cause) {
    throw ConfigUnreadable.from(cause, file, (cause as Error).message)
  }
  if (!isTree(content)) throw ConfigInvalid(file, '/', 'is not an object')
  copyKnown(content, properties, values, [])

  function copyKnown(
    from: Tree,
    known: Readonly<Record<string, OptionSchema>>,
    to: Tree,
    path: readonly string[],
  ): void {
    for (const [key, value] of Object.entries(from)) {
      if (key === '$schema') continue
      const here = [...path, key]
      const schema = Object.hasOwn(known, key) ? known[key] : undefined
      if (!schema) {
        const names = Object.keys(known).join(', ')
        throw ConfigInvalid(file, here.join('.'), `is not known here; known are ${names}`)
      }
      if (schema.type === 'object' && schema.properties && isTree(value)) {
        const below: Tree = {}
        to[key] = below
        copyKnown(value, schema.properties, below, here)
      } else {
        to[key] = value
      }
      origin.set(here.join('.'), file)
    }
  }
}

const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Puts one value where its path says, made from text to the type the schema wants. */
function take(
  option: Option,
  given: unknown,
  source: string,
  values: Tree,
  origin: Map<string, string>,
): void {
  let place = values
  for (const key of option.path.slice(0, -1)) {
    const below = isTree(place[key]) ? place[key] : {}
    place[key] = below
    place = below
  }
  place[option.path.at(-1) ?? ''] = convert(option, given, source)
  origin.set(option.path.join('.'), source)
}

function convert({ schema }: Option, given: unknown, source: string): unknown {
  if (schema.type === 'array') {
    const texts = Array.isArray(given) ? given : [given]
    const items = texts.flatMap((text) => String(text).split(','))
    return items.map((text) => convertText(schema.items?.type, text, source))
  }
  return typeof given === 'string' ? convertText(schema.type, given, source) : given
}

function convertText(type: OptionSchema['type'], text: string, source: string): unknown {
  if (type === 'number' || type === 'integer') {
    const value = Number(text)
    if (text.trim() === '' || Number.isNaN(value)) {
      throw CommandLineInvalid(source, `${JSON.stringify(text)} is not a number`)
    }
    return value
  }
  if (type === 'boolean') {
    if (text === 'true' || text === '1') return true
    if (text === 'false' || text === '0') return false
    throw CommandLineInvalid(source, `${JSON.stringify(text)} is neither true nor false`)
  }
  return text
}

/** Fills in the defaults and has ajv judge the whole. */
function validate(program: ProgramSchema, values: Tree, origin: ReadonlyMap<string, string>): void {
  const ajv = new Ajv2020({ useDefaults: true, strict: false, allErrors: false })
  const check = ajv.compile({
    type: 'object',
    properties: withGroupDefaults(program.properties),
    required: program.required ?? [],
    additionalProperties: false,
  })
  if (check(values)) return
  const error = (check.errors as ErrorObject[])[0]
  const missing = error?.params.missingProperty as string | undefined
  const path = [...(error?.instancePath ?? '').split('/').slice(1), ...(missing ? [missing] : [])]
  const named = listOptions(program.properties, []).find((option) =>
    option.path.every((key, index) => path[index] === key),
  )
  const flag = named ? `--${named.flag}` : path.join('.')
  const problem = missing
    ? `must be given${named?.schema.description ? `: ${named.schema.description}` : ''}`
    : `${error?.message ?? 'is not valid'}${allowed(error)}`
  const from = origin.get((named?.path ?? path).join('.'))
  if (from && !from.startsWith('--') && !from.startsWith(prefix)) {
    throw ConfigInvalid(from, path.join('.'), problem)
  }
  throw CommandLineInvalid(from ?? flag, problem)
}

function allowed(error: ErrorObject | undefined): string {
  const values = error?.params.allowedValues
  return Array.isArray(values) ? `: ${values.join(', ')}` : ''
}

/** A group that was not given at all must still get the defaults of its members. */
function withGroupDefaults(
  properties: Readonly<Record<string, OptionSchema>>,
): Record<string, OptionSchema> {
  return Object.fromEntries(
    Object.entries(properties).map(([key, schema]) => {
      if (schema.type !== 'object' || !schema.properties) return [key, schema]
      const below = withGroupDefaults(schema.properties)
      return [key, { additionalProperties: false, ...schema, properties: below, default: {} }]
    }),
  )
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    for (const member of Object.values(value)) deepFreeze(member)
    Object.freeze(value)
  }
  return value
}

function placeholder(schema: OptionSchema): string {
  if (schema.enum) return schema.enum.join('|')
  if (schema.type === 'number' || schema.type === 'integer') return 'N'
  if (schema.type === 'array') return `${placeholder(schema.items ?? {})}[,…]`
  return 'TEXT'
}

function describe(program: ProgramSchema, { path, schema }: Option): string {
  const isRequired = path.length === 1 && program.required?.includes(path[0] ?? '')
  const extra =
    schema.default === undefined
      ? isRequired
        ? ' (must be given)'
        : ''
      : ` (default ${[schema.default].flat().join(',') || 'none'})`
  return `${schema.description ?? ''}${extra}`
}
