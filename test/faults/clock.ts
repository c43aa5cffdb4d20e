/** Clocks that jump: those of the devices, and the gateway's own. */
import { expect, test } from 'vitest'
import { createRandom } from '../../gateway/kit/random.ts'
import { eventually } from '../support/eventually.ts'
import { openStand } from '../support/fault-stand.ts'
import type { VictoriaMetrics } from '../support/victoria-metrics.ts'

const hourMs = 3_600_000
const seed = 7

export function clockFaults(database: () => VictoriaMetrics): void {
  test('readings of devices whose clocks jump by hours are stored under the time they bear', async (context) => {
    const random = createRandom(seed)
    // Within what is a sensible time (a day ahead, a week back); beyond it a message goes to quarantine.
    let offsetMs = 0
    const nowMs = () => Date.now() + offsetMs
    const stand = await openStand(context, {
      zone: 'jumping',
      database: database(),
      fleet: { nowMs },
    })
    await stand.start()
    for (let jump = 0; jump < 10; jump++) {
      await stand.acknowledges(100)
      offsetMs = Math.round((random() * 100 - 80) * hourMs)
    }
    const note = `10 jumps between −80 and +20 h, seed ${seed}`
    await stand.reckon({ fault: "devices' clocks jump", note })
  }, 120_000)

  test("a jump of the gateway's own clock holds nothing back", async (context) => {
    const stand = await openStand(context, {
      zone: 'clock',
      database: database(),
      canSabotage: true,
    })
    await stand.start()
    const notes: string[] = []
    for (const jumpMs of [hourMs, -2 * hourMs, 6 * hourMs, 0]) {
      await stand.acknowledges(100)
      stand.setClock(jumpMs)
      notes.push(await stand.gateGoesOn(1_500))
      // The way to the database goes on too: what has come before is in it soon.
      const writtenBefore = await written()
      await eventually(async () => expect(await written()).toBeGreaterThan(writtenBefore))
    }
    await stand.reckon({
      fault: "gateway's clock jumps",
      note: `+1 h, −2 h, +6 h, 0; ${notes.at(-1)}`,
    })

    async function written(): Promise<number> {
      const { sum } = await stand.metrics()
      return sum('intergreen_dispatch_records', 'consumer="influx"', 'outcome="written"')
    }
  }, 120_000)
}
