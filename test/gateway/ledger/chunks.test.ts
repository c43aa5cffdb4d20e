import { expect, test } from 'vitest'
import { Chunks } from '../../../gateway/ledger/chunks.ts'
import { chunkBytes } from '../../../gateway/ledger/limits.ts'
import { makeDir, openIn, storeMany, textsOf } from './house.ts'

test('a piece of memory is used again when the last who holds it has let go, and not before', () => {
  const chunks = new Chunks()
  const first = chunks.take(1)
  first.hold()
  first.hold()
  first.letGo()
  const second = chunks.take(1)
  expect(second).not.toBe(first)
  first.letGo()
  expect(chunks.take(1)).toBe(first)
  expect(chunks.take(1)).not.toBe(first)
})

test('a piece for a record larger than usual is not kept for the next', () => {
  const chunks = new Chunks()
  const large = chunks.take(chunkBytes + 1)
  expect(large.bytes.length).toBe(chunkBytes + 1)
  large.hold()
  large.letGo()
  expect(chunks.take(1).bytes.length).toBe(chunkBytes)
})

test('what a reader has kept stays as it was when the memory it came from is used again', async () => {
  const ledger = await openIn(makeDir(), { limits: { tailBytesMax: chunkBytes } })
  const filler = 'x'.repeat(8_000)
  await storeMany(ledger, 100, 'kept-')
  const kept = ledger.readTail(0, { recordsMax: 100, bytesMax: chunkBytes }) ?? []
  const live = ledger.readLive(0, 100)?.records ?? []
  for (let round = 0; round < 8; round++) await storeMany(ledger, 100, `${filler}${round}-`)
  expect(ledger.readTail(0, { recordsMax: 1, bytesMax: 1 })).toBeUndefined()
  const wanted = Array.from({ length: 100 }, (_, i) => `kept-${i}`)
  expect(textsOf(kept)).toEqual(wanted)
  expect(textsOf(live)).toEqual(wanted)
  const onDisk = textsOf(await ledger.read(0, { recordsMax: 900, bytesMax: 100_000_000 }))
  expect(onDisk.slice(0, 100)).toEqual(wanted)
  for (let round = 0; round < 8; round++) {
    const stored = onDisk.slice(100 + round * 100, 200 + round * 100)
    expect(stored).toEqual(Array.from({ length: 100 }, (_, i) => `${filler}${round}-${i}`))
  }
})
