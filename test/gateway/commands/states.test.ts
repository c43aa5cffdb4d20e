/** The whole table, written down a second time: what stands in each cell is a decision, not an accident. */
import { expect, test } from 'vitest'
import {
  type CommandEvent,
  type CommandState,
  commandEvents,
  commandStates,
  hasEnded,
  nextState,
} from '../../../gateway/commands/states.ts'

const underWay: Partial<Record<CommandEvent, CommandState>> = {
  resultAccepted: 'accepted',
  resultRejected: 'rejected',
  resultApplied: 'accepted',
  resultReleased: 'released',
  resultExpired: 'expired',
  shown: 'applied',
  replaced: 'superseded',
  ranOut: 'expired',
  restarted: 'expired',
}
const { resultAccepted: _a, resultApplied: _b, ...onceAccepted } = underWay

const table: Record<CommandState, Partial<Record<CommandEvent, CommandState>>> = {
  issued: {
    ...underWay,
    acknowledged: 'delivered',
    undeliverable: 'expired',
    withheld: 'rejected',
  },
  delivered: underWay,
  accepted: onceAccepted,
  applied: {
    undeliverable: 'expired',
    withheld: 'rejected',
    resultReleased: 'released',
    resultExpired: 'expired',
    gone: 'reverted',
    givenBack: 'released',
    replaced: 'superseded',
    leaseEnded: 'expired',
  },
  released: {},
  expired: {},
  rejected: {},
  superseded: {},
  reverted: {},
}

const cells = commandStates.flatMap((state) =>
  commandEvents.map((event) => [state, event, table[state][event] ?? 'ignored'] as const),
)

test.each(cells)('a command that is %s and meets %s: %s', (state, event, next) => {
  expect(nextState(state, event)).toBe(next)
})

test('nothing but the status of the device makes a command applied', () => {
  const ways = cells.filter(([, , next]) => next === 'applied').map(([, event]) => event)
  expect(new Set(ways)).toEqual(new Set(['shown']))
})

test('five states are ends', () => {
  const ends = commandStates.filter(hasEnded)
  expect(ends).toEqual(['released', 'expired', 'rejected', 'superseded', 'reverted'])
})
