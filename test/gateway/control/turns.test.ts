/** Strategies are asked on their own beat, whatever becomes of the clock. */
import { expect, test } from 'vitest'
import type { JunctionView, Strategy } from '../../../gateway/control/ports.ts'
import { createTurns } from '../../../gateway/control/turns.ts'
import { crossing, startMs } from './junction.ts'

/** Says how often it was asked. */
const counting: Strategy<number> = {
  name: 'counting',
  periodMs: 5_000,
  remember: () => 0,
  decide: (_view, asked) => ({
    decision: { kind: 'keep', why: `asked ${asked + 1}` },
    memory: asked + 1,
  }),
}

const viewAt = (nowMs: number) => ({ nowMs }) as JunctionView

test('a strategy is asked once a beat, with the memory it gave back', () => {
  const turns = createTurns(crossing())
  const take = (nowMs: number) => turns.take(counting as Strategy, 'counting', viewAt(nowMs))
  expect(take(startMs)).toMatchObject({ decision: { why: 'asked 1' } })
  expect(take(startMs + 4_500)).toBeUndefined()
  expect(take(startMs + 5_000)).toMatchObject({ decision: { why: 'asked 2' } })
})

test('a beat that is early by the rounding of a timer is a beat', () => {
  const turns = createTurns(crossing())
  const take = (nowMs: number) => turns.take(counting as Strategy, 'counting', viewAt(nowMs))
  take(startMs)
  expect(take(startMs + 4_999)).toMatchObject({ decision: { why: 'asked 2' } })
})

test('news are for those who live on what lanes show now, not for those who count minutes', () => {
  const turns = createTurns(crossing())
  const quick = { ...counting, periodMs: 1_000 } as Strategy
  for (const strategy of [quick, counting as Strategy]) {
    turns.take(strategy, `${strategy.periodMs}`, viewAt(startMs))
  }
  expect(turns.take(quick, '1000', viewAt(startMs + 300))).toBeUndefined()
  expect(turns.take(quick, '1000', viewAt(startMs + 300), true)).toMatchObject({
    decision: { why: 'asked 2' },
  })
  expect(turns.take(counting as Strategy, '5000', viewAt(startMs + 300), true)).toBeUndefined()
})

test('a clock that is put back does not silence a strategy for as long', () => {
  const turns = createTurns(crossing())
  const take = (nowMs: number) => turns.take(counting as Strategy, 'counting', viewAt(nowMs))
  take(startMs)
  expect(take(startMs - 600_000)).toMatchObject({ decision: { why: 'asked 2' } })
  expect(take(startMs - 599_000)).toBeUndefined()
  expect(take(startMs - 595_000)).toMatchObject({ decision: { why: 'asked 3' } })
})

test('a strategy that throws loses its memory and its turn', () => {
  const turns = createTurns(crossing())
  let isBroken = false
  const strategy: Strategy<number> = {
    ...counting,
    decide(view, memory) {
      if (isBroken) throw new Error('no idea')
      return counting.decide(view, memory)
    },
  }
  const take = (nowMs: number) => turns.take(strategy as Strategy, 'counting', viewAt(nowMs))
  take(startMs)
  isBroken = true
  expect(take(startMs + 5_000)).toMatchObject({ failed: { message: 'no idea' } })
  isBroken = false
  expect(take(startMs + 6_000)).toBeUndefined()
  expect(take(startMs + 10_000)).toMatchObject({ decision: { why: 'asked 1' } })
})
