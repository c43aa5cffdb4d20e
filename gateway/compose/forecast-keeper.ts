/**
 * Keeps what the forecaster has learned across restarts: its own file, and the ledger for what came after it.
 *
 * - Saved every minute, a large house less often, and at the end; what a crash makes it lack is read again from the ledger.
 * - Twice a day one is kept beside, as long as the ledger holds what came after it: from there any forecast the ledger
 *   still has the readings of can be made again.
 * - A file that cannot be read is told and left aside: the forecaster then learns anew, nothing stops.
 */
import { join } from 'node:path'
import { type Clock, createSystemClock } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'
import type { Part } from '../kit/part.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { ParsedRecord } from '../ledger/record.ts'
import { keepCheckpoint, stateName } from '../prediction/state-file.ts'

export interface KeeperOptions {
  readonly dir: string
  readonly ledger: Ledger
  readonly log: Log
  /** Writes the file; `offset` is the first record it may not have seen. */
  readonly save: (file: string, offset: number) => Promise<void>
  /** Reads it back and answers with that offset; undefined when there is none. */
  readonly load: (file: string) => Promise<number | undefined>
  /** Feeds a record to the forecaster alone. */
  readonly relearn: (record: ParsedRecord) => void
  /** The next record the live reader will take. */
  readonly position: () => number
  /** Name of the live reader's cursor: up to there the forecaster had seen everything. */
  readonly reader: string
  /** The machine's by default. */
  readonly clock?: Pick<Clock, 'after'>
}

/** What a crash makes it read again: of a small house a minute, of none more than ten, which takes a city some 10 s. */
const pauseMsMin = 60_000
const pauseMsMax = 600_000
/**
 * A city's 200 MB take seconds, and what they leave behind makes the garbage collector walk the whole heap: once a minute
 * that was what most of its slowest answers waited for.
 */
const savingShareMax = 0.01
const bounds = { recordsMax: 2_000, bytesMax: 1024 * 1024 }

export function createForecastKeeper(options: KeeperOptions): Part {
  const { ledger, log } = options
  const clock = options.clock ?? createSystemClock()
  const file = join(options.dir, stateName)
  let cancel: (() => void) | undefined
  let saving: Promise<void> | undefined

  async function write(): Promise<void> {
    const offset = options.position()
    await options.save(file, offset)
    await keepCheckpoint(file, { dir: options.dir, offset, firstOffset: ledger.firstOffset })
  }

  async function save(): Promise<void> {
    try {
      await write()
    } catch (err) {
      log.warn({ err, file }, 'what the forecaster has learned was not written')
    }
  }

  function saveAfter(pauseMs: number): void {
    cancel = clock.after(pauseMs, () => {
      const beganMs = performance.now()
      saving = save().then(() => {
        saving = undefined
        if (cancel) saveAfter(pauseAfter(performance.now() - beganMs))
      })
    })
  }

  async function load(): Promise<number | undefined> {
    try {
      return await options.load(file)
    } catch (err) {
      log.warn({ err, file }, 'what the forecaster had learned cannot be read; it learns anew')
      return undefined
    }
  }

  async function relearn(from: number, to: number): Promise<void> {
    let offset = Math.max(from, ledger.firstOffset)
    while (offset < to) {
      const records = await ledger.read(offset, bounds)
      const news = records.filter((record) => record.offset < to)
      if (news.length === 0) return
      for (const record of news) options.relearn(record)
      offset = news.at(-1)!.offset + 1
    }
  }

  return {
    name: 'forecast keeper',
    async start() {
      const seen = await load()
      await relearn(seen ?? ledger.firstOffset, ledger.loadCursor(options.reader))
      saveAfter(pauseMsMin)
    },
    async stop() {
      if (cancel === undefined) return
      cancel()
      cancel = undefined
      await saving
      await save()
    },
  }
}

/** From the end of a save that took this long to the beginning of the next. */
function pauseAfter(tookMs: number): number {
  return Math.min(pauseMsMax, Math.max(pauseMsMin, tookMs / savingShareMax))
}
