/**
 * What the room has learned, over a restart: one JSON line per detector, after a line of what belongs to all.
 *
 * - Written beside and renamed, so that a crash leaves the old file whole; a few detectors at a time, so that a large
 *   house does not hold up the event loop.
 * - Nothing here is precious: a missing, torn or foreign file means learning anew, and is said once in the log.
 */
import { open, readFile, rename } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import type { Log } from '../kit/log.ts'
import type { Score } from './judges/scoreboard.ts'
import type { Book, DetectorSnapshot } from './online/book.ts'

const version = 1
const detectorsPerWrite = 20

interface Header {
  readonly version: number
  readonly offset: number
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
      await file.write(`${lines.join('\n')}\n`)
      lines = []
      await setImmediate()
    }
    if (lines.length > 0) await file.write(`${lines.join('\n')}\n`)
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
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'ENOENT')
      log.warn({ err, path }, 'what the forecaster had learned cannot be read; it learns anew')
    return undefined
  }
  try {
    const [first, ...lines] = text.split('\n').filter((line) => line !== '')
    const header = JSON.parse(first ?? '') as Header
    if (header.version !== version) return undefined
    for (const line of lines) book.restore(JSON.parse(line) as DetectorSnapshot)
    return header
  } catch (err) {
    log.warn({ err, path }, 'what the forecaster had learned is damaged; it learns anew from there')
    return undefined
  }
}
