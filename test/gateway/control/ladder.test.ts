/** The ladder: each step down has its trigger, each step up its healthy cycles. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  climb,
  defaultLadderLimits,
  type LadderFacts,
  type LadderState,
  newLadder,
  type Rung,
  type Trigger,
} from '../../../gateway/control/ladder.ts'

const healthy: LadderFacts = {
  isReachable: true,
  signalAgeMs: 500,
  mode: 'normal',
  control: 'central',
  isModeOurs: false,
  hasFault: false,
  failedCommands: 0,
  freshLaneShare: 1,
  blindGroups: [],
  forecastConfidence: 0.8,
  strategyFailed: false,
  cycleMs: 60_000,
}

const look = (state: LadderState, facts: Partial<LadderFacts>, atMs: number) =>
  climb(state, { ...healthy, ...facts }, atMs, defaultLadderLimits)

const up = look(newLadder(0), {}, 1000)

test('a new junction takes the rung its input allows at the first look', () => {
  expect(up.rung).toBe('predictive')
  expect(look(newLadder(0), { signalAgeMs: undefined }, 1000).rung).toBe('local')
  expect(look(newLadder(0), { blindGroups: ['sg/1'] }, 1000).rung).toBe('plan')
})

const steps: [Trigger, Partial<LadderFacts>, Rung][] = [
  ['controller-offline', { isReachable: false }, 'local'],
  ['controller-stale', { signalAgeMs: 30_001 }, 'local'],
  ['controller-stale', { signalAgeMs: undefined }, 'local'],
  ['controller-stale', { signalAgeMs: -7_000 }, 'local'],
  ['controller-fault', { hasFault: true }, 'local'],
  ['controller-fault', { mode: 'fault' }, 'local'],
  ['local-control', { control: 'local' }, 'local'],
  ['local-control', { control: 'manual' }, 'local'],
  ['mode', { mode: 'flashing' }, 'local'],
  ['mode', { mode: undefined, control: undefined }, 'local'],
  ['commands-failed', { failedCommands: 4 }, 'local'],
  ['blind', { freshLaneShare: 0, forecastConfidence: undefined }, 'local'],
  ['telemetry-stale', { freshLaneShare: 0.4 }, 'plan'],
  ['detector-lost', { blindGroups: ['sg/2'] }, 'plan'],
  ['forecast-distrusted', { forecastConfidence: 0.1 }, 'plan'],
  ['strategy-failed', { strategyFailed: true }, 'plan'],
]

test.each(steps)('%s with %j leads to %s at once', (trigger, facts, rung) => {
  const down = look(up, facts, 2000)
  expect(down).toMatchObject({ rung, trigger, sinceMs: 2000 })
  expect(down.why).not.toBe('')
})

test.each(steps)('after %s with %j it climbs back a rung at a time', (_trigger, facts, rung) => {
  let state = look(up, facts, 2000)
  const seen: Rung[] = [state.rung]
  for (let atMs = 3000; atMs <= 3000 + 4 * 60_000; atMs += 1000) {
    state = look(state, {}, atMs)
    if (state.rung !== seen.at(-1)) seen.push(state.rung)
    if (atMs < 3000 + 2 * 60_000) expect(state.rung).toBe(rung)
  }
  expect(seen).toEqual(rung === 'local' ? ['local', 'plan', 'predictive'] : ['plan', 'predictive'])
})

test('a mode an operator set through us is no reason to stand down', () => {
  expect(look(up, { mode: 'flashing', isModeOurs: true }, 2000).rung).toBe('predictive')
})

test('no forecast at all is no reason to distrust one', () => {
  expect(look(up, { forecastConfidence: undefined }, 2000).rung).toBe('predictive')
})

test('a new junction says what it waits for', () => {
  const waiting = look(newLadder(0), { mode: undefined, control: undefined }, 1000)
  expect(waiting).toMatchObject({ rung: 'local', why: expect.stringMatching(/not told its mode/) })
  expect(look(waiting, {}, 2000).rung).toBe('predictive')
})

test('healthy cycles count anew when the clock is put back', () => {
  let state = look(up, { isReachable: false }, 1_000_000)
  state = look(state, {}, 1_001_000)
  state = look(state, {}, 1000)
  expect(look(state, {}, 120_000).rung).toBe('local')
  expect(look(state, {}, 121_000).rung).toBe('plan')
})

test('a relapse starts the healthy cycles anew', () => {
  let state = look(up, { isReachable: false }, 2000)
  state = look(state, {}, 3000)
  state = look(state, { control: 'manual' }, 100_000)
  expect(state).toMatchObject({ trigger: 'local-control' })
  state = look(state, {}, 101_000)
  expect(look(state, {}, 200_000).rung).toBe('local')
  expect(look(state, {}, 221_000).rung).toBe('plan')
})

test('whatever happens, it never stands higher than its facts allow, and never climbs two rungs at once', () => {
  const heights = { local: 0, plan: 1, predictive: 2 }
  const facts = fc.record({
    isReachable: fc.boolean(),
    control: fc.constantFrom('central', 'local', 'manual') as fc.Arbitrary<LadderFacts['control']>,
    freshLaneShare: fc.constantFrom(undefined, 0, 0.4, 1),
    forecastConfidence: fc.constantFrom(undefined, 0.1, 0.9),
    failedCommands: fc.constantFrom(0, 0, 0, 5),
  })
  fc.assert(
    fc.property(
      fc.array(fc.tuple(facts, fc.integer({ min: 1, max: 100_000 })), { maxLength: 60 }),
      (looks) => {
        let state = look(newLadder(0), {}, 0)
        let nowMs = 0
        for (const [seen, laterMs] of looks) {
          nowMs += laterMs
          const before = heights[state.rung]
          state = look(state, seen, nowMs)
          expect(heights[state.rung] - before).toBeLessThanOrEqual(1)
          const mustBeLocal = !seen.isReachable || seen.control !== 'central'
          if (mustBeLocal) expect(state.rung).toBe('local')
          const mayNotPredict = seen.forecastConfidence === 0.1 || seen.freshLaneShare === 0.4
          if (mayNotPredict) expect(state.rung).not.toBe('predictive')
        }
      },
    ),
  )
})
