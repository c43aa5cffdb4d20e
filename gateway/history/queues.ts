/**
 * traffic.queue as minutes. To be called inside a transaction; `flush` ends a batch and writes each touched minute once.
 *
 * - One sample a second counts for the mean, each for the maximum. Sixty marks say which seconds are in already,
 *   so that a sample met twice, in any order, counts once.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { TrafficQueue } from '../../schemas/generated/messages.ts'
import type { TrafficQueueScan } from '../../schemas/traffic-queue-scan.ts'
import type { Components } from './components.ts'
import { floorTo, minuteMs } from './counts.ts'
import { type HistoryRecord, worstQuality } from './ports.ts'

export interface Queues {
  add(node: string, record: HistoryRecord, message: TrafficQueue): void
  /** The same for a message read from its bytes, of ordinary quality and without notes. */
  addScanned(node: string, payload: Uint8Array, scan: TrafficQueueScan): void
  flush(): void
  /** Forgets what was not flushed, after a rolled back transaction. */
  forget(): void
}

const secondsPerWord = 30 // SQLite's integers have 64 bits, bitwise operators in JavaScript 32.

interface Minute {
  readonly component: number
  readonly minute: number
  vehiclesMax: number
  vehiclesSum: number
  metersMax: number
  metersSum: number
  approachingSum: number
  n: number
  seenLow: number
  seenHigh: number
  quality: number
}

/** A lane as it stood in the last message of its node, so that the next one costs no look into a map. */
interface KnownLane {
  readonly name: Buffer
  readonly component: number
  row: Minute | undefined
  generation: number
}

const nodesMax = 50_000 // About 30 MiB with four lanes each.

export function createQueues(db: DatabaseSync, components: Components): Queues {
  const find = db.prepare(`
    SELECT component, minute_ms AS minute, vehicles_max AS vehiclesMax, vehicles_sum AS vehiclesSum,
      meters_max AS metersMax, meters_sum AS metersSum, approaching_sum AS approachingSum, n,
      seen_low AS seenLow, seen_high AS seenHigh, quality
    FROM queue_minute WHERE component = ? AND minute_ms = ?`)
  const put = db.prepare(
    'INSERT OR REPLACE INTO queue_minute VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
  )
  const touched = new Map<string, Minute>()
  const lanesOf = new Map<string, KnownLane[]>()
  /** Counts the flushes: a row of an earlier one has to be read again. */
  let generation = 0

  function minuteOf(component: number, minute: number): Minute {
    const key = `${component} ${minute}`
    const known = touched.get(key)
    if (known) return known
    const found = find.get(component, minute) as unknown as Minute | undefined
    const none = { vehiclesMax: 0, vehiclesSum: 0, metersMax: 0, metersSum: 0, approachingSum: 0 }
    const row = found
      ? { ...found }
      : { component, minute, ...none, n: 0, seenLow: 0, seenHigh: 0, quality: 0 }
    touched.set(key, row)
    return row
  }

  function laneOf(lanes: KnownLane[], at: number, node: string, name: Uint8Array): KnownLane {
    const known = lanes[at]
    if (known?.name.equals(name)) return known
    const text = Buffer.from(name).toString('latin1')
    const lane: KnownLane = {
      name: Buffer.from(name),
      component: components.idOf(node, text),
      row: undefined,
      generation: -1,
    }
    lanes[at] = lane
    return lane
  }

  function rowOf(lane: KnownLane, minute: number): Minute {
    if (lane.generation === generation && lane.row?.minute === minute) return lane.row
    lane.row = minuteOf(lane.component, minute)
    lane.generation = generation
    return lane.row
  }

  return {
    add(node, record, message) {
      const isOld = record.notes?.replay ? 'old' : undefined
      for (const entry of message.entries) {
        const atMs = Date.parse(entry.ts)
        const minute = floorTo(atMs, minuteMs)
        const second = Math.floor((atMs - minute) / 1000)
        for (const name in entry.values.lanes) {
          const value = entry.values.lanes[name]!
          const row = minuteOf(components.idOf(node, name), minute)
          const noted = record.notes?.qualities?.[name]
          row.quality = Math.max(
            row.quality,
            worstQuality(value.quality, entry.quality, noted, isOld),
          )
          row.vehiclesMax = Math.max(row.vehiclesMax, value.queueVehicles)
          row.metersMax = Math.max(row.metersMax, value.queueMeters)
          if (!mark(row, second)) continue
          row.vehiclesSum += value.queueVehicles
          row.metersSum += value.queueMeters
          row.approachingSum += value.approachingVehicles
          row.n += 1
        }
      }
    },
    addScanned(node, payload, scan) {
      let lanes = lanesOf.get(node)
      if (lanes === undefined) {
        if (lanesOf.size >= nodesMax) lanesOf.clear()
        lanes = []
        lanesOf.set(node, lanes)
      }
      let at = 0
      for (let entry = 0; entry < scan.entries; entry++) {
        const atMs = scan.tsMs[entry] as number
        const minute = floorTo(atMs, minuteMs)
        const second = Math.floor((atMs - minute) / 1000)
        const from = at
        for (; at < (scan.lanesEnd[entry] as number); at++) {
          const name = payload.subarray(scan.nameStart[at], scan.nameEnd[at])
          const row = rowOf(laneOf(lanes, at - from, node, name), minute)
          const vehicles = scan.queueVehicles[at] as number
          const meters = scan.queueMeters[at] as number
          if (vehicles > row.vehiclesMax) row.vehiclesMax = vehicles
          if (meters > row.metersMax) row.metersMax = meters
          if (!mark(row, second)) continue
          row.vehiclesSum += vehicles
          row.metersSum += meters
          row.approachingSum += scan.approachingVehicles[at] as number
          row.n += 1
        }
      }
    },
    flush() {
      for (const row of touched.values()) {
        put.run(
          ...([row.component, row.minute, row.vehiclesMax, row.vehiclesSum] as const),
          ...([row.metersMax, row.metersSum, row.approachingSum] as const),
          ...([row.n, row.seenLow, row.seenHigh, row.quality] as const),
        )
      }
      touched.clear()
      generation += 1
    },
    forget() {
      touched.clear()
      lanesOf.clear() // Numbers of components that were rolled back are not theirs.
      generation += 1
    },
  }
}

/** False when the second is in already. */
function mark(row: Minute, second: number): boolean {
  const word = second < secondsPerWord ? 'seenLow' : 'seenHigh'
  const bit = 1 << (second % secondsPerWord)
  if ((row[word] & bit) !== 0) return false
  row[word] |= bit
  return true
}
