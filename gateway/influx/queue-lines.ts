/**
 * `traffic.queue` of ordinary quality straight from columns of numbers to lines: the same lines as points.ts and line.ts
 * give, byte for byte (a test holds it), without a point or a string in between.
 */
import { zoneOf } from '../../schemas/ids.ts'
import { createSeries } from './line.ts'
import type { LineBuffer } from './line-buffer.ts'
import { measurements } from './measurements.ts'
import type { Lane, QueueColumns } from './record-block.ts'
import { valuesPerLane } from './record-block.ts'

const text = (characters: string) => Uint8Array.from(Buffer.from(characters, 'latin1'))
const first = ' approaching_vehicles='
const between = {
  blocked: text('i,blocked_vehicles='),
  passed: text('i,passed_vehicles='),
  meters: text('i,queue_meters='),
  vehicles: text(',queue_vehicles='),
  range: text('i,range_meters='),
  afterInteger: text('i '),
  afterNumber: text(' '),
} as const

/** Appends the lines of entries `from` to `to`. */
export function addQueueLines(
  { atMs, lanesEnd, lanes, values }: QueueColumns,
  from: number,
  to: number,
  out: LineBuffer,
): void {
  let lane = from === 0 ? 0 : (lanesEnd[from - 1] as number)
  for (let entry = from; entry < to; entry++) {
    for (; lane < (lanesEnd[entry] as number); lane++) {
      out.bytes(headOf(lanes[lane] as Lane))
      addValues(values, lane * valuesPerLane, out)
      out.moment(atMs[entry] as number)
      out.endLine()
    }
  }
}

/** Fields in the order of their names. */
function addValues(values: Float64Array, at: number, out: LineBuffer): void {
  const passed = values[at + 3] as number
  const blocked = values[at + 4] as number
  const range = values[at + 5] as number
  out.number(values[at + 2] as number)
  if (!Number.isNaN(blocked)) {
    out.bytes(between.blocked)
    out.number(blocked)
  }
  if (!Number.isNaN(passed)) {
    out.bytes(between.passed)
    out.number(passed)
  }
  out.bytes(between.meters)
  out.number(values[at + 1] as number)
  out.bytes(between.vehicles)
  out.number(values[at] as number)
  if (Number.isNaN(range)) {
    out.bytes(between.afterInteger)
    return
  }
  out.bytes(between.range)
  out.number(range)
  out.bytes(between.afterNumber)
}

/** Measurement, tags and the first field's name: what opens each line of the lane. */
function headOf(lane: Lane): Uint8Array {
  if (lane.inInflux !== undefined) return lane.inInflux as Uint8Array
  const { component } = lane
  const { node } = lane.topic
  const { head } = createSeries(measurements.trafficQueue, { component, node, zone: zoneOf(node) })
  const bytes = text(`${head}${first}`) // Nodes and lanes are ASCII.
  lane.inInflux = bytes
  return bytes
}
