import { expect, onTestFinished, test } from 'vitest'
import { createSystemClock } from '../../../gateway/kit/clock.ts'
import { silentLog } from '../../../gateway/kit/log.ts'
import { LedgerDisk } from '../../../gateway/ledger/errors.ts'
import type { Ledger } from '../../../gateway/ledger/ledger.ts'
import { createPump, type Pump, type PumpOptions } from '../../../gateway/ledger/pump.ts'
import { parseNodeId } from '../../../schemas/ids.ts'
import { topics } from '../../../schemas/topics.ts'
import { eventually } from '../../support/eventually.ts'
import { makeDir, openIn, store, storeMany } from './house.ts'

const signal = new AbortController().signal

async function startPump(ledger: Ledger, options: Partial<PumpOptions>): Promise<Pump> {
  const pump = createPump({
    ledger,
    name: 'test',
    clock: createSystemClock(),
    log: silentLog,
    consume() {},
    ...options,
  })
  await pump.start(signal)
  onTestFinished(() => pump.stop(5_000))
  return pump
}

const upTo = (count: number) => Array.from({ length: count }, (_, i) => i)

test('every record is handed out in order, live and behind, and the cursor survives a restart', async () => {
  const dir = makeDir()
  const ledger = await openIn(dir, { limits: { tailBytesMax: 10_000 } })
  await storeMany(ledger, 1_000, 'before ')
  const seen: number[] = []
  const pump = await startPump(ledger, {
    consume: (records) => void seen.push(...records.map((record) => record.offset)),
  })
  await storeMany(ledger, 1_000, 'live ')
  await pump.drained()
  expect(seen).toEqual(upTo(2_000))
  await pump.stop(1_000)
  await ledger.close()
  const again = await openIn(dir)
  expect(again.loadCursor('test')).toBe(2_000)
  expect(again.accounts().readers).toEqual([
    { reader: 'test', position: 2_000, written: 2_000, rejected: 0, skipped: 0, pending: 0 },
  ])
})

test('a live reader gets the very value the door has parsed', async () => {
  const ledger = await openIn(makeDir())
  const seen: unknown[] = []
  await startPump(ledger, {
    consume: (records) => void seen.push(...records.map((record) => record.message.value)),
  })
  const node = parseNodeId('north/det-1')
  const text = topics.status(node, 'traffic.count')
  const value = { parsed: 'by the door' }
  const topic = { node, type: 'status', code: 'traffic.count', channel: '' } as const
  const one = { receivedAtMs: 1, topic: text, payload: Buffer.from('{"parsed":"anew"}') }
  ledger.append(one, () => {}, { topic, value })
  ledger.append(one, () => {})
  await eventually(() => expect(seen).toHaveLength(2))
  expect(seen[0]).toBe(value)
  expect(seen[1]).toEqual({ parsed: 'anew' })
})

test('a poison record is put aside and counted; its neighbours are taken', async () => {
  const dir = makeDir()
  const ledger = await openIn(dir)
  const seen: number[] = []
  const pump = await startPump(ledger, {
    attemptsMax: 2,
    consume(records) {
      for (const record of records) {
        if (record.offset === 7) throw new Error('cannot digest this')
      }
      seen.push(...records.map((record) => record.offset))
    },
  })
  await storeMany(ledger, 20)
  await pump.drained()
  expect(seen).toEqual(upTo(20).filter((offset) => offset !== 7))
  expect(ledger.accounts().readers[0]).toMatchObject({ written: 19, rejected: 1, pending: 0 })
})

test('a consumer that fails because of the world is asked again until it can, and nothing is put aside', async () => {
  const ledger = await openIn(makeDir())
  let failures = 4
  const seen: number[] = []
  const pump = await startPump(ledger, {
    attemptsMax: 1,
    async consume(records) {
      if (failures-- > 0) throw LedgerDisk('for the test')
      seen.push(...records.map((record) => record.offset))
    },
  })
  await storeMany(ledger, 5)
  await pump.drained()
  expect(seen).toEqual(upTo(5))
  expect(ledger.accounts().readers[0]).toMatchObject({ written: 5, rejected: 0 })
})

test('a paused pump hands out nothing, and goes on where it was', async () => {
  const ledger = await openIn(makeDir())
  const seen: number[] = []
  const pump = await startPump(ledger, {
    consume: (records) => void seen.push(...records.map((record) => record.offset)),
  })
  await storeMany(ledger, 3)
  await pump.drained()
  pump.pause()
  await storeMany(ledger, 3)
  expect(seen).toEqual(upTo(3))
  expect(pump.lagRecords).toBe(3)
  pump.resume()
  await pump.drained()
  expect(seen).toEqual(upTo(6))
})

test('a consumer that hangs holds the stop no longer than its deadline', async () => {
  const ledger = await openIn(makeDir())
  const pump = await startPump(ledger, { consume: () => new Promise(() => {}) })
  await storeMany(ledger, 1)
  const startedMs = performance.now()
  await pump.stop(100)
  expect(performance.now() - startedMs).toBeLessThan(5_000)
  expect(pump.position).toBe(0)
})

test('a batch is handed out only when the one before it is done', async () => {
  const ledger = await openIn(makeDir())
  let running = 0
  let worst = 0
  const pump = await startPump(ledger, {
    bounds: { recordsMax: 2, bytesMax: 1_000 },
    async consume() {
      running += 1
      worst = Math.max(worst, running)
      await new Promise((resolve) => setImmediate(resolve))
      running -= 1
    },
  })
  for (let i = 0; i < 20; i++) await store(ledger, String(i))
  await pump.drained()
  expect(worst).toBe(1)
})

test('stopping hands out what is durable, one batch after the other', async () => {
  const ledger = await openIn(makeDir())
  const { promise, resolve } = Promise.withResolvers<void>()
  let batches = 0
  const pump = await startPump(ledger, {
    bounds: { recordsMax: 1, bytesMax: 1_000 },
    consume() {
      batches += 1
      return promise
    },
  })
  await storeMany(ledger, 5)
  await eventually(() => expect(batches).toBe(1))
  const stopped = pump.stop(5_000)
  resolve()
  await stopped
  expect(batches).toBe(5)
  expect(pump.position).toBe(5)
})

test('a live reader that skips what is quiet is not shown it, and passes it all the same; one behind is shown all', async () => {
  const ledger = await openIn(makeDir())
  const seen: number[] = []
  const pump = await startPump(ledger, {
    skipsQuiet: true,
    consume: (records) => void seen.push(...records.map((record) => record.offset)),
  })
  const all = Array.from({ length: 40 }, (_, at) => {
    const entry = {
      receivedAtMs: at,
      topic: 'north/det-1/status/traffic.queue',
      payload: Buffer.from('{}'),
      isQuiet: at % 4 !== 0,
    }
    return new Promise<void>((resolve) => ledger.append(entry, () => resolve()))
  })
  await Promise.all(all)
  await pump.drained()
  expect(seen).toEqual(Array.from({ length: 10 }, (_, at) => at * 4))
  expect(pump.position).toBe(40)
  const found = await ledger.read(0, { recordsMax: 100, bytesMax: 100_000 })
  expect(found).toHaveLength(40)
})
