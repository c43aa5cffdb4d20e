/** A junction is looked at when its sensors tell something, and not oftener than makes sense. */
import { expect, test } from 'vitest'
import { newsGapMs } from '../../../gateway/control/news.ts'
import { obedient, openHouse, scripted, stage } from './house.ts'
import { queues, startMs } from './junction.ts'

const told = () => new Promise<void>((resolve) => setImmediate(resolve))

async function open(looksOnNews: boolean) {
  const askedAtMs: number[] = []
  const predictive = scripted((nowMs) => {
    askedAtMs.push(nowMs - startMs)
    return stage(2)
  })
  const house = await openHouse({ predictive, looksOnNews })
  await house.pass(3, obedient(house))
  askedAtMs.length = 0
  return { house, askedAtMs }
}

test('a reading is decided on when it comes, its command leaves with it, and the beat after it asks nobody again', async () => {
  const { house, askedAtMs } = await open(true)
  house.clock.advanceTo(startMs + 3_400)
  house.observe(queues(startMs + 3_400))
  await told()
  expect(askedAtMs).toEqual([3_400])
  await house.commands.settled()
  expect(house.sent.at(-1)).toMatchObject({ values: { stage: 2 } })
  house.clock.advanceTo(startMs + 4_000)
  expect(askedAtMs).toEqual([3_400])
})

test('readings that come close together are decided on once, and again when a while has passed', async () => {
  const { house, askedAtMs } = await open(true)
  house.clock.advanceTo(startMs + 3_400)
  for (let i = 0; i < 3; i++) house.observe(queues(startMs + 3_400 + i))
  await told()
  house.clock.advanceTo(startMs + 3_500)
  for (let i = 0; i < 3; i++) house.observe(queues(startMs + 3_500 + i))
  await told()
  expect(askedAtMs).toEqual([3_400])
  house.clock.advanceTo(startMs + 3_400 + newsGapMs)
  expect(askedAtMs).toEqual([3_400, 3_400 + newsGapMs])
})

test('a sensor of somebody else is no news', async () => {
  const { house, askedAtMs } = await open(true)
  house.clock.advanceTo(startMs + 3_400)
  house.observe({ ...queues(startMs + 3_400), node: 'south/det-9' })
  await told()
  expect(askedAtMs).toEqual([])
})

test('in simulated time only the beat asks', async () => {
  const { house, askedAtMs } = await open(false)
  house.clock.advanceTo(startMs + 3_400)
  house.observe(queues(startMs + 3_400))
  await told()
  expect(askedAtMs).toEqual([])
})
