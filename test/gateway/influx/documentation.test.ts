import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { lampCodes, measurements, qualityCodes } from '../../../gateway/influx/measurements.ts'

const page = readFileSync(join(import.meta.dirname, '../../../docs/influx.md'), 'utf8')

function sectionOf(measurement: (typeof measurements)[keyof typeof measurements]): string {
  const meanings: Readonly<Record<string, string>> = measurement.meanings
  const rows = measurement.fields.map(
    ({ name, kind }) => `| ${name} | ${kind} | ${meanings[name]} |`,
  )
  const tags = measurement.tags.length > 0 ? measurement.tags.join(', ') : 'none'
  return [
    `### ${measurement.name}`,
    '',
    measurement.says,
    '',
    `Tags: ${tags}`,
    '',
    '| field | kind | meaning |',
    '|---|---|---|',
    ...rows,
  ].join('\n')
}

test.each(Object.values(measurements).map((each) => [each.name, each] as const))(
  '%s is documented as it is written',
  (_, measurement) => {
    expect(page).toContain(sectionOf(measurement))
  },
)

test('nothing is documented that is not written', () => {
  const documented = [...page.matchAll(/^### (\w+)$/gm)].map((match) => match[1])
  const written = Object.values(measurements).map(({ name }) => name)
  expect(documented.toSorted()).toEqual(written.toSorted())
})

test('the codes of quality and lamps are documented', () => {
  for (const [quality, code] of Object.entries(qualityCodes))
    expect(page).toContain(`| ${code} | ${quality} |`)
  for (const [lamp, code] of Object.entries(lampCodes))
    expect(page).toContain(`| ${code} | ${lamp} |`)
})

test('no tag can hold an id, a text or a quality', () => {
  const tags = new Set(Object.values(measurements).flatMap((each): readonly string[] => each.tags))
  expect([...tags].sort()).toEqual([
    'code',
    'component',
    'event',
    'kind',
    'model',
    'node',
    'quantity',
    'role',
    'rung',
    'stage',
    'state',
    'strategy',
    'window',
    'zone',
  ])
})

test('fields stand in the order of their names, as the library writes them', () => {
  for (const { fields } of Object.values(measurements)) {
    const names = fields.map(({ name }) => name)
    expect(names).toEqual(names.toSorted())
  }
})
