/**
 * Keeps what the forecaster has learned across restarts: a snapshot in a file, and the ledger for what came after it.
 *
 * - Written whole and renamed, so that a crash leaves the old one; what it lacks is read again from the ledger.
 * - A snapshot that cannot be read is told and left aside: the forecaster then learns anew, nothing stops.
 */
import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createSystemClock } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'
import type { Part } from '../kit/part.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { ParsedRecord } from '../ledger/record.ts'

export interface KeeperOptions<S> {
  readonly dir: string
  readonly ledger: Ledger
  readonly log: Log
  readonly snapshot: () => S
  readonly restore: (snapshot: S) => void
  /** Feeds records to the forecaster alone. */
  readonly relearn: (record: ParsedRecord) => void
  /** The next record the live reader will take. */
  readonly position: () => number
  /** Name of the live reader's cursor: up to there the forecaster has seen everything. */
  readonly reader: string
}

const saveEveryMs = 60_000 // A crash costs at most a minute of reading again.
const bounds = { recordsMax: 2_000, bytesMax: 1024 * 1024 }

export function createForecastKeeper<S>(options: KeeperOptions<S>): Part {
  const { ledger, log } = options
  const path = join(options.dir, 'forecaster.json')
  let cancel: (() => void) | undefined
  let isRestored = false

  function save(): void {
    try {
      writeFileSync(
        `${path}.new`,
        JSON.stringify({ offset: options.position(), snapshot: options.snapshot() }),
      )
      renameSync(`${path}.new`, path)
    } catch (err) {
      log.warn({ err, path }, 'what the forecaster has learned could not be written')
    }
  }

  function load(): { readonly offset: number; readonly snapshot: S } | undefined {
    try {
      return JSON.parse(readFileSync(path, 'utf8'))
    } catch (err) {
      const isMissing = (err as NodeJS.ErrnoException).code === 'ENOENT'
      if (!isMissing) log.warn({ err, path }, 'what the forecaster had learned cannot be read')
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
      const kept = load()
      if (kept) options.restore(kept.snapshot)
      await relearn(kept?.offset ?? ledger.firstOffset, ledger.loadCursor(options.reader))
      isRestored = true
      cancel = createSystemClock().every(saveEveryMs, save)
    },
    async stop() {
      cancel?.()
      if (isRestored) save()
    },
  }
}
