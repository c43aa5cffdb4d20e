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

/** A keeper whose saves take this long; what it wrote, and a clock that moves on minute by minute. */
async function keep(saveTakesMs: number) {
  const dir = await mkdtemp(join(tmpdir(), 'keeper-'))
  const ledger = await openLedger({ dir, log: silentLog })
  const clock = createEventClock(0)
  const saves = { begun: 0, done: 0 }
  const keeper = createForecastKeeper({
    dir,
    ledger,
    log: silentLog,
    clock,
    async save(file) {
      saves.begun += 1
      await setTimeout(saveTakesMs)
      writeFileSync(file, 'learned\n')
      saves.done += 1
    },
    load: async () => undefined,
    relearn() {},
    position: () => 0,
    reader: 'control',
  })
  await keeper.start(new AbortController().signal)
  let isStopped = false
  const stop = async () => {
    if (!isStopped) await keeper.stop(5_000)
    isStopped = true
  }
  onTestFinished(async () => {
    await stop()
    await ledger.close()
    await rm(dir, { recursive: true, force: true })
  })
  /** A save that fell due on the way ends before the next minute begins. */
  async function pass(minutes: number): Promise<number> {
    for (let minute = 0; minute < minutes; minute++) {
      clock.advanceTo(clock.nowMs() + minuteMs)
      await eventually(() => expect(saves.done).toBe(saves.begun))
      await setTimeout(50) // What follows a save is done with.
    }
    return saves.done
  }
  return { pass, stop, saves }
}

test('what a small house has learned is saved every minute, and once more at the end', async () => {
  const { pass, stop, saves } = await keep(10)
  expect(await pass(3)).toBe(3)
  await stop()
  expect(saves.done).toBe(4)
  expect(await pass(5)).toBe(4)
})

test('a house that takes long to write is saved so often that it takes a hundredth of the time', async () => {
  const { pass } = await keep(1_500)
  expect(await pass(1)).toBe(1)
  expect(await pass(2)).toBe(1)
  expect(await pass(1)).toBe(2)
})
