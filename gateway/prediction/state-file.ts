/**
 * What the room has learned, over a restart: one JSON line per detector, after a line of what belongs to all.
 *
 * - Written beside and renamed, so that a crash leaves the old file whole.
 * - Written and read a few detectors at a time: a large house's is longer than a string can be, and must not hold up the
 *   event loop.
 * - Nothing here is precious: a missing, torn or foreign file means learning anew, and is said once in the log.
 */
import { createReadStream } from 'node:fs'
import { link, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { Log } from '../kit/log.ts'
import type { Score } from './judges/scoreboard.ts'
import type { Book, DetectorSnapshot } from './online/book.ts'

const version = 1
/** A checkpoint costs as much room as the state itself; half a day of the ledger is read again in a minute. */
const checkpointEveryMs = 12 * 3_600_000
/** In the data directory. */
export const stateName = 'forecaster.jsonl'
const checkpointName = /^forecaster-(\d+)\.jsonl$/
const detectorsPerWrite = 20

interface Header {
  readonly version: number
  readonly offset: number
  /** Whose time of day it was learned in; absent in files of before there was a choice, which is UTC. */
  readonly timeZone?: string
  readonly champions: Readonly<Record<string, string>>
  readonly scores: readonly Score[]
}

export type CommonState = Omit<Header, 'version'>

export async function writeState(path: string, state: CommonState & { book: Book }): Promise<void> {
  const { book, ...common } = state
  const header: Header = { version, ...common }
  const file = await open(`${path}.new`, 'w', 0o640)
  try {
    let lines = [JSON.stringify(header)]
    for (const detector of book.snapshots()) {
      lines.push(JSON.stringify(detector))
      if (lines.length < detectorsPerWrite) continue
      await file.appendFile(`${lines.join('\n')}\n`)
      lines = []
      await setImmediate()
    }
    if (lines.length > 0) await file.appendFile(`${lines.join('\n')}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.new`, path)
}

/** Undefined where nothing can be taken from it. */
export async function readState(
  path: string,
  book: Book,
  log: Log,
): Promise<CommonState | undefined> {
  let header: Header | undefined
  try {
    for await (const line of linesOf(path)) {
      if (header) {
        book.restore(JSON.parse(line) as DetectorSnapshot)
        continue
      }
      header = JSON.parse(line) as Header
      if (header.version !== version) throw new Error(`it is of version ${header.version}`)
    }
    if (!header) throw new Error('it is empty')
    return header
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'ENOENT')
      log.warn(
        { err, path },
        'what the forecaster had learned cannot be used; it learns anew from there',
      )
    return undefined
  }
}

/** A piece of the file in memory at a time, with the event loop free in between. */
async function* linesOf(path: string): AsyncGenerator<string> {
  let rest = ''
  for await (const piece of createReadStream(path, { encoding: 'utf8' })) {
    const lines = `${rest}${piece}`.split('\n')
    rest = lines.pop()!
    yield* lines.filter((line) => line !== '')
  }
  if (rest !== '') yield rest
}

/** The time zone of the forecaster's state in a data directory; undefined where there is none. */
export async function timeZoneOf(dir: string): Promise<string | undefined> {
  try {
    for await (const line of linesOf(join(dir, stateName)))
      return (JSON.parse(line) as Header).timeZone
  } catch {
    // None that can be read: whoever asks goes by the default.
  }
  return undefined
}

interface Checkpoint {
  readonly file: string
  readonly offset: number
}

/** Older states that were kept, the newest first. */
async function checkpointsIn(dir: string): Promise<readonly Checkpoint[]> {
  const names = await readdir(dir)
  return names
    .flatMap((name) => {
      const offset = checkpointName.exec(name)?.[1]
      return offset === undefined ? [] : [{ file: join(dir, name), offset: Number(offset) }]
    })
    .sort((a, b) => b.offset - a.offset)
}

/** The newest that had seen nothing from `offset` on. */
export async function checkpointBefore(
  dir: string,
  offset: number,
): Promise<Checkpoint | undefined> {
  return (await checkpointsIn(dir)).find((one) => one.offset <= offset)
}

/**
 * Keeps the state file as it is now, unless one of the last hours is kept already. A second name for the same file: what
 * replaces it later leaves this one as it was. Of those older than the ledger's first record only the newest stays.
 */
export async function keepCheckpoint(
  file: string,
  facts: { readonly dir: string; readonly offset: number; readonly firstOffset: number },
): Promise<void> {
  const kept = await checkpointsIn(facts.dir)
  const [newest] = kept
  if (newest) {
    const [now, before] = await Promise.all([stat(file), stat(newest.file)])
    if (newest.offset === facts.offset || now.mtimeMs - before.mtimeMs < checkpointEveryMs) return
  }
  await link(file, join(facts.dir, `forecaster-${facts.offset}.jsonl`))
  const passed = kept.filter(({ offset }) => offset <= facts.firstOffset)
  for (const { file: gone } of passed.slice(1)) await rm(gone)
}
