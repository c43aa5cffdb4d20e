import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createInstruments } from '../../../gateway/compose/instruments.ts'
import { readMeters } from '../../../gateway/compose/read-meters.ts'
import { createEventClock } from '../../../gateway/kit/clock.ts'
import { silentLog } from '../../../gateway/kit/log.ts'
import { openLedger } from '../../../gateway/ledger/ledger.ts'
import { createHouseForecaster } from '../../../gateway/prediction/house-forecaster.ts'
import { detectorsPerNodeMax } from '../../../gateway/prediction/online/book.ts'
import { minuteMs, mondayMs, reading } from '../prediction/days.ts'

const stepMs = 5 * minuteMs

test('the champion of each quantity and the scores of the models that are here can be scraped', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'meters-'))
  const ledger = await openLedger({ dir, log: silentLog })
  const models = join(dir, 'models')
  const still = join(import.meta.dirname, '../prediction/fixtures/still')
  await cp(still, join(models, 'still'), { recursive: true })
  const clock = createEventClock(mondayMs)
  const options = { clock, log: silentLog, shippedFolder: models, knownAfterValues: 1 }
  const forecaster = createHouseForecaster(options)
  await forecaster.start(new AbortController().signal)
  onTestFinished(async () => {
    await forecaster.stop(1_000)
    await ledger.close()
    await rm(dir, { recursive: true, force: true })
  })
  const instruments = createInstruments()
  readMeters(instruments, { ledger, forecaster })
  for (let bucket = 0; bucket < 8; bucket++) {
    const atMs = clock.nowMs() + stepMs
    forecaster.observe(reading(atMs, 20, { windowMs: stepMs }))
    clock.advanceTo(atMs)
    await forecaster.whenIdle()
  }
  const text = await instruments.metrics.text()
  expect(text).toContain(
    'intergreen_prediction_champion{quantity="vehiclesPer5Min",model="still"} 1',
  )
  const scored = (name: string, model: string) =>
    `intergreen_prediction_${name}{quantity="vehiclesPer5Min",model="${model}",horizon="5min"}`
  for (const name of ['pinball', 'coverage'])
    for (const model of ['still', 'profile']) expect(text).toContain(scored(name, model))
  await rm(join(models, 'still'), { recursive: true })
  await forecaster.rescan()
  const after = await instruments.metrics.text()
  expect(after).toContain('{quantity="vehiclesPer5Min",model="profile"} 1')
  expect(after).not.toContain('"still"')
})

test('how many detectors are followed, and what was left out, can be scraped', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'meters-'))
  const ledger = await openLedger({ dir, log: silentLog })
  onTestFinished(async () => {
    await ledger.close()
    await rm(dir, { recursive: true, force: true })
  })
  const forecaster = createHouseForecaster({ clock: createEventClock(mondayMs), log: silentLog })
  const instruments = createInstruments()
  readMeters(instruments, { ledger, forecaster })
  for (let number = 0; number <= detectorsPerNodeMax; number++)
    forecaster.observe(reading(mondayMs, 2, { component: `dl/${number}` }))
  forecaster.observe(reading(mondayMs, 2, { component: 'dl/0' }))
  const laterMs = mondayMs + 24 * 60 * minuteMs
  forecaster.observe(reading(laterMs, 2, { component: 'dl/9000' }))
  const text = await instruments.metrics.text()
  expect(text).toContain(`intergreen_prediction_detectors ${detectorsPerNodeMax}`)
  expect(text).toContain('intergreen_prediction_detectors_forgotten_total 1')
  for (const reason of ['full', 'notNewer'])
    expect(text).toContain(`intergreen_prediction_readings_left_out_total{reason="${reason}"} 1`)
})
