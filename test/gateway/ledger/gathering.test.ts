/** When a batch goes to the disk. Time is the machine's; each expectation leaves a wide margin. */
import { expect, test } from 'vitest'
import { Gathering } from '../../../gateway/ledger/gathering.ts'
import { eventually } from '../../support/eventually.ts'

const soonMs = 30
const lateMs = 400

function build() {
  let goneAtMs: number | undefined
  const gathering = new Gathering({ gatherMs: soonMs, gatherQuietMs: lateMs }, () => {
    goneAtMs = performance.now()
    gathering.gone()
  })
  gathering.answered(performance.now()) // The disk is in use: nothing goes at once for want of others.
  const batch = { openedAtMs: performance.now(), count: 0, isHurried: false }
  const add = (records = 1) => {
    for (let i = 0; i < records; i++) {
      batch.count += 1
      gathering.wait(batch)
    }
  }
  const waited = async () => {
    await eventually(() => expect(goneAtMs).toBeDefined(), 5_000)
    return (goneAtMs as number) - batch.openedAtMs
  }
  return { gathering, batch, add, waited }
}

test('records that are only kept wait long for others', async () => {
  const { add, waited } = build()
  add()
  expect(await waited()).toBeGreaterThanOrEqual(lateMs - 2)
})

test('one record that somebody waits for takes all of them along soon', async () => {
  const { batch, add, waited } = build()
  add(3)
  batch.isHurried = true
  add()
  expect(await waited()).toBeLessThan(lateMs / 2)
})

test('a burst goes when nobody sends any more, though nobody is in a hurry', async () => {
  const { add, waited } = build()
  add(20_000) // So many that a machine with much else to do still lets them come close together.
  expect(await waited()).toBeLessThan(lateMs / 2)
})

test('a burst that goes on is not cut short', async () => {
  const { batch, add, waited } = build()
  let turns = 0
  const more = () => {
    add(20)
    turns += 1
    if (turns < 50) setImmediate(more)
  }
  add(19_968)
  more()
  expect(await waited()).toBeLessThan(lateMs / 2)
  expect(batch.count).toBe(19_968 + 50 * 20)
})

test('after a pause of the disk nobody is waited for', async () => {
  const { gathering, add, batch, waited } = build()
  gathering.answered(performance.now() - 2 * soonMs)
  batch.openedAtMs = performance.now()
  add()
  expect(await waited()).toBeLessThan(soonMs)
})
