/**
 * Is this value a valid message of that type and code? ajv compiles each schema once, on first use.
 *
 * - `validateMessage` never throws for a bad value: it answers with paths and reasons.
 * - ajv's compiled code is the only judge of what is valid; whoever is faster must prove to agree with it.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import type { MessageType } from './topics.ts'

export interface SchemaError {
  /** JSON pointer of the member that does not fit. */
  readonly path: string
  readonly message: string
}

const schemaBase = 'https://intergreen.dev/schemas/v1/'
const folders = [
  'status',
  'alarm',
  'command',
  'request',
  'result',
  'presence',
  'reject',
  'channel',
  'site',
] as const

/** Which schema file judges a message; a replay is judged as the status it repeats. */
function schemaPath(type: MessageType, code: string): string {
  switch (type) {
    case 'presence':
    case 'result':
    case 'channel':
    case 'reject':
      return `${type}/${type}.schema.json`
    case 'replay':
      return `status/${code}.schema.json`
    default:
      return `${type}/${code}.schema.json`
  }
}

function loadSchemas(): Map<string, object> {
  const loaded = new Map<string, object>()
  for (const folder of folders) {
    const dir = join(import.meta.dirname, folder)
    for (const name of readdirSync(dir).filter((file) => file.endsWith('.schema.json'))) {
      loaded.set(`${folder}/${name}`, JSON.parse(readFileSync(join(dir, name), 'utf8')))
    }
  }
  return loaded
}

const schemas = loadSchemas()
const ajv = new Ajv2020({
  allErrors: false, // The first error is enough to refuse, and unbounded lists are a way to make us work.
  strict: true,
  allowUnionTypes: true,
  strictRequired: false, // `required` of a shared definition names members its user declares.
})
ajv.addSchema(JSON.parse(readFileSync(join(import.meta.dirname, 'common.schema.json'), 'utf8')))

const compiled = new Map<string, ValidateFunction>()

function validatorOf(path: string): ValidateFunction | undefined {
  const known = compiled.get(path)
  if (known) return known
  const schema = schemas.get(path)
  if (!schema) return undefined
  const validate = ajv.compile(schema)
  compiled.set(path, validate)
  return validate
}

/** Paths of all schemas, for tools and tests. */
export function schemaPaths(): readonly string[] {
  return [...schemas.keys()].sort()
}

/** The compiled ajv function of a message, for who must avoid the lookup; undefined for an unknown code. */
export function messageValidator(type: MessageType, code: string): ValidateFunction | undefined {
  return validatorOf(schemaPath(type, code))
}

/** Undefined when valid; else what does not fit. `unknown` tells that there is no such code. */
export function validateMessage(
  type: MessageType,
  code: string,
  value: unknown,
): readonly SchemaError[] | 'unknown' | undefined {
  const validate = validatorOf(schemaPath(type, code))
  if (!validate) return 'unknown'
  return validate(value) ? undefined : errorsOf(validate)
}

/** Undefined when `value` fits the schema at `path` (for example `site/junction.schema.json`). */
export function validateAgainst(path: string, value: unknown): readonly SchemaError[] | undefined {
  const validate = validatorOf(path)
  if (!validate) throw new Error(`no schema ${schemaBase}${path}`)
  return validate(value) ? undefined : errorsOf(validate)
}

export function errorsOf(validate: ValidateFunction): readonly SchemaError[] {
  return (validate.errors ?? []).map((error) => ({
    path: error.instancePath || '/',
    message: `${error.message ?? error.keyword}${detail(error.params)}`,
  }))
}

function detail(params: Record<string, unknown>): string {
  if (typeof params.additionalProperty === 'string') return ` (${params.additionalProperty})`
  if (Array.isArray(params.allowedValues)) return ` (${params.allowedValues.join(', ')})`
  return ''
}
