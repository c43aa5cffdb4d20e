/**
 * traffic.queue as minutes. To be called inside a transaction; `flush` ends a batch and writes each touched minute once.
 *
 * - One sample a second counts for the mean, each for the maximum. Sixty marks say which seconds are in already,
 *   so that a sample met twice, in any order, counts once.
 * - Minutes stay in memory after they were written, so that the next batch need not read them again; bounded, and
 *   nobody else writes them.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { TrafficQueue } from '../../schemas/generated/messages.ts'
import type { Components } from './components.ts'
import { floorTo, minuteMs } from './counts.ts'
import { type HistoryRecord, worstQuality } from './ports.ts'
import { type Lane, type QueueColumns, valuesPerLane } from './record-block.ts'

export interface Queues {
  add(node: string, record: HistoryRecord, message: TrafficQueue): void
  /** The same for entries of messages of ordinary quality and without notes. */
  addEntries(queues: QueueColumns, from: number, to: number): void
  flush(): void
  /** Forgets what was not flushed, after a rolled back transaction. */
  forget(): void
}

const secondsPerWord = 30 // SQLite's integers have 64 bits, bitwise operators in JavaScript 32.
const openMinutesMax = 20_000 // About 5 MiB; minutes of more lanes than this are read again when they go on.

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
  /** The batch that touched it last. */
  batch: number
  /** False when it is not to be used any more. */
  isOpen: boolean
}

/** What is kept with a lane. */
interface KnownLane {
  readonly component: number
  /** Component numbers of a batch that was rolled back are nobody's. */
  readonly epoch: number
  row: Minute
}

export function createQueues(db: DatabaseSync, components: Components): Queues {
  const find = db.prepare(`
    SELECT component, minute_ms AS minute, vehicles_max AS vehiclesMax, vehicles_sum AS vehiclesSum,
      meters_max AS metersMax, meters_sum AS metersSum, approaching_sum AS approachingSum, n,
      seen_low AS seenLow, seen_high AS seenHigh, quality
    FROM queue_minute WHERE component = ? AND minute_ms = ?`)
  const put = db.prepare(
    'INSERT OR REPLACE INTO queue_minute VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
  )
  const open = new Map<string, Minute>()
  let touched: Minute[] = []
  let batch = 0
  let epoch = 0

  function minuteOf(component: number, minute: number): Minute {
    const key = `${component} ${minute}`
    const known = open.get(key)
    if (known) return known
    const found = find.get(component, minute) as unknown as Minute | undefined
    const none = { vehiclesMax: 0, vehiclesSum: 0, metersMax: 0, metersSum: 0, approachingSum: 0 }
    const read = found ?? { ...none, n: 0, seenLow: 0, seenHigh: 0, quality: 0 }
    const row: Minute = { ...read, component, minute, batch: -1, isOpen: true }
    open.set(key, row)
    return row
  }

  function touch(row: Minute): void {
    if (row.batch === batch) return
    row.batch = batch
    touched.push(row)
  }

  function rowOf(lane: Lane, minute: number): Minute {
    const known = lane.inHistory as KnownLane | undefined
    if (known?.epoch === epoch) {
      if (known.row.minute === minute && known.row.isOpen) return known.row
      known.row = minuteOf(known.component, minute)
      return known.row
    }
    const component = components.idOf(lane.topic.node, lane.component)
    const row = minuteOf(component, minute)
    lane.inHistory = { component, epoch, row } satisfies KnownLane
    return row
  }

  /** Minutes that nobody has touched of late are let go. */
  function closeOld(): void {
    for (const [key, row] of open) {
      if (row.batch === batch) continue
      row.isOpen = false
      open.delete(key)
    }
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
          touch(row)
          const noted = record.notes?.qualities?.[name]
          row.quality = Math.max(
            row.quality,
            worstQuality(value.quality, entry.quality, noted, isOld),
          )
          sample(row, second, value.queueVehicles, value.queueMeters, value.approachingVehicles)
        }
      }
    },
    addEntries({ atMs: moments, lanesEnd, lanes, values }, from, to) {
      let lane = from === 0 ? 0 : (lanesEnd[from - 1] as number)
      for (let entry = from; entry < to; entry++) {
        const atMs = moments[entry] as number
        const minute = floorTo(atMs, minuteMs)
        const second = Math.floor((atMs - minute) / 1000)
        for (; lane < (lanesEnd[entry] as number); lane++) {
          const row = rowOf(lanes[lane] as Lane, minute)
          touch(row)
          const at = lane * valuesPerLane
          const vehicles = values[at] as number
          sample(row, second, vehicles, values[at + 1] as number, values[at + 2] as number)
        }
      }
    },
    flush() {
      for (const row of touched) {
        put.run(
          ...([row.component, row.minute, row.vehiclesMax, row.vehiclesSum] as const),
          ...([row.metersMax, row.metersSum, row.approachingSum] as const),
          ...([row.n, row.seenLow, row.seenHigh, row.quality] as const),
        )
      }
      if (open.size > openMinutesMax) closeOld()
      touched = []
      batch += 1
    },
    forget() {
      open.clear()
      touched = []
      epoch += 1
    },
  }
}

function sample(
  row: Minute,
  second: number,
  vehicles: number,
  meters: number,
  approaching: number,
): void {
  if (vehicles > row.vehiclesMax) row.vehiclesMax = vehicles
  if (meters > row.metersMax) row.metersMax = meters
  if (!mark(row, second)) return
  row.vehiclesSum += vehicles
  row.metersSum += meters
  row.approachingSum += approaching
  row.n += 1
}

/** False when the second is in already. */
function mark(row: Minute, second: number): boolean {
  const word = second < secondsPerWord ? 'seenLow' : 'seenHigh'
  const bit = 1 << (second % secondsPerWord)
  if ((row[word] & bit) !== 0) return false
  row[word] |= bit
  return true
}
