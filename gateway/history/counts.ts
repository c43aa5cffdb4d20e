/**
 * traffic.count as minutes. To be called inside a transaction; `flush` ends a batch.
 *
 * - A window is known by detector, length and end: a second copy replaces the first, late ones go to their own minute.
 * - Windows of a minute and longer are rows of their own; shorter ones are kept and their minute is added up anew.
 * - Once the short windows of a minute are gone, the minute is closed: what comes later for it is counted as too late.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { TrafficCount } from '../../schemas/generated/messages.ts'
import type { Components } from './components.ts'
import { type HistoryRecord, worstQuality } from './ports.ts'

export interface Counts {
  add(node: string, record: HistoryRecord, message: TrafficCount): void
  /** Adds up the minutes that were touched. */
  flush(): void
  /** Forgets what was not flushed, after a rolled back transaction. */
  forget(): void
  /** Windows that came after their minute was closed. */
  tooLate(): number
  /** Deletes short windows that were received before, and closes their minutes. */
  forgetWindows(receivedBeforeMs: number): void
}

export const minuteMs = 60_000

const sumOfWindows = `
  SELECT sum(vehicles) AS vehicles, sum(window_ms) AS covered,
    total(occupancy * window_ms) AS occupancy,
    coalesce(sum(window_ms) FILTER (WHERE occupancy IS NOT NULL), 0) AS occupancyMs,
    total(speed * vehicles) AS speed,
    coalesce(sum(vehicles) FILTER (WHERE speed IS NOT NULL), 0) AS speedVehicles,
    count(*) AS n, max(quality) AS quality, min(received_ms) AS received
  FROM count_window
  WHERE component = ? AND window_ms = ? AND end_ms > ? AND end_ms <= ?`

export function createCounts(db: DatabaseSync, components: Components): Counts {
  const putWindow = db.prepare(
    'INSERT OR REPLACE INTO count_window VALUES (?, ?, ?, ?, ?, ?, ?, ?)',
  )
  const putMinute = db.prepare(
    'INSERT OR REPLACE INTO count_minute VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
  )
  const sum = db.prepare(sumOfWindows)
  const minuteReceived = db.prepare(
    'SELECT received_ms AS at FROM count_minute WHERE component = ? AND window_ms = ? AND minute_ms = ?',
  )
  const dropWindows = db.prepare('DELETE FROM count_window WHERE received_ms < ?')
  const putFact = db.prepare("INSERT OR REPLACE INTO fact VALUES ('windowsForgottenBefore', ?)")
  const fact = db.prepare("SELECT value FROM fact WHERE name = 'windowsForgottenBefore'").get()
  let forgottenBeforeMs = (fact?.value as number | undefined) ?? 0
  let tooLate = 0
  const touched = new Map<string, readonly [component: number, windowMs: number, minute: number]>()

  function isClosed(component: number, windowMs: number, minute: number): boolean {
    if (forgottenBeforeMs === 0) return false
    const row = minuteReceived.get(component, windowMs, minute) as { at: number } | undefined
    return row !== undefined && row.at < forgottenBeforeMs
  }

  return {
    add(node, record, message) {
      const isOld = record.notes?.replay ? 'old' : undefined
      const receivedMs = Math.floor(record.receivedAtMs)
      for (const entry of message.entries) {
        const endMs = Date.parse(entry.ts)
        const { windowMs, detectors } = entry.values
        for (const name in detectors) {
          const value = detectors[name]!
          const { vehicles, occupancy = null, speed = null } = value
          const noted = record.notes?.qualities?.[name]
          const quality = worstQuality(value.quality, entry.quality, noted, isOld)
          const component = components.idOf(node, name)
          if (windowMs >= minuteMs) {
            const minute = floorTo(endMs - windowMs, minuteMs)
            const occupied = occupancy === null ? [0, 0] : [occupancy * windowMs, windowMs]
            const speeds = speed === null ? [0, 0] : [speed * vehicles, vehicles]
            putMinute.run(
              ...([component, windowMs, minute, vehicles, windowMs] as const),
              ...(occupied as [number, number]),
              ...(speeds as [number, number]),
              ...([1, quality, receivedMs] as const),
            )
            continue
          }
          const minute = floorTo(endMs - 1, minuteMs) // The minute its last millisecond is in.
          if (isClosed(component, windowMs, minute)) {
            tooLate += 1
            continue
          }
          putWindow.run(component, windowMs, endMs, vehicles, occupancy, speed, quality, receivedMs)
          touched.set(`${component} ${windowMs} ${minute}`, [component, windowMs, minute])
        }
      }
    },
    flush() {
      for (const [component, windowMs, minute] of touched.values()) {
        const row = sum.get(component, windowMs, minute, minute + minuteMs) as unknown as Sum
        putMinute.run(
          ...([component, windowMs, minute, row.vehicles, row.covered] as const),
          ...([row.occupancy, row.occupancyMs, row.speed, row.speedVehicles] as const),
          ...([row.n, row.quality, row.received] as const),
        )
      }
      touched.clear()
    },
    forget: () => touched.clear(),
    tooLate: () => tooLate,
    forgetWindows(receivedBeforeMs) {
      if (receivedBeforeMs <= forgottenBeforeMs) return
      dropWindows.run(receivedBeforeMs)
      putFact.run(receivedBeforeMs)
      forgottenBeforeMs = receivedBeforeMs
    },
  }
}

interface Sum {
  readonly vehicles: number
  readonly covered: number
  readonly occupancy: number
  readonly occupancyMs: number
  readonly speed: number
  readonly speedVehicles: number
  readonly n: number
  readonly quality: number
  readonly received: number
}

export function floorTo(value: number, step: number): number {
  return Math.floor(value / step) * step
}
