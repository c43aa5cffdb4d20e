/** A reader that stands still must not cost memory: the ledger is on the disk. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { createSystemClock } from '../../../gateway/kit/clock.ts'
import { silentLog } from '../../../gateway/kit/log.ts'
import { createPump } from '../../../gateway/ledger/pump.ts'
import { arrival, at, build, count } from './house.ts'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

const MiB = 1024 * 1024
const devices = 100

function heldBytes(): number {
  collect()
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

test('memory stays flat while a reader stands still and messages keep coming', async () => {
  const house = await build({ ledger: { limits: { tailBytesMax: 4 * MiB } } })
  const stuck = createPump({
    ledger: house.ledger,
    name: 'stuck',
    clock: createSystemClock(),
    log: silentLog,
    consume: () => new Promise(() => {}),
  })
  await stuck.start(new AbortController().signal)

  let seq = 0
  async function feed(rounds: number): Promise<void> {
    for (let round = 0; round < rounds; round++, seq++) {
      await Promise.all(
        Array.from({ length: devices }, (_, i) => {
          const node = `north/det-${i}`
          const message = count(seq, at(seq * 10))
          return new Promise((resolve) =>
            house.ingress.admit(arrival(message, `${node}/status/traffic.count`, node), resolve),
          )
        }),
      )
    }
  }

  await feed(200) // Until the tail and the windows are full.
  const before = heldBytes()
  await feed(300)
  expect(house.ledger.durableOffset).toBe(500 * devices)
  expect(stuck.lagRecords).toBe(500 * devices)
  expect((heldBytes() - before) / MiB).toBeLessThan(10)
  await stuck.stop(1)
}, 120_000)
