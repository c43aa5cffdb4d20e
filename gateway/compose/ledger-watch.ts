/** Looks at the books and the disk every second: publishes the accounts, raises and ends the alarms of storage. */
import { createSystemClock } from '../kit/clock.ts'
import type { Part } from '../kit/part.ts'
import { type Accounts, readerResidual } from '../ledger/accounts.ts'
import type { Ledger } from '../ledger/ledger.ts'
import type { OwnNode } from './own-node.ts'
import { accountsValues } from './summary.ts'

const watchEveryMs = 1_000
const accountsEvery = 5 // Every five seconds is enough for people, and little for a dashboard to keep.

export function createLedgerWatch(ledger: Ledger, own: OwnNode, nowMs: () => number): Part {
  const clock = createSystemClock() // Disks fill up in real time, also beside a simulated street.
  let looks = 0
  let cancel: (() => void) | undefined

  function look(): void {
    const accounts = ledger.accounts()
    const refusal = ledger.refusal()
    const isFull = refusal?.code === 'IG_ERR_LEDGER_FULL'
    own.alarm('system.storage', 'ledger-full', isFull, isFull ? refusal.message : 'there is room')
    const isDisk = refusal !== undefined && refusal.code === 'IG_ERR_LEDGER_DISK'
    own.alarm('system.storage', 'ledger-disk', isDisk, isDisk ? refusal.message : 'writing again')
    const leftOver = residuals(accounts)
    const isLeftOver = leftOver.length > 0
    const text = isLeftOver
      ? `the books do not balance: ${leftOver.join(', ')}`
      : 'the books balance'
    own.alarm('system.storage', 'residual', isLeftOver, text)
    if (looks % accountsEvery === 0) {
      own.status('gateway.accounts', nowMs(), accountsValues(accounts))
    }
    looks += 1
  }

  return {
    name: 'ledger watch',
    async start() {
      cancel = clock.every(watchEveryMs, look)
    },
    async stop() {
      cancel?.()
      look()
    },
  }
}

/** Where something is left over, and how much: at the door, at a reader. */
function residuals({ residual, stored, readers }: Accounts): string[] {
  const atReaders = readers.map((account) => ({
    place: `reader ${account.reader}`,
    left: readerResidual(stored, account),
  }))
  return [{ place: 'the door', left: residual }, ...atReaders]
    .filter(({ left }) => left !== 0)
    .map(({ place, left }) => `${left} at ${place}`)
}
