/**
 * Writes schemas/generated/messages.ts: the TypeScript types of every schema. `npm run generate` after a
 * change of a schema; a test holds that the file is what the schemas say.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { compile, type JSONSchema } from 'json-schema-to-typescript'
import { schemaPaths } from './validators.ts'

const here = import.meta.dirname
const commonReference = /"https:[^"]*common\.schema\.json#\/\$defs\//g

/** All schemas as definitions of one, so that a type two messages share is declared once. */
export async function generateTypes(): Promise<string> {
  const read = (path: string) =>
    JSON.parse(readFileSync(join(here, path), 'utf8').replace(commonReference, '"#/$defs/'))
  const definitions: Record<string, JSONSchema> = { ...read('common.schema.json').$defs }
  for (const path of schemaPaths()) {
    const { $id: _id, $schema: _schema, ...schema } = read(path)
    definitions[schema.title as string] = schema
  }
  return await compile({ $defs: definitions, title: 'Messages', type: 'object' }, 'Messages', {
    bannerComment:
      '/** Generated from the JSON Schemas by `npm run generate`; not written by hand. */',
    additionalProperties: false,
    unreachableDefinitions: true,
    ignoreMinAndMaxItems: true,
    style: { semi: false, singleQuote: true, printWidth: 100 },
  })
}

if (basename(process.argv[1] ?? '') === 'generate.ts') {
  writeFileSync(join(here, 'generated', 'messages.ts'), await generateTypes())
}
