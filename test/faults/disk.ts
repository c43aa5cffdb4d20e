/** A disk that is full, read-only, or takes no writes for a while: nobody is acknowledged, nobody is lost. */
import { expect, type TestContext, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { openStand, type Stand } from '../support/fault-stand.ts'
import {
  canLimitFiles,
  canLoop,
  canMount,
  limitFiles,
  mountFragileDisk,
  mountSmallDisk,
} from '../support/small-disk.ts'
import type { VictoriaMetrics } from '../support/victoria-metrics.ts'

const MiB = 1024 * 1024
const fleet = { devices: 4, perSecond: 25 }
const patienceMs = 30_000
const refusedAfterMs = 40_000 // A sender is held back for 10 s before it is refused, or its batch for 5 s.
const quietMsLeast = 3_000 // Less by what a busy machine keeps us from reading.

/** Until a sender was refused with the code; by then no PUBACK has come for seconds. */
async function refuses(stand: Stand, code: string): Promise<number> {
  await eventually(async () => {
    const { sum } = await stand.metrics()
    expect(sum('intergreen_ingress_refused_total', `code="${code}"`)).toBeGreaterThan(0)
  }, refusedAfterMs)
  expect(performance.now() - stand.fleet.lastAnswerAtMs()).toBeGreaterThan(quietMsLeast)
  return (await stand.metrics()).sum('intergreen_ingress_refused_total', `code="${code}"`)
}

interface FailingDisk {
  readonly zone: string
  readonly dataDir: string
  /** What makes it fail. */
  spoil(): void
  readonly alarm: string
  readonly code: string
}

/** The history lives on the same disk and has an alarm of its own, sooner or later. */
function ledgerAlarms(alarms: () => readonly string[]): () => readonly string[] {
  return () => alarms().filter((alarm) => alarm.startsWith('ledger-'))
}

/** A gateway at work whose disk fails: it raises the alarm, refuses by name, and acknowledges nothing more. */
async function refusedOn(context: TestContext, database: VictoriaMetrics, disk: FailingDisk) {
  const { zone, dataDir, alarm, code } = disk
  const args = [`--ledger-reserve-bytes=${MiB}`]
  const stand = await openStand(context, { zone, database, dataDir, args, fleet })
  await stand.start()
  const alarms = ledgerAlarms(await stand.alarms())
  await stand.acknowledges(100)
  disk.spoil()
  await eventually(() => expect(alarms()).toEqual([`${alarm} raised`]), patienceMs)
  const refused = await refuses(stand, code)
  return { stand, alarms, refused }
}

export function diskFaults(database: () => VictoriaMetrics): void {
  test.skipIf(!canMount)(
    'a full disk refuses at the gate with an alarm, and is used again when there is room (needs mount)',
    async (context) => {
      const disk = mountSmallDisk(context, 32)
      const { stand, alarms, refused } = await refusedOn(context, database(), {
        zone: 'full',
        dataDir: disk.dir,
        spoil: () => disk.fill(),
        alarm: 'ledger-full',
        code: 'IG_ERR_LEDGER_FULL',
      })
      disk.makeRoom()
      const sinceMs = performance.now()
      await stand.acknowledges(100)
      const both = ['ledger-full raised', 'ledger-full over']
      await eventually(() => expect(alarms()).toEqual(both), patienceMs)
      const note = `${refused} refused with IG_ERR_LEDGER_FULL, alarm raised and cleared, resumed by itself`
      await stand.reckon({ fault: 'disk full', sinceMs, note })
    },
    150_000,
  )

  test.skipIf(!canLoop)(
    'a disk that the kernel made read-only refuses with an alarm; repaired, it has all that was acknowledged (needs loop devices)',
    async (context) => {
      const disk = mountFragileDisk(context, 48)
      const { stand, refused } = await refusedOn(context, database(), {
        zone: 'readonly',
        dataDir: disk.dir,
        spoil: () => disk.break(),
        alarm: 'ledger-disk',
        code: 'IG_ERR_LEDGER_DISK',
      })
      const tookMs = await stand.stop()
      expect(tookMs).toBeLessThan(10_000)
      disk.repair()
      const sinceMs = performance.now()
      await stand.start()
      await stand.acknowledges(100)
      const note = `${refused} refused with IG_ERR_LEDGER_DISK, alarm, repaired and started again`
      await stand.reckon({ fault: 'disk read-only', sinceMs, note })
    },
    150_000,
  )

  test.skipIf(!canLimitFiles)(
    'a disk that takes no writes for a while is used again by itself (needs prlimit)',
    async (context) => {
      const stand = await openStand(context, { zone: 'nowrites', database: database(), fleet })
      const { child } = await stand.start()
      const alarms = ledgerAlarms(await stand.alarms())
      await stand.acknowledges(100)
      limitFiles(child.pid!, 0)
      await eventually(() => expect(alarms()).toEqual(['ledger-disk raised']), patienceMs)
      limitFiles(child.pid!, undefined)
      const sinceMs = performance.now()
      await stand.acknowledges(100)
      const both = ['ledger-disk raised', 'ledger-disk over']
      await eventually(() => expect(alarms()).toEqual(both), patienceMs)
      const note = 'alarm raised and cleared, resumed by itself'
      await stand.reckon({ fault: 'disk takes no writes for a while', sinceMs, note })
    },
    120_000,
  )
}
