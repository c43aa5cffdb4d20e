import { expect, test } from 'vitest'
import { clockAlarms, endOffsetMs, raiseOffsetMs } from '../../../gateway/compose/clock-watch.ts'

const report = (clockOffsetMs: number | undefined) => [{ node: 'north/det-001', clockOffsetMs }]
const raised = new Set(['north/det-001'])

test('a clock that is off either way raises an alarm once', () => {
  for (const offsetMs of [raiseOffsetMs + 1, -raiseOffsetMs - 1]) {
    expect(clockAlarms(report(offsetMs), new Set())).toEqual([
      { node: 'north/det-001', offsetMs, isActive: true },
    ])
    expect(clockAlarms(report(offsetMs), raised)).toEqual([])
  }
})

test('the alarm ends well inside the bound, not at it', () => {
  expect(clockAlarms(report(raiseOffsetMs - 1), raised)).toEqual([])
  expect(clockAlarms(report(endOffsetMs - 1), raised)).toEqual([
    { node: 'north/det-001', offsetMs: endOffsetMs - 1, isActive: false },
  ])
})

test('without an estimate there is neither', () => {
  expect(clockAlarms(report(undefined), new Set())).toEqual([])
  expect(clockAlarms(report(undefined), raised)).toEqual([])
})
