/** `kill -9` of the gateway under load, again and again, and SIGTERM under load. */
import { setTimeout as wait } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { createRandom } from '../../gateway/kit/random.ts'
import { openStand } from '../support/fault-stand.ts'
import type { VictoriaMetrics } from '../support/victoria-metrics.ts'

const killings = 20
const killingsAtStart = 3
const newPubacksMost = 150
const waitMsMost = 100 // Some commits more.
const seed = 2026

export function killFaults(database: () => VictoriaMetrics): void {
  test(`kill -9 at ${killings} random moments under load loses nothing that was acknowledged`, async (context) => {
    const stand = await openStand(context, {
      zone: 'killed',
      database: database(),
      fleet: { perSecond: 20 },
    })
    const random = createRandom(seed)
    for (let round = 0; round < killings; round++) {
      await stand.start()
      // From while the devices are coming back until well into the load.
      await stand.acknowledges(Math.floor(random() * newPubacksMost))
      await wait(random() * waitMsMost)
      await stand.kill()
    }
    // And in the middle of its own recovery.
    for (let round = 0; round < killingsAtStart; round++) {
      await stand.killWhileStarting(200 + random() * 600)
    }
    const sinceMs = performance.now()
    await stand.start()
    const note = `and ${killingsAtStart} times while it starts, ${stand.fleet.resent()} resent, seed ${seed}`
    await stand.reckon({ fault: `kill -9, ${killings} times`, sinceMs, note })
  }, 400_000)

  test('SIGTERM under load ends in order within 10 s, and nothing acknowledged is lost', async (context) => {
    const stand = await openStand(context, { zone: 'stopped', database: database() })
    await stand.start()
    await stand.acknowledges(500)
    const tookMs = await stand.stop()
    expect(tookMs).toBeLessThan(10_000)
    const sinceMs = performance.now()
    await stand.start()
    await stand.acknowledges(500)
    const note = `exit code 0 after ${(tookMs / 1_000).toFixed(1)} s`
    await stand.reckon({ fault: 'SIGTERM under load', sinceMs, note })
  }, 120_000)
}
