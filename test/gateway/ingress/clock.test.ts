/** What the door makes of timestamps. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DeviceClock } from '../../../gateway/ingress/device-clock.ts'
import { readTimestamp } from '../../../gateway/ingress/timestamp.ts'
import { parseTimestamp } from '../../../schemas/time.ts'
import {
  arrival,
  ask,
  at,
  build,
  count,
  keepQuiet,
  notesOf,
  passOn,
  replayTopic,
  send,
} from './house.ts'

const minuteMs = 60_000
const dayMs = 86_400_000

test('the quick reader of timestamps agrees with the exact one, on moments and on nonsense', () => {
  const moments = fc.date({
    min: new Date('0000-01-01T00:00:00.000Z'),
    max: new Date('9999-12-31T23:59:59.999Z'),
    noInvalidDate: true,
  })
  fc.assert(
    fc.property(moments, (moment) => {
      expect(readTimestamp(moment.toISOString())).toBe(moment.getTime())
    }),
    { numRuns: 2_000 },
  )
  const digits = (max: number, length: number) =>
    fc.nat({ max }).map((n) => String(n).padStart(length, '0'))
  const texts = fc
    .tuple(
      digits(9999, 4),
      digits(14, 2),
      digits(33, 2),
      digits(25, 2),
      digits(61, 2),
      digits(61, 2),
    )
    .map(([y, mo, d, h, mi, s]) => `${y}-${mo}-${d}T${h}:${mi}:${s}.000Z`)
  const broken = fc
    .tuple(texts, fc.nat({ max: 23 }), fc.string({ minLength: 1, maxLength: 1 }))
    .map(([text, i, c]) => text.slice(0, i) + c + text.slice(i + 1))
  fc.assert(
    fc.property(fc.oneof(texts, broken), (text) => {
      expect(readTimestamp(text)).toBe(parseTimestamp(text))
    }),
    { numRuns: 5_000 },
  )
})

const table: readonly [string, number, unknown][] = [
  ['now', 0, undefined],
  ['two minutes ago', -2 * minuteMs, undefined],
  ['three minutes ago', -3 * minuteMs, { late: true }],
  ['six days ago', -6 * dayMs, { late: true }],
  ['a little ahead', 5_000 - (5_000 % minuteMs), undefined],
  ['a minute ahead', minuteMs, { future: true }],
  ['an hour ahead', 60 * minuteMs, { future: true }],
  ['off its window', -30_000, { misaligned: true }],
  ['late and off its window', -3 * minuteMs - 1, { late: true, misaligned: true }],
]

test.each(table)('a window that ended %s', async (_, offsetMs, notes) => {
  const house = await build()
  expect(notesOf(await send(house, arrival(count(1, at(offsetMs)))))).toEqual([notes])
})

test('back-fill may be a year old, status not', async () => {
  const house = await build()
  const old = count(1, at(-300 * dayMs))
  expect(await ask(house, arrival(old))).toEqual(keepQuiet)
  expect(await ask(house, arrival(old, replayTopic))).toEqual(passOn)
})

test('a will may be as old as its connection', async () => {
  const house = await build()
  const will = arrival({ ts: at(-100 * dayMs), state: 'offline' }, 'north/det-1/presence')
  expect(notesOf(await send(house, will))).toEqual([undefined])
})

test('in simulated time the judgement is switched off by limits without end', async () => {
  const endless = Number.POSITIVE_INFINITY
  const limits = { lateMs: endless, futureMs: endless, pastMsMax: endless, futureMsMax: endless }
  const house = await build({ ingress: { limits } })
  const years = 40 * 365 * dayMs
  const ts = (offsetMs: number) => at(offsetMs - (offsetMs % minuteMs))
  const sent = [arrival(count(1, ts(-years))), arrival(count(2, ts(years)))]
  expect(notesOf(await send(house, ...sent))).toEqual([undefined, undefined])
})

test('the clock of a device is known from its quickest message', async () => {
  const house = await build()
  const ahead = 2_000
  for (const [i, delayMs] of [400, 90, 15, 2_000, 120].entries()) {
    await ask(house, arrival(count(i, at(ahead - delayMs))))
  }
  expect(house.ingress.nodes()[0]?.clockOffsetMs).toBe(ahead - 15)
})

test('a clock that is set back is followed within two windows, one that is set on at once', () => {
  const clock = new DeviceClock()
  const run = (fromMs: number, toMs: number, offsetMs: number) => {
    for (let nowMs = fromMs; nowMs < toMs; nowMs += 10_000)
      clock.observe(nowMs + offsetMs - 20, nowMs)
  }
  expect(clock.offsetMs()).toBeUndefined()
  run(0, 600_000, 5_000)
  expect(clock.offsetMs()).toBe(4_980)
  run(600_000, 1_300_000, 100)
  expect(clock.offsetMs()).toBe(80)
  run(1_300_000, 1_310_000, 9_000)
  expect(clock.offsetMs()).toBe(8_980)
})
