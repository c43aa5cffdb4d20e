/** The express lane against the steps: whichever way a message takes, the ledger and the books cannot tell. */
import { Worker } from 'node:worker_threads'
import fc from 'fast-check'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { ExpressLane } from '../../../gateway/ingress/ports.ts'
import { Books } from '../../../gateway/ledger/accounts.ts'
import { arrival, ask, at, build, type House, notesOf, startMs } from './house.ts'

const topic = 'north/det-1/status/traffic.queue/live'

function queue(seq: number, offsetMs: number, vehicles = 3) {
  const lane = { queueVehicles: vehicles, queueMeters: 21.5, approachingVehicles: 5 }
  return { entries: [{ ts: at(offsetMs), seq, values: { lanes: { 'ln/1': lane } } }] }
}

const identity = arrival(queue(0, 0), topic).identity

/** Resolves with whether the short way took it, when it is answered. */
function knock(house: House, payload: Buffer): Promise<'express' | 'long'> {
  const lane = house.ingress.express(identity, topic)
  const padded = Buffer.concat([Buffer.from('before'), payload, Buffer.from('after')])
  return new Promise((resolve) => {
    const sender = {
      stored: () => resolve('express'),
      refused: () => resolve('express'),
    }
    if (lane?.admit(padded, 6, 6 + payload.length, sender, 1)) return
    const one = { ...arrival(payload, topic), identity }
    house.ingress.admit(one, () => resolve('long'))
  })
}

const bytes = (message: unknown) => Buffer.from(JSON.stringify(message))

test('the first of a stream goes the long way, those that follow in order the short one', async () => {
  const house = await build()
  expect(house.ingress.express(identity, topic)).toBeUndefined()
  const taken = []
  for (let seq = 0; seq < 5; seq++) taken.push(await knock(house, bytes(queue(seq, seq))))
  expect(taken).toEqual(['long', 'express', 'express', 'express', 'express'])
  const records = await house.ledger.read(0, { recordsMax: 10, bytesMax: 100_000 })
  expect(records.map(({ message }) => message.value)).toEqual(
    Array.from({ length: 5 }, (_, seq) => queue(seq, seq)),
  )
  expect(records.map((record) => record.topic)).toEqual(Array(5).fill(topic))
})

test.each([
  ['a duplicate', queue(1, 1)],
  ['a gap', queue(9, 2)],
  ['a counter that began anew', queue(0, 5_000)],
  ['a message that is late', queue(2, -600_000)],
  ['a clock ahead', queue(2, 60_000)],
  ['one that is not valid', { entries: [] }],
  ['white space', Buffer.from(` ${JSON.stringify(queue(2, 2))}`)],
])('%s is left to the steps', async (_, message) => {
  const house = await build()
  await knock(house, bytes(queue(0, 0)))
  await knock(house, bytes(queue(1, 1)))
  const payload = Buffer.isBuffer(message) ? message : bytes(message)
  expect(await knock(house, payload)).toBe('long')
})

test('the books that go to the disk with a message balance, also when the batch leaves as it comes in', async () => {
  const written: string[] = []
  const post = Worker.prototype.postMessage
  vi.spyOn(Worker.prototype, 'postMessage').mockImplementation(function (this: Worker, message) {
    if (message.kind === 'commit') written.push(message.request.door)
    post.call(this, message)
  })
  onTestFinished(() => void vi.restoreAllMocks())
  const house = await build({ ledger: { limits: { gatherMs: 60_000 } } })
  await knock(house, bytes(queue(0, 0)))
  const taken = Array.from({ length: 1_000 }, (_, i) => knock(house, bytes(queue(i + 1, i))))
  expect(written.length).toBeGreaterThan(1)
  for (const door of written) expect(Books.from(JSON.parse(door)).residual()).toBe(0)
  expect(house.ingress.accounts()).toMatchObject({ received: 1_001, residual: 0 })
  await house.close()
  expect(new Set(await Promise.all(taken))).toEqual(new Set(['express']))
})

test('what the lane leaves to the steps is received once', async () => {
  const house = await build({ ingress: { limits: { holdMs: 50 } } })
  await knock(house, bytes(queue(0, 0)))
  await house.ledger.close()
  expect(await knock(house, bytes(queue(1, 1)))).toBe('long')
  expect(house.ingress.accounts()).toMatchObject({ received: 2, refusedTotal: 1, residual: 0 })
})

test('only the identity that was found to be allowed has a lane', async () => {
  const house = await build()
  await knock(house, bytes(queue(0, 0)))
  expect(house.ingress.express(identity, topic)).toBeDefined()
  expect(house.ingress.express({ ...identity }, topic)).toBeUndefined()
  expect(house.ingress.express(identity, 'north/det-1/status/traffic.count/1min')).toBeUndefined()
})

test('a route that is forgotten takes its lane with it', async () => {
  const house = await build({ ingress: { limits: { streamsMax: 1 } } })
  await knock(house, bytes(queue(0, 0)))
  const lane = house.ingress.express(identity, topic) as ExpressLane
  await ask(house, arrival(queue(0, 0), 'north/det-2/status/traffic.queue', 'north/det-2'))
  await ask(house, arrival(queue(0, 0), 'north/det-3/status/traffic.queue', 'north/det-3'))
  expect(lane.isGone).toBe(true)
})

const step = fc.record({
  seqStep: fc.oneof({ weight: 12, arbitrary: fc.constant(1) }, fc.integer({ min: -3, max: 4 })),
  timeStepMs: fc.oneof(
    { weight: 12, arbitrary: fc.nat(500) },
    fc.integer({ min: -400_000, max: 9_000 }),
  ),
  vehicles: fc.integer({ min: 0, max: 1_003 }),
  advanceMs: fc.nat(400),
})

test('with and without it the same records, notes and books come out', async () => {
  const isExpress = { short: true, long: false } as const
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 40 }), async (steps) => {
      const results = []
      for (const way of ['short', 'long'] as const) {
        const house = await build()
        let seq = 0
        let timeMs = 0
        for (const { seqStep, timeStepMs, vehicles, advanceMs } of steps) {
          house.clock.advanceTo(house.clock.nowMs() + advanceMs)
          const payload = bytes(queue(Math.max(0, seq), timeMs, vehicles))
          if (isExpress[way]) await knock(house, payload)
          else await ask(house, { ...arrival(payload, topic), identity })
          seq += seqStep
          timeMs += timeStepMs
        }
        const records = await house.ledger.read(0, { recordsMax: 100, bytesMax: 1e6 })
        const [node] = house.ingress.nodes()
        results.push({
          notes: notesOf(records),
          stored: records.map(({ payload, receivedAtMs }) => [String(payload), receivedAtMs]),
          books: house.ingress.accounts(),
          node,
        })
        await house.close()
      }
      expect(results[0]).toEqual(results[1])
    }),
    { numRuns: 25, seed: 20261122 },
  )
  expect(startMs).toBeGreaterThan(0)
}, 120_000)
