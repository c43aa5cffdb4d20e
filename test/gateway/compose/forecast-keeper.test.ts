import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { createForecastKeeper } from '../../../gateway/compose/forecast-keeper.ts'
import { createEventClock } from '../../../gateway/kit/clock.ts'
import { silentLog } from '../../../gateway/kit/log.ts'
import { openLedger } from '../../../gateway/ledger/ledger.ts'
import { eventually } from '../../support/eventually.ts'

const minuteMs = 60_000

/** A keeper whose first save takes this long, the others no time: how many there were, what it waits for before each, and its clock. */
async function keep(firstTakesMs: number) {
  const dir = await mkdtemp(join(tmpdir(), 'keeper-'))
  const ledger = await openLedger({ dir, log: silentLog })
  const clock = createEventClock(0)
  const pausesMs: number[] = []
  let saves = 0
  const keeper = createForecastKeeper({
    dir,
    ledger,
    log: silentLog,
    clock: {
      after(delayMs, fn) {
        pausesMs.push(delayMs)
        return clock.after(delayMs, fn)
      },
    },
    async save(file) {
      if (saves === 0) await setTimeout(firstTakesMs)
      writeFileSync(file, 'learned\n')
      saves += 1
    },
    load: async () => undefined,
    relearn() {},
    position: () => 0,
    reader: 'control',
  })
  await keeper.start(new AbortController().signal)
  onTestFinished(async () => {
    await keeper.stop(5_000)
    await ledger.close()
    await rm(dir, { recursive: true, force: true })
  })
  return {
    pausesMs,
    saves: () => saves,
    stop: () => keeper.stop(5_000),
    pass: (ms: number) => clock.advanceTo(clock.nowMs() + ms),
    /** This many saves are over, and the next is waited for. */
    saved: (times: number) =>
      eventually(() => expect([saves, pausesMs.length]).toEqual([times, times + 1])),
  }
}

test('what a small house has learned is saved every minute, and once more at the end', async () => {
  const { pass, saved, saves, stop, pausesMs } = await keep(10)
  for (const times of [1, 2, 3]) {
    pass(minuteMs)
    await saved(times)
  }
  expect(new Set(pausesMs)).toEqual(new Set([minuteMs]))
  await stop()
  expect(saves()).toBe(4)
  pass(5 * minuteMs)
  await setTimeout(50)
  expect(saves()).toBe(4)
})

test('a house that takes long to write is saved so often that it takes a hundredth of the time', async () => {
  const { pass, saved, pausesMs } = await keep(1_500)
  pass(minuteMs)
  await saved(1)
  expect(pausesMs[1]).toBeGreaterThan(140_000)
  pass(pausesMs[1]! - 1)
  await saved(1)
  pass(1)
  await saved(2)
})

test('a crash never has more than ten minutes to read again', async () => {
  const { pass, saved, pausesMs } = await keep(6_500)
  pass(minuteMs)
  await saved(1)
  expect(pausesMs[1]).toBe(10 * minuteMs)
})
