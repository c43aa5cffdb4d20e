import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { openHistory } from '../../../gateway/history/history.ts'
import { createHistoryReader } from '../../../gateway/history/reader.ts'
import { createSystemClock } from '../../../gateway/kit/clock.ts'
import { silentLog } from '../../../gateway/kit/log.ts'
import { eventually } from '../../support/eventually.ts'
import { count, createMemorySource } from '../influx/memory-source.ts'

const baseMs = Date.parse('2026-11-22T07:00:00.000Z')

function house() {
  const dir = mkdtempSync(join(tmpdir(), 'intergreen-history-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  const history = openHistory({ path: join(dir, 'history.db'), log: silentLog })
  onTestFinished(() => history.close())
  const source = createMemorySource()
  const errors: unknown[] = []
  const log = { ...silentLog, error: (facts: object) => void errors.push(facts) }
  let failures = 0
  const reader = createHistoryReader({
    history,
    read(from) {
      if (failures-- > 0) throw new Error('the disk is gone')
      return source.read(from)
    },
    end: source.end,
    clock: createSystemClock(),
    log,
    gatherMs: 10,
  })
  return {
    history,
    reader,
    errors,
    fail: (times: number) => {
      failures = times
    },
    append(n: number) {
      for (let at = 0; at < n; at++) {
        const topic = 'north/det-1/status/traffic.count/1min'
        source.append(topic, count(baseMs + source.end() * 60_000, at))
      }
    },
  }
}

test('it follows the ledger and stops when it has read what there is', async () => {
  const { history, reader, append } = house()
  append(10)
  reader.start()
  await eventually(() => expect(history.cursor()).toBe(10))
  append(5)
  reader.notify()
  await eventually(() => expect(history.cursor()).toBe(15))
  append(7_000)
  await reader.stop(5_000)
  expect(history.cursor()).toBe(7_015)
})

test('a ledger that cannot be read is tried again', async () => {
  const { history, reader, append, fail, errors } = house()
  append(10)
  fail(1)
  reader.start()
  await eventually(() => expect(history.cursor()).toBe(10))
  expect(errors.length).toBe(1)
  await reader.stop(1_000)
})

test('it stops in time although the ledger cannot be read', async () => {
  const { reader, append, fail } = house()
  append(10)
  fail(1_000_000)
  reader.start()
  const startedAtMs = performance.now()
  await reader.stop(2_000)
  expect(performance.now() - startedAtMs).toBeLessThan(1_900)
})
