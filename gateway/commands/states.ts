/**
 * The life of a command as a table: state × event → state. Pure; docs/commands.md draws it.
 *
 *   issued ─▶ delivered ─▶ accepted ─▶ applied ─▶ released
 *      └──────────┴────────────┴──────────┴─────▶ expired · rejected · superseded · reverted
 *
 * - `applied` is entered by `shown` alone: the device's own status, never its word (`resultApplied`). What never left is
 *   not applied, though the device shows the same (`undeliverable`, `withheld`).
 * - An ended command stays ended: every event on it is `ignored`, and the caller counts it.
 */

export const commandStates = [
  'issued',
  'delivered',
  'accepted',
  'applied',
  'released',
  'expired',
  'rejected',
  'superseded',
  'reverted',
] as const
export type CommandState = (typeof commandStates)[number]

export const commandEvents = [
  /** The device's PUBACK. */
  'acknowledged',
  /** The device was not there; nothing was sent. */
  'undeliverable',
  /** We did not let it leave: the guard said no, or it could not be made durable. */
  'withheld',
  'resultAccepted',
  'resultRejected',
  'resultApplied',
  'resultReleased',
  'resultExpired',
  /** The device's status shows it in force. */
  'shown',
  /** The device's status shows something else while the lease runs. */
  'gone',
  /** The device's status shows something else, and the lease is over. */
  'givenBack',
  /** A newer command of the same kind is in force. */
  'replaced',
  /** Its time to be applied has passed. */
  'ranOut',
  /** Its lease has passed by our clock and the device said nothing. */
  'leaseEnded',
  /** The gateway started again while it was under way. */
  'restarted',
] as const
export type CommandEvent = (typeof commandEvents)[number]

type Row = Readonly<Record<CommandEvent, CommandState | 'ignored'>>

/** What any command that is under way does; the three states before `applied` differ from it in a cell or two. */
const underWay: Row = {
  acknowledged: 'ignored',
  undeliverable: 'ignored',
  withheld: 'ignored',
  resultAccepted: 'accepted',
  resultRejected: 'rejected',
  resultApplied: 'accepted',
  resultReleased: 'released',
  resultExpired: 'expired',
  shown: 'applied',
  gone: 'ignored',
  givenBack: 'ignored',
  replaced: 'superseded',
  ranOut: 'expired',
  leaseEnded: 'ignored',
  restarted: 'expired',
}

const ended = Object.fromEntries(commandEvents.map((event) => [event, 'ignored'])) as Row

export const transitions: Readonly<Record<CommandState, Row>> = {
  issued: {
    ...underWay,
    acknowledged: 'delivered',
    undeliverable: 'expired',
    withheld: 'rejected',
  },
  delivered: underWay,
  accepted: { ...underWay, resultAccepted: 'ignored', resultApplied: 'ignored' },
  applied: {
    ...ended,
    undeliverable: 'expired',
    withheld: 'rejected',
    resultReleased: 'released',
    resultExpired: 'expired',
    gone: 'reverted',
    givenBack: 'released',
    replaced: 'superseded',
    leaseEnded: 'expired',
  },
  released: ended,
  expired: ended,
  rejected: ended,
  superseded: ended,
  reverted: ended,
}

export function nextState(state: CommandState, event: CommandEvent): CommandState | 'ignored' {
  return transitions[state][event]
}

export function hasEnded(state: CommandState): boolean {
  return transitions[state] === ended
}
