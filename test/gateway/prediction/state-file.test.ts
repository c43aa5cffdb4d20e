import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { silentLog } from '../../../gateway/kit/log.ts'
import { Book } from '../../../gateway/prediction/online/book.ts'
import { createCalendar } from '../../../gateway/prediction/online/calendar.ts'
import {
  readState,
  stateName,
  timeZoneOf,
  writeState,
} from '../../../gateway/prediction/state-file.ts'
import { minuteMs, mondayMs, reading } from './days.ts'

const detectors = 400
const common = { offset: 4711, timeZone: 'Europe/Berlin', champions: {}, scores: [] }

async function folder(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'state-'))
  onTestFinished(() => rm(dir, { recursive: true, force: true }))
  return dir
}

const emptyBook = () => new Book(createCalendar(), () => {})

function book(): Book {
  const full = emptyBook()
  const windowMs = 5 * minuteMs
  for (let at = 0; at < detectors; at++)
    full.observe(reading(mondayMs, at, { node: `north/det-${at}`, windowMs }))
  return full
}

test('a large state is read piece by piece, with the event loop free in between', async () => {
  const path = join(await folder(), stateName)
  const before = book()
  await writeState(path, { ...common, book: before })
  const after = emptyBook()
  let isReading = true
  let atOnce = 0
  let seen = 0
  const watch = () => {
    atOnce = Math.max(atOnce, after.detectorCount - seen)
    seen = after.detectorCount
    if (isReading) setImmediate(watch)
  }
  setImmediate(watch)
  expect(await readState(path, after, silentLog)).toMatchObject(common)
  isReading = false
  watch()
  expect(atOnce).toBeLessThan(detectors / 10)
  expect([...after.snapshots()]).toEqual([...before.snapshots()])
  expect(await timeZoneOf(join(path, '..'))).toBe('Europe/Berlin')
})

test('a state that is missing, empty or of another version is none, and neither is a folder', async () => {
  const dir = await folder()
  const path = join(dir, stateName)
  const read = (file: string) => readState(file, emptyBook(), silentLog)
  expect(await read(path)).toBeUndefined()
  expect(await read(dir)).toBeUndefined()
  for (const text of ['', '\n', '{"version":2}\n', 'null\n', '{"version":1']) {
    await writeFile(path, text)
    expect(await read(path)).toBeUndefined()
  }
  expect(await timeZoneOf(dir)).toBeUndefined()
})
