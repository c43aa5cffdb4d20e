/**
 * The ordinary `traffic.queue` messages of a block as columns of numbers: made once, read by every reader of the thread,
 * with no value, object or string per message.
 *
 *   record   entriesEnd[record]    its entries begin where those of the record before end
 *   entry    atMs[entry], lanesEnd[entry]
 *   lane     lanes[lane], values[lane * 6 …]: vehicles, meters, approaching, passed, blocked, range; NaN where absent
 */
import type { TrafficQueueScan } from '../../schemas/traffic-queue-scan.ts'
import { KnownLane, type KnownTopic } from './known-topics.ts'

export interface QueueColumns {
  /** By record; a record without entries is none of these messages, or none that is ordinary. */
  readonly entriesEnd: Uint32Array
  readonly atMs: Float64Array
  readonly lanesEnd: Uint32Array
  readonly lanes: readonly KnownLane[]
  readonly values: Float64Array
}

export const valuesPerLane = 6
const roomAtFirst = 1_024

/** Gathers the columns of one block after the other; `take` cuts them to their size. */
export class QueueColumnsBuilder {
  #entriesEnd = new Uint32Array(0)
  #records = 0
  #atMs = new Float64Array(roomAtFirst)
  #lanesEnd = new Uint32Array(roomAtFirst)
  #entries = 0
  #lanes: KnownLane[] = []
  #values = new Float64Array(roomAtFirst * valuesPerLane)

  begin(records: number): void {
    this.#entriesEnd = new Uint32Array(records)
    this.#records = 0
    this.#entries = 0
    this.#lanes = []
  }

  /** A record that is to be taken apart by its readers. */
  addOther(): void {
    this.#entriesEnd[this.#records++] = this.#entries
  }

  add(bytes: Uint8Array, known: KnownTopic, scan: TrafficQueueScan): void {
    this.#makeRoom(scan)
    const lanes = this.#lanes
    let lane = 0
    for (let entry = 0; entry < scan.entries; entry++) {
      const first = lane
      for (; lane < (scan.lanesEnd[entry] as number); lane++) {
        this.#addValues(scan, lane, lanes.length * valuesPerLane)
        lanes.push(laneOf(bytes, known, scan, lane, lane - first))
      }
      this.#atMs[this.#entries] = scan.tsMs[entry] as number
      this.#lanesEnd[this.#entries++] = lanes.length
    }
    this.#entriesEnd[this.#records++] = this.#entries
  }

  take(): QueueColumns {
    return {
      entriesEnd: this.#entriesEnd,
      atMs: this.#atMs.slice(0, this.#entries),
      lanesEnd: this.#lanesEnd.slice(0, this.#entries),
      lanes: this.#lanes,
      values: this.#values.slice(0, this.#lanes.length * valuesPerLane),
    }
  }

  #addValues(scan: TrafficQueueScan, lane: number, at: number): void {
    const values = this.#values
    values[at] = scan.queueVehicles[lane] as number
    values[at + 1] = scan.queueMeters[lane] as number
    values[at + 2] = scan.approachingVehicles[lane] as number
    values[at + 3] = scan.passedVehicles[lane] as number
    values[at + 4] = scan.blockedVehicles[lane] as number
    values[at + 5] = scan.rangeMeters[lane] as number
  }

  #makeRoom(scan: TrafficQueueScan): void {
    if (this.#entries + scan.entries > this.#atMs.length) {
      this.#atMs = grown(this.#atMs, new Float64Array(this.#atMs.length * 2))
      this.#lanesEnd = grown(this.#lanesEnd, new Uint32Array(this.#lanesEnd.length * 2))
    }
    if ((this.#lanes.length + scan.lanes) * valuesPerLane > this.#values.length)
      this.#values = grown(this.#values, new Float64Array(this.#values.length * 2))
  }
}

function laneOf(
  bytes: Uint8Array,
  { topic, lanes }: KnownTopic,
  scan: TrafficQueueScan,
  lane: number,
  place: number,
): KnownLane {
  const from = scan.nameStart[lane] as number
  const to = scan.nameEnd[lane] as number
  const last = lanes[place]
  if (last?.isNamed(bytes, from, to)) return last
  // A device that names its lanes in another order now.
  const moved = lanes.find((known) => known?.isNamed(bytes, from, to))
  const found = moved ?? new KnownLane(topic!, bytes.subarray(from, to))
  lanes[place] = found
  return found
}

function grown<T extends Float64Array | Uint32Array>(full: T, larger: T): T {
  larger.set(full)
  return larger
}
