import { expect, test } from 'vitest'
import { agreementOf, type DecisionTaken } from '../../../../gateway/evaluate/control/shadow.ts'

const decided = (
  atS: number,
  strategy: string,
  [decision, values]: readonly [decision: string, values?: object],
  isShadow = false,
  junction = 'sumo/tlc-001',
): DecisionTaken => ({
  junction,
  atMs: atS * 1_000,
  strategy,
  decision,
  isShadow,
  values: values ? JSON.stringify(values) : null,
})
const stage = (stage: number) => ['stage', { stage }] as const

test('agreement is the share of the time in which both want the same', () => {
  const figures = agreementOf('webster', [
    decided(0, 'predictive', stage(1)),
    decided(10, 'webster', stage(1), true), // From here on both have spoken.
    decided(20, 'predictive', ['keep']), // Still stage 1.
    decided(30, 'predictive', stage(2)),
    decided(40, 'pid', stage(2), true), // Another shadow's affair.
    decided(60, 'webster', stage(2), true),
    decided(90, 'predictive', ['keep']),
  ])
  // Of 80 s side by side: 10 to 30 and 60 to 90.
  expect(figures).toEqual({
    strategy: 'webster',
    agreement: 50 / 80,
    junctions: { 'sumo/tlc-001': 50 / 80 },
  })
})

test('to give back and to stand down are the same; kind counts, not only the values', () => {
  const figures = agreementOf('local-plan', [
    decided(0, 'local', ['stand-down']),
    decided(0, 'local-plan', ['release'], true),
    decided(10, 'webster', ['timing', { stage: 1 }]),
    decided(20, 'local-plan', stage(1), true),
    decided(40, 'webster', ['keep']),
  ])
  expect(figures.agreement).toBe(10 / 40)
})

test('junctions are told apart, and one where a side is silent has no share', () => {
  const figures = agreementOf('webster', [
    decided(0, 'predictive', stage(1)),
    decided(0, 'webster', stage(1), true),
    decided(0, 'predictive', stage(1), false, 'sumo/tlc-002'),
    decided(10, 'predictive', ['keep']),
  ])
  expect(figures).toMatchObject({
    agreement: 1,
    junctions: { 'sumo/tlc-001': 1, 'sumo/tlc-002': null },
  })
  expect(agreementOf('webster', [])).toEqual({
    strategy: 'webster',
    agreement: null,
    junctions: {},
  })
})
