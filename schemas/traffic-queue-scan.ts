/**
 * Reads a `traffic.queue` status straight from its bytes, without making a value of it: about 1 µs for 230 bytes, for the
 * message a city sends most.
 *
 * - It knows only the ordinary: JSON without white space, escapes, exponents or members met twice, with members in any
 *   order. For such a message it answers true, and ajv would say valid; the numbers are exactly those of JSON.parse.
 * - For anything else it answers false, which says nothing: parse it and let ajv judge. A fuzzed test holds both sentences.
 * - It allocates nothing; what it found is in the scan it was given, until the next one.
 */

/** What was found. Lanes of all entries lie one after the other. */
export class TrafficQueueScan {
  entries = 0
  readonly tsMs = new Float64Array(entriesMax)
  readonly seqs = new Float64Array(entriesMax)
  /** By entry: index after its last lane. */
  readonly lanesEnd = new Uint32Array(entriesMax)
  lanes = 0
  /** By lane: where its component's name stands in the bytes. */
  readonly nameStart = new Uint32Array(lanesMax)
  readonly nameEnd = new Uint32Array(lanesMax)
  readonly queueVehicles = new Float64Array(lanesMax)
  readonly queueMeters = new Float64Array(lanesMax)
  readonly approachingVehicles = new Float64Array(lanesMax)
  /** Members that may be absent: NaN where they are. */
  readonly passedVehicles = new Float64Array(lanesMax)
  readonly blockedVehicles = new Float64Array(lanesMax)
  readonly rangeMeters = new Float64Array(lanesMax)
}

/** A live message has one entry, at most a few; longer ones are back-fill and not in a hurry. */
const entriesMax = 8
const lanesMax = 128
const lanesPerEntryMax = 64 // maxProperties of the schema.

/** Where the cursor stands; -1 when the message is not an ordinary one. One thread, one scan at a time. */
let at = 0
let value = 0

const seen = { entries: 1, done: 2, ts: 1, seq: 2, values: 4 } as const
const entryComplete = seen.ts | seen.seq | seen.values
const lane = {
  queueVehicles: 1,
  queueMeters: 2,
  approachingVehicles: 4,
  passedVehicles: 8,
  blockedVehicles: 16,
  rangeMeters: 32,
  arrivalsS: 64,
} as const
const laneComplete = lane.queueVehicles | lane.queueMeters | lane.approachingVehicles
const vehiclesMax = 1_000
const blockedMax = 10_000
const metersMax = 5_000
const arrivalsMax = 64
const arrivalSMax = 600

const quote = 0x22
const comma = 0x2c
const dot = 0x2e
const slash = 0x2f
const colon = 0x3a
const zero = 0x30
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d

const text = (characters: string) => Uint8Array.from(Buffer.from(characters, 'latin1'))
const entriesHead = text('{"entries":[')
const lanesHead = text('{"lanes":{')
const keys = {
  ts: text('"ts":"'),
  seq: text('"seq":'),
  values: text('"values":'),
  queueVehicles: text('"queueVehicles":'),
  queueMeters: text('"queueMeters":'),
  approachingVehicles: text('"approachingVehicles":'),
  passedVehicles: text('"passedVehicles":'),
  blockedVehicles: text('"blockedVehicles":'),
  rangeMeters: text('"rangeMeters":'),
  arrivalsS: text('"arrivalsS":['),
} as const

/** True: valid, and `scan` holds it. False: ask ajv. */
export function scanTrafficQueue(
  bytes: Uint8Array,
  start: number,
  end: number,
  scan: TrafficQueueScan,
): boolean {
  scan.entries = 0
  scan.lanes = 0
  at = start
  if (!skip(bytes, entriesHead)) return false
  for (;;) {
    if (!readEntry(bytes, scan)) return false
    const byte = bytes[at++]
    if (byte === closeBracket) break
    if (byte !== comma || scan.entries === entriesMax) return false
  }
  // Bytes beyond `end` belong to somebody else; whoever read into them is found here.
  return bytes[at++] === closeBrace && at === end
}

function readEntry(bytes: Uint8Array, scan: TrafficQueueScan): boolean {
  if (bytes[at++] !== openBrace) return false
  let found = 0
  const index = scan.entries
  for (;;) {
    let member: number
    switch (bytes[at + 1]) {
      case 0x74: // t
        member = seen.ts
        if (!skip(bytes, keys.ts) || !readTime(bytes)) return false
        scan.tsMs[index] = value
        break
      case 0x73: // s
        member = seen.seq
        if (!skip(bytes, keys.seq) || !readInteger(bytes, Number.MAX_SAFE_INTEGER)) return false
        scan.seqs[index] = value
        break
      case 0x76: // v
        member = seen.values
        if (!skip(bytes, keys.values) || !readLanes(bytes, scan)) return false
        break
      default:
        return false
    }
    if ((found & member) !== 0) return false
    found |= member
    const byte = bytes[at++]
    if (byte === closeBrace) break
    if (byte !== comma) return false
  }
  if (found !== entryComplete) return false
  scan.lanesEnd[index] = scan.lanes
  scan.entries = index + 1
  return true
}

function readLanes(bytes: Uint8Array, scan: TrafficQueueScan): boolean {
  if (!skip(bytes, lanesHead)) return false
  const first = scan.lanes
  for (;;) {
    const count = scan.lanes - first
    if (scan.lanes === lanesMax || count === lanesPerEntryMax || !readName(bytes, scan))
      return false
    if (!isNewName(bytes, scan, first) || !readLane(bytes, scan)) return false
    scan.lanes += 1
    const byte = bytes[at++]
    if (byte === closeBrace) break
    if (byte !== comma) return false
  }
  return bytes[at++] === closeBrace
}

/** `"ln/1":`: two to eight letters, a slash, one to four digits. */
function readName(bytes: Uint8Array, scan: TrafficQueueScan): boolean {
  if (bytes[at] !== quote) return false
  const from = at + 1
  let end = from
  while (isLetter(bytes[end] as number)) end++
  const letters = end - from
  if (letters < 2 || letters > 8 || bytes[end] !== slash) return false
  const digitsFrom = ++end
  while (isDigit(bytes[end] as number)) end++
  const digits = end - digitsFrom
  if (digits < 1 || digits > 4 || bytes[end] !== quote || bytes[end + 1] !== colon) return false
  scan.nameStart[scan.lanes] = from
  scan.nameEnd[scan.lanes] = end
  at = end + 2
  return true
}

/** JSON.parse takes the last of two members of one name; we leave that to it. */
function isNewName(bytes: Uint8Array, scan: TrafficQueueScan, first: number): boolean {
  const from = scan.nameStart[scan.lanes] as number
  const length = (scan.nameEnd[scan.lanes] as number) - from
  for (let other = first; other < scan.lanes; other++) {
    const start = scan.nameStart[other] as number
    if ((scan.nameEnd[other] as number) - start !== length) continue
    let i = length - 1 // Names differ at their end, if at all.
    while (i >= 0 && bytes[start + i] === bytes[from + i]) i--
    if (i < 0) return false
  }
  return true
}

function readLane(bytes: Uint8Array, scan: TrafficQueueScan): boolean {
  if (bytes[at++] !== openBrace) return false
  const index = scan.lanes
  scan.passedVehicles[index] = Number.NaN
  scan.blockedVehicles[index] = Number.NaN
  scan.rangeMeters[index] = Number.NaN
  let found = 0
  for (;;) {
    const member = readMember(bytes, scan, index)
    if (member === 0 || (found & member) !== 0) return false
    found |= member
    const byte = bytes[at++]
    if (byte === closeBrace) return (found & laneComplete) === laneComplete
    if (byte !== comma) return false
  }
}

/** Which member it was, 0 for none that is known. */
function readMember(bytes: Uint8Array, scan: TrafficQueueScan, index: number): number {
  // The sixth letter tells them apart: queueV…, queueM…, approa…, passed…, blocke…, rangeM…, arriva…
  switch (bytes[at + 6]) {
    case 0x56: // V
      if (!skip(bytes, keys.queueVehicles) || !readInteger(bytes, vehiclesMax)) return 0
      scan.queueVehicles[index] = value
      return lane.queueVehicles
    case 0x4d: // M
      if (bytes[at + 1] === 0x72) {
        if (!skip(bytes, keys.rangeMeters) || !readNumber(bytes, metersMax)) return 0
        scan.rangeMeters[index] = value
        return lane.rangeMeters
      }
      if (!skip(bytes, keys.queueMeters) || !readNumber(bytes, metersMax)) return 0
      scan.queueMeters[index] = value
      return lane.queueMeters
    case 0x61: // a
      if (bytes[at + 2] === 0x72) return readArrivals(bytes) ? lane.arrivalsS : 0
      if (!skip(bytes, keys.approachingVehicles) || !readInteger(bytes, vehiclesMax)) return 0
      scan.approachingVehicles[index] = value
      return lane.approachingVehicles
    case 0x64: // d
      if (!skip(bytes, keys.passedVehicles) || !readInteger(bytes, vehiclesMax)) return 0
      scan.passedVehicles[index] = value
      return lane.passedVehicles
    case 0x65: // e
      if (!skip(bytes, keys.blockedVehicles) || !readInteger(bytes, blockedMax)) return 0
      scan.blockedVehicles[index] = value
      return lane.blockedVehicles
    default:
      return 0
  }
}

function readArrivals(bytes: Uint8Array): boolean {
  if (!skip(bytes, keys.arrivalsS)) return false
  if (bytes[at] === closeBracket) {
    at++
    return true
  }
  for (let count = 1; count <= arrivalsMax; count++) {
    if (!readNumber(bytes, arrivalSMax)) return false
    const byte = bytes[at++]
    if (byte === closeBracket) return true
    if (byte !== comma) return false
  }
  return false
}

function skip(bytes: Uint8Array, expected: Uint8Array): boolean {
  for (let i = 0; i < expected.length; i++) if (bytes[at + i] !== expected[i]) return false
  at += expected.length
  return true
}

function isLetter(byte: number): boolean {
  return byte >= 0x61 && byte <= 0x7a
}

function isDigit(byte: number): boolean {
  return byte >= zero && byte <= 0x39
}

/** So many digits are always exact as a number. */
const digitsMax = 15
const mostDigits = 16 // Of Number.MAX_SAFE_INTEGER.

/** A whole number without sign, exponent and leading zero, into `value`. */
function readInteger(bytes: Uint8Array, max: number): boolean {
  const from = at
  let sum = 0
  for (let byte = bytes[at] as number; isDigit(byte); byte = bytes[++at] as number) {
    sum = sum * 10 + (byte - zero)
  }
  const digits = at - from
  if (digits === 0 || digits > mostDigits || (digits > 1 && bytes[from] === zero)) return false
  value = sum
  // What is larger than any exact integer may have been rounded, but not down to one.
  return sum <= max
}

/**
 * A number without sign and exponent, into `value`. Digits as one integer, divided by a power of ten: both are exact, so
 * the quotient is the nearest number there is, which is what JSON.parse takes (Clinger 1990).
 */
function readNumber(bytes: Uint8Array, max: number): boolean {
  const from = at
  let sum = 0
  let byte = bytes[at] as number
  for (; isDigit(byte); byte = bytes[++at] as number) sum = sum * 10 + (byte - zero)
  const digits = at - from
  if (digits === 0 || digits > digitsMax || (digits > 1 && bytes[from] === zero)) return false
  if (byte === dot) {
    const fractionFrom = ++at
    for (byte = bytes[at] as number; isDigit(byte); byte = bytes[++at] as number) {
      sum = sum * 10 + (byte - zero)
    }
    const fraction = at - fractionFrom
    if (fraction === 0 || digits + fraction > digitsMax) return false
    sum /= powersOfTen[fraction] as number
  }
  value = sum
  return sum <= max
}

const powersOfTen = Float64Array.from({ length: digitsMax + 1 }, (_, exponent) => 10 ** exponent)

/** The minute of the timestamp read last, as it stood in the bytes: `2026-11-22T18:09:`. */
const minuteText = new Uint8Array(17)
let minuteAtMs = Number.NaN
const lengthOfTime = 25 // With the closing quote.

/** `2026-11-22T18:09:30.125Z"` as milliseconds, into `value`. */
function readTime(bytes: Uint8Array): boolean {
  let i = 16 // Backwards: what changes most stands at the end.
  while (i >= 0 && bytes[at + i] === minuteText[i]) i--
  if (i >= 0 && !readMinute(bytes)) return false
  const second = pair(bytes, at + 17)
  const ms = pair(bytes, at + 20) * 10 + digit(bytes, at + 22)
  if (!(second < 60 && ms < 1_000)) return false // NaN is no digit.
  if (bytes[at + 19] !== dot || bytes[at + 23] !== 0x5a || bytes[at + 24] !== quote) return false
  value = minuteAtMs + second * 1_000 + ms
  at += lengthOfTime
  return true
}

function readMinute(bytes: Uint8Array): boolean {
  const moment = Buffer.from(bytes.subarray(at, at + minuteText.length)).toString('latin1')
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:$/.test(moment)) return false
  const found = Date.parse(`${moment}00.000Z`)
  // A day that does not exist is rolled over to the next month by some, refused by others: it comes back different.
  if (Number.isNaN(found) || !new Date(found).toISOString().startsWith(moment)) return false
  minuteAtMs = found
  minuteText.set(bytes.subarray(at, at + minuteText.length))
  return true
}

function digit(bytes: Uint8Array, index: number): number {
  const byte = (bytes[index] as number) - zero
  return byte >= 0 && byte <= 9 ? byte : Number.NaN
}

function pair(bytes: Uint8Array, index: number): number {
  return digit(bytes, index) * 10 + digit(bytes, index + 1)
}
