/**
 * What the history forgets, and when: by age, and by size when age alone does not keep it small enough.
 *
 * - Age is counted back from the newest moment a record came, on the gateway's clock: in simulated time as in real.
 * - A step is short and there may be more to do; between two steps readings are written as ever.
 */
import type { DatabaseSync } from 'node:sqlite'
import { type Counts, minuteMs } from './counts.ts'
import { transaction } from './database.ts'

export interface RetentionOptions {
  readonly keepMs: number
  /** Windows shorter than a minute, from when they came: the time in which a copy may come again. */
  readonly keepWindowsMs: number
  readonly bytesMax: number
}

export const dayMs = 86_400_000
export const retentionDefault: RetentionOptions = {
  keepMs: 400 * dayMs, // A year and a month: the same weekday of last year can still be compared.
  keepWindowsMs: 8 * dayMs, // A device that was cut off for a week fills in what it has.
  bytesMax: 8 * 1024 ** 3, // About 400 days of 250 detectors.
}

export interface Retention {
  /** Deletes what is too old or too much; true when there is more to do. */
  step(nowMs: number): boolean
  usedBytes(): number
}

const componentsPerStep = 200 // Each is one range of one table; together some milliseconds.
const freePagesPerStep = 500
const shrinkMs = dayMs // When size forces it, the oldest day goes at a time.

/** Tables whose key begins with a name; `keepsNewest` where the last one is still what holds. */
const byName = [
  { table: 'tlc_plan', key: 'node', keepsNewest: true },
  { table: 'tlc_mode', key: 'node', keepsNewest: true },
  { table: 'decision', key: 'junction', keepsNewest: false },
  { table: 'device', key: 'node', keepsNewest: true },
] as const
const byTime = [
  'DELETE FROM alarm WHERE raised_ms < ?1 AND cleared_ms < ?1',
  'DELETE FROM command_step WHERE id IN (SELECT id FROM command WHERE at_ms < ?1)',
  'DELETE FROM command WHERE at_ms < ?1',
  'DELETE FROM model_event WHERE at_ms < ?1',
]

export function createRetention(
  db: DatabaseSync,
  counts: Counts,
  options: RetentionOptions = retentionDefault,
): Retention {
  const pageBytes = pragma(db, 'page_size')
  const oldest = db.prepare(`
    SELECT min(at) AS at FROM (
      SELECT (SELECT min(minute_ms) FROM count_minute WHERE component = c.id AND window_ms =
        (SELECT min(window_ms) FROM count_minute WHERE component = c.id)) AS at FROM component c
      UNION ALL
      SELECT (SELECT min(minute_ms) FROM queue_minute WHERE component = c.id) FROM component c
      UNION ALL SELECT min(at_ms) FROM command)`)
  const next = db.prepare('SELECT id FROM component WHERE id > ? ORDER BY id LIMIT ?')
  const nextLength = db.prepare(
    'SELECT min(window_ms) AS ms FROM count_minute WHERE component = ? AND window_ms > ?',
  )
  const dropCounts = db.prepare(
    'DELETE FROM count_minute WHERE component = ? AND window_ms = ? AND minute_ms < ?',
  )
  const dropQueues = db.prepare('DELETE FROM queue_minute WHERE component = ? AND minute_ms < ?')
  const named = byName.map(({ table, key, keepsNewest }) => ({
    next: db.prepare(`SELECT min(${key}) AS name FROM ${table} WHERE ${key} > ?`),
    drop: db.prepare(
      `DELETE FROM ${table} WHERE ${key} = ?1 AND at_ms < ?2${
        keepsNewest ? ` AND at_ms < (SELECT max(at_ms) FROM ${table} WHERE ${key} = ?1)` : ''
      }`,
    ),
  }))
  const events = byTime.map((sql) => db.prepare(sql))
  /** A pass under way: all before `beforeMs` goes, components after `afterId` are still to be done. */
  let pass: { readonly beforeMs: number; afterId: number } | undefined
  let doneBeforeMs = 0

  function usedBytes(): number {
    return (pragma(db, 'page_count') - pragma(db, 'freelist_count')) * pageBytes
  }

  function nextPass(nowMs: number): typeof pass {
    const byAgeMs = Math.floor((nowMs - options.keepMs) / minuteMs) * minuteMs
    // By the hour: a pass visits every component, so not for each minute that grows too old.
    if (byAgeMs - doneBeforeMs >= 60 * minuteMs) return { beforeMs: byAgeMs, afterId: 0 }
    if (usedBytes() <= options.bytesMax) return undefined
    const oldestMs = (oldest.get() as { at: number | null }).at
    return oldestMs === null ? undefined : { beforeMs: oldestMs + shrinkMs, afterId: 0 }
  }

  function dropComponent(id: number, beforeMs: number): void {
    const lengthAfter = (ms: number) => (nextLength.get(id, ms) as { ms: number | null }).ms
    for (let ms = lengthAfter(0); ms !== null; ms = lengthAfter(ms))
      dropCounts.run(id, ms, beforeMs)
    dropQueues.run(id, beforeMs)
  }

  function dropEvents(beforeMs: number): void {
    for (const { next, drop } of named) {
      const nameAfter = (name: string) => (next.get(name) as { name: string | null }).name
      for (let name = nameAfter(''); name !== null; name = nameAfter(name)) drop.run(name, beforeMs)
    }
    for (const event of events) event.run(beforeMs)
  }

  return {
    step(nowMs) {
      pass ??= nextPass(nowMs)
      if (pass === undefined) {
        transaction(db, () => counts.forgetWindows(Math.floor(nowMs - options.keepWindowsMs)))
        const free = pragma(db, 'freelist_count')
        if (free > freePagesPerStep) db.exec(`PRAGMA incremental_vacuum(${freePagesPerStep})`)
        return free > 2 * freePagesPerStep
      }
      const { beforeMs, afterId } = pass
      const ids = next.all(afterId, componentsPerStep) as { id: number }[]
      transaction(db, () => {
        for (const { id } of ids) dropComponent(id, beforeMs)
        if (ids.length === 0) dropEvents(beforeMs)
      })
      if (ids.length > 0) pass.afterId = ids.at(-1)!.id
      else {
        doneBeforeMs = Math.max(doneBeforeMs, beforeMs)
        pass = undefined
      }
      return true
    },
    usedBytes,
  }
}

function pragma(db: DatabaseSync, name: string): number {
  return Object.values(db.prepare(`PRAGMA ${name}`).get() ?? {})[0] as number
}
