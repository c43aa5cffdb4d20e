/** Whatever comes in whatever order: the books balance, and what they say is what the ledger holds. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createIngress } from '../../../gateway/ingress/ingress.ts'
import type { Arrival, GateAnswer } from '../../../gateway/ingress/ports.ts'
import { createEventClock } from '../../../gateway/kit/clock.ts'
import { silentLog } from '../../../gateway/kit/log.ts'
import { openLedger } from '../../../gateway/ledger/ledger.ts'
import { arrival, at, count, replayTopic, startMs } from './house.ts'

const messages: fc.Arbitrary<Arrival> = fc.oneof(
  { weight: 6, arbitrary: fc.nat({ max: 20 }).map((seq) => arrival(count(seq, at(seq)))) },
  { weight: 2, arbitrary: fc.nat({ max: 20 }).map((seq) => arrival(count(seq, at(seq), 9))) },
  fc.nat({ max: 20 }).map((seq) => arrival(count(seq, at(seq)), replayTopic)),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => arrival(Buffer.from(bytes))),
  fc.constant(arrival(count(1, '2026-13-01T00:00:00.000Z'))),
  fc.constant(arrival(count(1), 'north/det-1/status/unknown.code')),
  fc.constant(arrival(count(1), 'south/det-7/status/traffic.count')),
  fc.constant(arrival({ ts: at(0), state: 'online' }, 'north/det-1/presence')),
)

const scenario = fc.array(
  fc.oneof(
    { weight: 20, arbitrary: messages },
    fc.constant('turn' as const),
    fc.constant('restart' as const),
  ),
  { maxLength: 120 },
)

test('received = stored + duplicate + quarantined + refused, at all times, and after every restart', async () => {
  const signal = new AbortController().signal
  await fc.assert(
    fc.asyncProperty(scenario, async (events) => {
      const dir = mkdtempSync(join(tmpdir(), 'intergreen-accounts-'))
      const open = async () => {
        const ledger = await openLedger({ dir, log: silentLog })
        const clock = createEventClock(startMs)
        const ingress = createIngress({ ledger, clock, log: silentLog, notify() {} })
        await ingress.start(signal)
        return { ledger, ingress }
      }
      let house = await open()
      let sent = 0
      const answers: GateAnswer[] = []
      for (const event of events) {
        if (event === 'turn') await new Promise((resolve) => setImmediate(resolve))
        else if (event === 'restart') {
          const before = house.ingress.accounts()
          await house.ingress.stop(1_000)
          await house.ledger.close()
          house = await open()
          expect(house.ingress.accounts()).toEqual(before)
        } else {
          sent += 1
          house.ingress.admit(event, (answer) => void answers.push(answer))
          expect(house.ingress.accounts()).toMatchObject({ received: sent, residual: 0 })
        }
      }
      await house.ingress.stop(1_000)
      await house.ledger.close()
      const accounts = house.ledger.accounts()
      expect(answers).toHaveLength(sent)
      expect(answers.filter((a) => a.kind === 'acknowledge' && a.forward)).toHaveLength(
        accounts.stored,
      )
      expect(answers.filter((a) => a.kind === 'close')).toHaveLength(accounts.refusedTotal)
      expect(house.ledger.durableOffset).toBe(accounts.stored)
      rmSync(dir, { recursive: true, force: true })
    }),
    { numRuns: 15 },
  )
}, 120_000)
