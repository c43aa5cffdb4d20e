import { expect, test } from 'vitest'
import { createEventClock, createSystemClock } from '../../../gateway/kit/clock.ts'

test('the event clock fires what falls due in the order of its moments', () => {
  const clock = createEventClock(1_000)
  const fired: string[] = []
  clock.after(30, () => fired.push(`late at ${clock.nowMs()}`))
  clock.every(10, () => fired.push(`tick at ${clock.nowMs()}`))
  const cancel = clock.after(5, () => fired.push('cancelled'))
  cancel()
  clock.advanceTo(1_030)
  expect(fired).toEqual(['tick at 1010', 'tick at 1020', 'late at 1030', 'tick at 1030'])
  expect(clock.nowMs()).toBe(1_030)
})

test('the event clock never goes back', () => {
  const clock = createEventClock(1_000)
  clock.advanceTo(500)
  expect(clock.nowMs()).toBe(1_000)
})

test('what a timer asks for while it fires is still met in the same advance', () => {
  const clock = createEventClock(0)
  const fired: number[] = []
  clock.after(10, () => clock.after(10, () => fired.push(clock.nowMs())))
  clock.advanceTo(100)
  expect(fired).toEqual([20])
})

test('a clock made without a time takes the first it is told, and counts from there', () => {
  const clock = createEventClock()
  const fired: number[] = []
  clock.every(10, () => fired.push(clock.nowMs()))
  expect(clock.isSet).toBe(false)
  clock.advanceTo(1_000_000)
  expect(fired).toEqual([])
  clock.advanceTo(1_000_020)
  expect(fired).toEqual([1_000_010, 1_000_020])
})

test('what fell due in a time that nobody saw fires once, at its end, and keeps its beat', () => {
  const clock = createEventClock(0)
  const fired: [string, number][] = []
  clock.every(10, () => fired.push(['every', clock.nowMs()]))
  clock.after(25, () => fired.push(['after', clock.nowMs()]))
  clock.advanceTo(10, 10)
  clock.advanceTo(1_003, 10)
  clock.advanceTo(1_013, 10)
  expect(fired).toEqual([
    ['every', 10],
    ['after', 1_003],
    ['every', 1_003],
    ['every', 1_010],
  ])
})

test('the system clock fires, and stops when told', async () => {
  const clock = createSystemClock()
  let ticks = 0
  await new Promise<void>((resolve) => {
    const stop = clock.every(1, () => {
      ticks += 1
      if (ticks < 3) return
      stop()
      resolve()
    })
  })
  await new Promise<void>((resolve) => void clock.after(5, resolve))
  expect(ticks).toBe(3)
})
