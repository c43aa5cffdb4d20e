import { Buffer } from 'node:buffer'
import { expect, test } from 'vitest'
import { TraciReader, TraciWriter, typeByte } from '../../../devices-sim/sumo/traci-codec.ts'

test('a short command carries its length in one byte, a long one in five', () => {
  const short = new TraciWriter().u8(0x20).string('a').command(0xc2)
  expect([...short]).toEqual([8, 0xc2, 0x20, 0, 0, 0, 1, 97])
  const long = new TraciWriter().string('x'.repeat(300)).command(0xc2)
  expect(long.readUInt8(0)).toBe(0)
  expect(long.readInt32BE(1)).toBe(long.length)
  expect(long.readUInt8(5)).toBe(0xc2)
})

test('values come back as they were written, nested compounds too', () => {
  const bytes = new TraciWriter()
    .u8(typeByte.compound)
    .i32(3)
    .u8(typeByte.int)
    .i32(-7)
    .typedString('Grün'.normalize())
    .u8(typeByte.compound)
    .i32(1)
    .u8(typeByte.double)
    .f64(2.5)
    .command(0)
  const reader = new TraciReader(bytes.subarray(2))
  expect(reader.value()).toEqual([-7, 'Grün', [2.5]])
  expect(reader.hasMore()).toBe(false)
})

test('a list of strings and a signed byte are read', () => {
  const reader = new TraciReader(
    Buffer.from([typeByte.stringList, 0, 0, 0, 2, 0, 0, 0, 1, 97, 0, 0, 0, 0, typeByte.byte, 0xff]),
  )
  expect(reader.value()).toEqual(['a', ''])
  expect(reader.value()).toBe(-1)
})

test('a type nobody told us of is refused by name', () => {
  expect(() => new TraciReader(Buffer.from([0x7e])).value()).toThrow('0x7e')
})
