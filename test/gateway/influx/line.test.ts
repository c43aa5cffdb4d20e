import { Point as LibraryPoint } from '@influxdata/influxdb-client'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createSeries, formatLine, onOneLine } from '../../../gateway/influx/line.ts'
import type { FieldKind, FieldValue } from '../../../gateway/influx/ports.ts'

/** What the client library writes for the same point. */
function libraryLine(
  name: string,
  tags: Record<string, string>,
  fields: readonly { name: string; kind: FieldKind; value: FieldValue }[],
  atMs: number,
): string | undefined {
  const point = new LibraryPoint(name)
  for (const [tag, value] of Object.entries(tags)) point.tag(tag, value)
  for (const { name: field, kind, value } of fields) {
    if (value === undefined) continue
    if (kind === 'int') point.intField(field, value)
    else if (kind === 'float') point.floatField(field, value)
    else if (kind === 'bool') point.booleanField(field, value)
    else point.stringField(field, value)
  }
  return point.timestamp(String(atMs)).toLineProtocol({ convertTime: (value) => String(value) })
}

/** All that has to be escaped, and its neighbours, far more often than chance would have it. */
const awkward = fc.string({
  unit: fc.oneof(
    fc.constantFrom(',', ' ', '=', '"', '\\', '\n', '\r', '\t', '/', '-', 'ä', '€', '🚦', 'i', '0'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
  maxLength: 12,
})
const fieldName = fc.stringMatching(/^[a-z][a-z0-9_]{0,15}$/)
const field = fc.oneof(
  fc.record({ kind: fc.constant('int' as const), value: fc.maxSafeInteger() }),
  fc.record({
    kind: fc.constant('float' as const),
    value: fc.double({ noNaN: true, noDefaultInfinity: true }),
  }),
  fc.record({ kind: fc.constant('bool' as const), value: fc.boolean() }),
  fc.record({ kind: fc.constant('text' as const), value: awkward }),
)

/** The library keeps tags in a plain object, so that one of this name sets its prototype and is forgotten. */
const keptByLibrary = awkward.filter((name) => name !== '__proto__')

test('a line is byte for byte what the client library writes', () => {
  fc.assert(
    fc.property(
      awkward.filter((name) => name !== ''),
      fc.dictionary(keptByLibrary, awkward, { maxKeys: 4 }),
      fc.dictionary(fieldName, fc.option(field, { nil: undefined }), { maxKeys: 6 }),
      fc.integer({ min: -1e13, max: 1e13 }),
      (name, tags, values, atMs) => {
        const names = Object.keys(values).sort()
        const fields = names.map((at) => ({ name: at, kind: values[at]?.kind ?? ('int' as const) }))
        const measurement = { name, fields }
        const point = {
          series: createSeries(measurement, tags),
          values: names.map((at) => values[at]?.value),
          atMs,
        }
        const given = fields.map((at, index) => ({ ...at, value: point.values[index] }))
        expect(formatLine(point)).toBe(libraryLine(name, tags, given, atMs))
      },
    ),
    { numRuns: 3_000 },
  )
})

test('no tag is lost for its name', () => {
  const measurement = { name: 'm', fields: [{ name: 'a', kind: 'int' as const }] }
  const tags = JSON.parse('{"__proto__":"p","constructor":"c","toString":"t"}')
  const series = createSeries(measurement, tags)
  expect(formatLine({ series, values: [1], atMs: 2 })).toBe(
    'm,__proto__=p,constructor=c,toString=t a=1i 2',
  )
})

test('a point without a value is no line', () => {
  const measurement = { name: 'm', fields: [{ name: 'a', kind: 'int' as const }] }
  const series = createSeries(measurement, { node: 'n/d' })
  expect(formatLine({ series, values: [undefined], atMs: 1 })).toBeUndefined()
})

test('text is put on one line', () => {
  expect(onOneLine('one\r\ntwo\nthree')).toBe('one two three')
})
