import { expect, test } from 'vitest'
import { Room, roomBytes } from '../../../../gateway/prediction/online/room.ts'

test('arrays of one room never share a byte, whatever their lengths', () => {
  const room = new Room(roomBytes({ doubles: [2], floats: [3], bytes: [5, 9] }))
  const arrays = [room.bytes(5), room.doubles(2), room.floats(3), room.bytes(9)]
  for (const [at, array] of arrays.entries()) array.fill(at + 1)
  for (const [at, array] of arrays.entries()) expect(new Set(array)).toEqual(new Set([at + 1]))
  expect(new Set(arrays.map(({ buffer }) => buffer)).size).toBe(1)
})

test('a room planned for its arrays holds them and not one more', () => {
  const room = new Room(roomBytes({ doubles: [4], floats: [7] }))
  expect(room.floats(7, 2)).toEqual(new Float32Array(7).fill(2))
  expect(room.doubles(4, -1)).toEqual(new Float64Array(4).fill(-1))
  expect(() => room.bytes(1)).toThrow(RangeError)
})
