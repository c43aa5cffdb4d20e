/**
 * A point as one line of line protocol, time in milliseconds. Pure.
 *
 * - Byte for byte what the client library's `Point` would write (a fuzzed test holds it); it exists because
 *   that one takes about five times as long, see docs/decisions/0020-line-protocol.md.
 * - What opens a line is made once per series, since only fields and time differ from line to line.
 */
import type { FieldKind, FieldValue, Measurement, Point, Series } from './ports.ts'

const inMeasurement = /[, \n\r\t]/g
const inTag = /[, =\n\r\t]/g
const inText = /["\\]/g
const lineBreaks = /[\n\r]+/g
const letters: Readonly<Record<string, string>> = { '\n': 'n', '\r': 'r', '\t': 't' }
const escaped = (character: string) => `\\${letters[character] ?? character}`

/** Tags with an empty value are left out: line protocol has no empty tags. */
export function createSeries(
  measurement: Measurement,
  tags: Readonly<Record<string, string>>,
): Series {
  const sorted = Object.entries(tags)
    .filter(([name, value]) => name !== '' && value !== '')
    .sort(([a], [b]) => (a < b ? -1 : 1))
  const head = sorted.reduce(
    (text, [name, value]) =>
      `${text},${name.replace(inTag, escaped)}=${value.replace(inTag, escaped)}`,
    measurement.name.replace(inMeasurement, escaped),
  )
  return { measurement, tags: sorted, head }
}

/** Undefined where no field has a value: such a point says nothing. */
export function formatLine(point: Point): string | undefined {
  const { values, series } = point
  const { fields } = series.measurement
  let text = series.head
  let separator = ' '
  for (let at = 0; at < fields.length; at++) {
    const value = values[at]
    if (value === undefined) continue
    const field = fields[at] as (typeof fields)[number]
    text += `${separator}${field.name}=${formatValue(field.kind, value)}`
    separator = ','
  }
  return separator === ' ' ? undefined : `${text} ${point.atMs}`
}

function formatValue(kind: FieldKind, value: Exclude<FieldValue, undefined>): string {
  switch (kind) {
    case 'int':
      return `${Math.floor(value as number)}i`
    case 'float':
      return String(value)
    case 'bool':
      return value ? 'T' : 'F'
    case 'text':
      return `"${(value as string).replace(inText, escaped)}"`
  }
}

/** Text on one line: some databases cut at a line break before they look for quotes. */
export function onOneLine(text: string): string {
  return text.replace(lineBreaks, ' ')
}
