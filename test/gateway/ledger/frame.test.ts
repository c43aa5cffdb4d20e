import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  encodeNotes,
  frameBytesMax,
  frameEnd,
  readFrame,
  writeFrame,
} from '../../../gateway/ledger/frame.ts'

const entries = fc.record({
  receivedAtMs: fc.integer({ min: 0, max: 2 ** 45 }),
  topic: fc.string({ unit: 'grapheme', maxLength: 100 }),
  payload: fc.uint8Array({ maxLength: 500 }),
  notes: fc.option(fc.record({ gap: fc.nat(), late: fc.constant(true as const) }), {
    nil: undefined,
  }),
})

test('what was framed is read again, one after the other', () => {
  fc.assert(
    fc.property(fc.array(entries, { maxLength: 20 }), (list) => {
      const buffer = Buffer.alloc(200_000)
      let end = 7
      for (const one of list) {
        const notes = encodeNotes(one.notes)
        const next = writeFrame(buffer, end, one, notes)
        expect(next - end).toBeLessThanOrEqual(frameBytesMax(one.topic, notes, one.payload))
        end = next
      }
      let at = 7
      list.forEach((one, i) => {
        const next = frameEnd(buffer, at, end) as number
        const { offset, receivedAtMs, topic, payload, notes } = readFrame(buffer, at, 100 + i)
        expect({ offset, receivedAtMs, topic, notes }).toEqual({
          offset: 100 + i,
          receivedAtMs: one.receivedAtMs,
          // Lone surrogates have no UTF-8; MQTT forbids them.
          topic: one.topic.toWellFormed(),
          notes: one.notes,
        })
        expect(Buffer.from(payload).equals(Buffer.from(one.payload))).toBe(true)
        at = next
      })
      expect(at).toBe(end)
    }),
  )
})

test('a frame that is cut anywhere is no frame', () => {
  const buffer = Buffer.alloc(1_000)
  const one = { receivedAtMs: 1, topic: 'a/status/b', payload: Buffer.from('{"a":1}') }
  const end = writeFrame(buffer, 0, one, '{"late":true}')
  expect(frameEnd(buffer, 0, end)).toBe(end)
  for (let cut = 0; cut < end; cut++) expect(frameEnd(buffer, 0, cut)).toBeUndefined()
})

test('findings that do not fit are left out before the message is', () => {
  const qualities = Object.fromEntries(
    Array.from({ length: 5_000 }, (_, i) => [`dl/${i}`, 'unknown' as const]),
  )
  expect(JSON.parse(encodeNotes({ late: true, qualities }))).toEqual({ late: true })
})
