/** Who is held back while the ledger takes nothing, and in which order they are let in. */
import { expect, test } from 'vitest'
import { defaultIngressLimits, type IngressLimits } from '../../../gateway/ingress/limits.ts'
import { silentIngressMetrics } from '../../../gateway/ingress/metrics.ts'
import { WaitingRoom } from '../../../gateway/ingress/waiting-room.ts'
import { IngressBusy } from '../../../gateway/ledger/errors.ts'
import type { CodedError } from '../../../schemas/coded-error.ts'
import { eventually } from '../../support/eventually.ts'
import { arrival, build, count, countTopic, type House, passOn } from './house.ts'

const busy = IngressBusy(1, 1)

function open(limits: Partial<IngressLimits> = {}) {
  const order: string[] = []
  const ledger: { refusal: CodedError | undefined } = { refusal: busy }
  const whenDecided = new Map<string, () => void>()
  const room = new WaitingRoom({
    limits: { ...defaultIngressLimits, ...limits },
    metrics: silentIngressMetrics,
    refusal: () => ledger.refusal,
    decide: ({ topic }) => {
      order.push(topic)
      whenDecided.get(topic)?.()
    },
    refuse: (error, answer) => answer({ kind: 'close', error }),
  })
  const come = (name: string) =>
    room.admit(arrival({}, name), (answer) => void order.push(`${name} ${answer.kind}`))
  return { room, ledger, order, whenDecided, come }
}

test('who comes when the ledger takes again does not overtake those who wait', () => {
  const { room, ledger, order, come } = open()
  for (const name of ['a', 'b']) come(name)
  ledger.refusal = undefined // Nobody was told yet.
  come('c')
  expect(order).toEqual(['a', 'b', 'c'])
  expect(room.size).toBe(0)
})

test('who comes while others are let in waits behind them', () => {
  const { room, ledger, order, whenDecided, come } = open()
  whenDecided.set('a', () => come('a2'))
  for (const name of ['a', 'b', 'c']) come(name)
  ledger.refusal = undefined
  room.letIn()
  expect(order).toEqual(['a', 'b', 'c', 'a2'])
})

test('when the ledger is full again after a few, the others keep their places', () => {
  const { room, ledger, order, whenDecided, come } = open()
  whenDecided.set('b', () => {
    ledger.refusal = busy
  })
  for (const name of ['a', 'b', 'c']) come(name)
  ledger.refusal = undefined
  room.letIn()
  come('d')
  expect(order).toEqual(['a', 'b'])
  ledger.refusal = undefined
  room.letIn()
  expect(order).toEqual(['a', 'b', 'c', 'd'])
})

test('a room that is full refuses the one too many, also while others are let in', () => {
  const { room, ledger, order, whenDecided, come } = open({ heldMax: 2 })
  whenDecided.set('a', () => ['d', 'e'].forEach(come))
  for (const name of ['a', 'b', 'c']) come(name)
  expect(order).toEqual(['c close'])
  ledger.refusal = undefined
  room.letIn()
  expect(order).toEqual(['c close', 'a', 'e close', 'b', 'd'])
})

/** Of one connection, one after the other, whatever the ledger says in between. */
function sendOne(house: House, seq: number): Promise<unknown> {
  return new Promise((resolve) => {
    const topic = countTopic.replace('1min', '5min')
    house.ingress.admit(arrival(count(seq), topic), resolve)
  })
}

test('as soon as the ledger takes again those who wait are let in, in order and without a gap', async () => {
  const MiB = 1024 * 1024
  const limits = { bytesMax: 4 * MiB, reserveBytes: MiB, retainMs: 0, tickMs: 20 }
  const house = await build({ ledger: { limits } })
  house.ledger.loadCursor('slow')
  const filler = { receivedAtMs: 1, topic: countTopic, payload: Buffer.alloc(20_000) }
  while (house.ledger.refusal() === undefined) {
    house.ledger.books.received += 1
    await new Promise((resolve) => house.ledger.append(filler, resolve))
  }
  const from = house.ledger.nextOffset
  const answers = [0, 1, 2].map((seq) => sendOne(house, seq))
  expect(house.ingress.heldCount).toBe(3)
  let heldThen = -1
  house.ledger.onTakesAgain(() => {
    heldThen = house.ingress.heldCount
    answers.push(sendOne(house, 3))
  })
  house.ledger.advanceCursor('slow', house.ledger.durableOffset)
  await eventually(() => expect(heldThen).toBe(0))
  expect(await Promise.all(answers)).toEqual(Array(4).fill(passOn))
  const records = await house.ledger.read(from, { recordsMax: 10, bytesMax: 1e6 })
  expect(records.map(({ message, notes }) => [message.value, notes])).toEqual(
    [0, 1, 2, 3].map((seq) => [count(seq), undefined]),
  )
  expect(house.ingress.accounts().residual).toBe(0)
})
