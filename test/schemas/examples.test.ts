/** The examples are documentation and test data at once: each says in its name what must become of it. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { decodePayload, encodePayload } from '../../schemas/payload.ts'
import { schemaPaths, validateAgainst } from '../../schemas/validators.ts'

const root = join(import.meta.dirname, '../../schemas/examples')
const schemasWithExamples = readdirSync(root).flatMap((type) =>
  readdirSync(join(root, type)).map((code) => `${type}/${code}`),
)

test('every schema has examples, valid and invalid', () => {
  expect(schemasWithExamples.map((path) => `${path}.schema.json`).sort()).toEqual(schemaPaths())
  for (const path of schemasWithExamples) {
    const kinds = new Set(readdirSync(join(root, path)).map((name) => name.split('-')[0]))
    expect([...kinds].sort(), path).toEqual(['invalid', 'valid'])
  }
})

describe.each(schemasWithExamples)('%s', (path) => {
  const names = readdirSync(join(root, path))
  const judge = (value: unknown) => validateAgainst(`${path}.schema.json`, value)

  test.each(names.filter((name) => name.startsWith('valid-')))(
    '%s fits, as JSON and as CBOR',
    (name) => {
      const value = JSON.parse(readFileSync(join(root, path, name), 'utf8'))
      expect(judge(value)).toBeUndefined()
      for (const format of ['json', 'cbor'] as const) {
        expect(decodePayload(encodePayload(value, format))).toEqual({ value })
      }
    },
  )

  test.each(names.filter((name) => name.startsWith('invalid-')))('%s does not fit', (name) => {
    const value = JSON.parse(readFileSync(join(root, path, name), 'utf8'))
    expect(name).toMatch(/^invalid-IG_ERR_MSG_SCHEMA-/)
    const [first] = judge(value) ?? []
    expect(first?.path).toMatch(/^\//)
    expect(first?.message.length).toBeGreaterThan(0)
  })
})
