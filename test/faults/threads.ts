/** Threads of the gateway that die: they are started again, and nobody outside notices more than a pause. */
import { expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { openStand } from '../support/fault-stand.ts'
import { openStreet } from '../support/fault-street.ts'
import type { VictoriaMetrics } from '../support/victoria-metrics.ts'

const deaths = 3

export function threadFaults(database: () => VictoriaMetrics): void {
  test(`the thread of the ledger dies ${deaths} times: what waits for it is held, and acknowledged by its successor`, async (context) => {
    const stand = await openStand(context, {
      zone: 'ledger-thread',
      database: database(),
      canSabotage: true,
    })
    await stand.start()
    await stand.acknowledges(200)
    let sinceMs = 0
    for (let death = 1; death <= deaths; death++) {
      await stand.endThread('gateway/ledger/worker.ts')
      sinceMs = performance.now()
      await stand.acknowledges(200)
    }
    await stand.reckon({ fault: 'ledger thread dies', sinceMs, note: `${deaths} times` })
  }, 120_000)

  test(`the archive's thread dies ${deaths} times: the way to the database goes on at its cursor`, async (context) => {
    const stand = await openStand(context, {
      zone: 'archive-thread',
      database: database(),
      canSabotage: true,
    })
    await stand.start()
    await stand.acknowledges(200)
    for (let death = 1; death <= deaths; death++) {
      await stand.endThread('gateway/archive/worker.ts')
      await stand.acknowledges(200)
      await eventually(async () => {
        const { sum } = await stand.metrics()
        const labels = ['consumer="influx"', 'outcome="pending"']
        // A batch gathers for a second; what stays behind for longer than two does not go on.
        expect(sum('intergreen_dispatch_records', ...labels)).toBeLessThan(
          2 * stand.fleet.perSecond,
        )
      }, 30_000)
    }
    await stand.reckon({ fault: 'archive thread dies', note: `${deaths} times` })
  }, 120_000)

  test('the thread of the outbox dies: commands are sent and applied again', async (context) => {
    const street = await openStreet(context, {
      zone: 'outbox-thread',
      database: database(),
      canSabotage: true,
    })
    await street.applies(2)
    await street.stand.endThread('gateway/commands/outbox-worker.ts')
    const sinceMs = performance.now()
    const applied = await street.applies(3)
    const tookS = (performance.now() - sinceMs) / 1_000
    await street.stop()
    const note = `${applied} commands applied within ${tookS.toFixed(1)} s after it`
    await street.stand.reckon({ fault: 'outbox thread dies', note })
  }, 150_000)
}
