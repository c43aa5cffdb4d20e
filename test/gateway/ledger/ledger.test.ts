import { expect, test } from 'vitest'
import type { Ledger } from '../../../gateway/ledger/ledger.ts'
import { openLedgerReader } from '../../../gateway/ledger/reader.ts'
import { eventually } from '../../support/eventually.ts'
import { entry, everything, makeDir, openIn, store, storeMany, textsOf } from './house.ts'

test('what was stored is read again, in order, from memory, from the disk and after a restart', async () => {
  const dir = makeDir()
  const first = await openIn(dir, { limits: { tailBytesMax: 1 } })
  expect(await storeMany(first, 3)).toEqual([0, 1, 2])
  await store(first, 'last')
  expect(first.readTail(0, everything)).toBeUndefined()
  expect(textsOf(await first.read(0, everything))).toEqual(['0', '1', '2', 'last'])
  const reader = openLedgerReader({ dir })
  expect(textsOf(reader.read(1, everything))).toEqual(['1', '2', 'last'])
  reader.close()
  await first.close()
  const second = await openIn(dir)
  expect(second.nextOffset).toBe(4)
  expect(textsOf(await second.read(2, { recordsMax: 1, bytesMax: 1_000 }))).toEqual(['2'])
})

test('one fsync serves all appends that wait', async () => {
  let commits = 0
  const nothing = { add() {}, set() {}, observe() {} }
  const ledger = await openIn(makeDir(), {
    metrics: {
      appends: nothing,
      bytes: nothing,
      bytesFree: nothing,
      fsyncSeconds: { observe: () => void commits++ },
    },
  })
  await storeMany(ledger, 2_000)
  expect(commits).toBeLessThan(10)
})

test('callbacks come in the order of the appends, each when its record is durable', async () => {
  const ledger = await openIn(makeDir())
  const order: number[] = []
  for (let round = 0; round < 20; round++) {
    for (let i = 0; i < 50; i++) {
      const offset = ledger.append(entry(`${round}/${i}`), (error) => {
        expect(error).toBeUndefined()
        expect(ledger.durableOffset).toBeGreaterThan(offset as number)
        order.push(offset as number)
      }) as number
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  await eventually(() => expect(order).toHaveLength(1_000))
  expect(order).toEqual(order.map((_, i) => i))
})

test('an append from within a callback gets the next offset and is durable in its turn', async () => {
  const ledger = await openIn(makeDir())
  const offsets: number[] = []
  await new Promise<void>((resolve) => {
    const again = () => {
      offsets.push(ledger.nextOffset)
      if (offsets.length === 100) resolve()
      else ledger.append(entry('x'), again)
    }
    again()
  })
  expect(offsets).toEqual(offsets.map((_, i) => i))
})

test('nothing is visible to readers before it is durable', async () => {
  const ledger = await openIn(makeDir(), { limits: { gatherMs: 50 } })
  const stored = store(ledger, 'a')
  expect(ledger.nextOffset).toBe(1)
  expect(ledger.durableOffset).toBe(0)
  expect(await ledger.read(0, everything)).toEqual([])
  await stored
  expect(textsOf(await ledger.read(0, everything))).toEqual(['a'])
})

test('what waits for the disk is bounded: beyond it the gate is busy, and open again when it is durable', async () => {
  const ledger = await openIn(makeDir(), { limits: { pendingBytesMax: 300_000 } })
  const payload = Buffer.alloc(10_000)
  const appended: Promise<void>[] = []
  let refusal: unknown
  for (let i = 0; i < 100; i++) {
    const durable = Promise.withResolvers<void>()
    const one = { receivedAtMs: 1, topic: 'a/status/b', payload }
    const answer = ledger.append(one, () => durable.resolve())
    if (typeof answer === 'number') appended.push(durable.promise)
    else refusal = answer
  }
  expect(refusal).toMatchObject({ code: 'IG_ERR_INGRESS_BUSY', retry: 'later' })
  expect(appended.length).toBeLessThan(40)
  await Promise.all(appended)
  expect(ledger.refusal()).toBeUndefined()
})

test('a record larger than a batch is stored like any other', async () => {
  const dir = makeDir()
  const ledger = await openIn(dir)
  const text = 'x'.repeat(3_000_000)
  await Promise.all([store(ledger, 'a'), store(ledger, text), store(ledger, 'b')])
  const reader = openLedgerReader({ dir })
  expect(textsOf(reader.read(0, everything))).toEqual(['a', text, 'b'])
  reader.close()
})

test('what waits at the end of the day is stored before the ledger closes; later appends are refused', async () => {
  const dir = makeDir()
  const ledger = await openIn(dir)
  const stored = storeMany(ledger, 100)
  const closed = ledger.close()
  expect(refusalOf(ledger)).toMatchObject({ code: 'IG_ERR_LEDGER_CLOSED' })
  await stored
  await closed
  expect((await openIn(dir)).nextOffset).toBe(100)
})

test('a quarantined message and a duplicate wait for the same commit as the records around them', async () => {
  const ledger = await openIn(makeDir(), { limits: { gatherMs: 20 } })
  const order: string[] = []
  ledger.append(entry('a'), () => void order.push('record'))
  ledger.afterPending(() => void order.push('duplicate'))
  const item = { atMs: 1, code: 'IG_ERR_X', path: '', reason: '', node: 'n', topic: 't' }
  const bytes = Buffer.from('x')
  ledger.quarantine({ ...item, wholeBytes: 1, bytes }, () => void order.push('quarantine'))
  expect(order).toEqual([])
  await eventually(() => expect(order).toEqual(['record', 'duplicate', 'quarantine']))
  ledger.afterPending(() => void order.push('at once'))
  expect(order.at(-1)).toBe('at once')
})

test('the tail keeps the youngest and no more than its bytes', async () => {
  const ledger = await openIn(makeDir(), { limits: { tailBytesMax: 20_000 } })
  for (let i = 0; i < 20; i++) await storeMany(ledger, 50)
  const oldest = [...Array(1_000).keys()].find((at) => ledger.readTail(at, everything)) as number
  expect(oldest).toBeGreaterThan(500)
  expect(ledger.readTail(oldest, everything)).toHaveLength(1_000 - oldest)
  expect(await ledger.read(0, everything)).toHaveLength(1_000)
})

function refusalOf(ledger: Ledger): unknown {
  return ledger.append(entry('late'), () => {})
}
