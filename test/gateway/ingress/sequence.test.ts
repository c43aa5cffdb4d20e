/** Duplicates, gaps, restarts, back-fill: what the numbers of a stream tell, through the door. */
import { expect, test } from 'vitest'
import { createIngress } from '../../../gateway/ingress/ingress.ts'
import { createEventClock } from '../../../gateway/kit/clock.ts'
import { silentLog } from '../../../gateway/kit/log.ts'
import { Books, summarize } from '../../../gateway/ledger/accounts.ts'
import { LedgerDisk } from '../../../gateway/ledger/errors.ts'
import type { CodedError } from '../../../schemas/coded-error.ts'
import {
  arrival,
  ask,
  at,
  build,
  count,
  countTopic,
  keepQuiet,
  notesOf,
  passOn,
  replayTopic,
  send,
  startMs,
} from './house.ts'

const minuteMs = 60_000

test('the same message again is acknowledged and stored once', async () => {
  const house = await build()
  const answers = [1, 1, 2, 1].map((seq) => ask(house, arrival(count(seq, at(seq * minuteMs)))))
  expect(await Promise.all(answers)).toEqual([passOn, keepQuiet, passOn, keepQuiet])
  expect(house.ingress.accounts()).toMatchObject({ received: 4, stored: 2, duplicate: 2 })
})

test('the same number with other content is no duplicate', async () => {
  const house = await build()
  const stored = await send(house, arrival(count(1)), arrival(count(1, at(0), 4)))
  expect(stored).toHaveLength(2)
})

test('a duplicate is acknowledged only when what it repeats is durable', async () => {
  const house = await build({ ledger: { limits: { gatherMs: 50 } } })
  const order: string[] = []
  house.ingress.admit(arrival(count(1)), () => void order.push('first'))
  const duplicate = new Promise<void>((resolve) => {
    house.ingress.admit(arrival(count(1)), () => {
      order.push('duplicate')
      resolve()
    })
  })
  expect(order).toEqual([])
  await duplicate
  expect(order).toEqual(['first', 'duplicate'])
})

test('channels and codes count apart', async () => {
  const house = await build()
  const stored = await send(
    house,
    arrival(count(1)),
    arrival(count(1), 'north/det-1/status/traffic.count/5min'),
    arrival(count(1), 'north/det-1/status/traffic.count'),
  )
  expect(stored).toHaveLength(3)
})

const tables: readonly [string, readonly [seq: number, minute: number][], readonly unknown[]][] = [
  [
    'numbers in a row say nothing',
    [
      [5, 0],
      [6, 1],
      [7, 2],
    ],
    [undefined, undefined, undefined],
  ],
  [
    'what is missing is noticed',
    [
      [1, 0],
      [2, 1],
      [7, 6],
    ],
    [undefined, undefined, { gap: 4 }],
  ],
  [
    'a counter that began anew is no duplicate and no gap',
    [
      [100, 0],
      [0, 1],
      [1, 2],
    ],
    [undefined, { restarted: true }, undefined],
  ],
  [
    'a counter that began anew and lost some says both',
    [
      [100, 0],
      [3, 1],
      [5, 2],
    ],
    [undefined, { restarted: true }, { gap: 1 }],
  ],
  [
    'a message that was overtaken is stored without remark',
    [
      [1, 0],
      [3, 2],
      [2, 1],
      [4, 3],
    ],
    [undefined, { gap: 1 }, undefined, undefined],
  ],
]

test.each(tables)('%s', async (_, sent, notes) => {
  const house = await build({ ingress: { limits: { futureMs: 3_600_000 } } })
  const messages = sent.map(([seq, minute]) => arrival(count(seq, at(minute * minuteMs))))
  expect(notesOf(await send(house, ...messages))).toEqual(notes)
})

test('a burst with several entries counts them all', async () => {
  const house = await build({ ingress: { limits: { futureMs: 3_600_000 } } })
  const burst = (...seqs: number[]) =>
    arrival({ entries: seqs.flatMap((seq) => count(seq, at(seq * minuteMs)).entries) })
  const stored = await send(house, burst(1, 2, 3), burst(4, 6), burst(7, 8), burst(4, 6))
  expect(notesOf(stored)).toEqual([undefined, { gap: 1 }, undefined])
})

test('a reconnect storm that resends all that was in flight stores nothing twice', async () => {
  const house = await build()
  const messages = Array.from({ length: 60 }, (_, i) => arrival(count(i, at(i))))
  await send(house, ...messages)
  const again = await send(house, ...messages)
  expect(again).toEqual([])
  expect(house.ingress.accounts()).toMatchObject({ stored: 60, duplicate: 60, residual: 0 })
})

test('what was stored before a restart of the gateway is known after it', async () => {
  const first = await build()
  await send(first, arrival(count(1)), arrival(count(2, at(minuteMs / 60))))
  await first.close()
  const second = await build({ dir: first.dir })
  expect(await ask(second, arrival(count(2, at(minuteMs / 60))))).toEqual(keepQuiet)
  expect(notesOf(await send(second, arrival(count(5))))).toEqual([{ gap: 2 }])
})

test('back-fill is accepted late and marked; it fills what was missing', async () => {
  const house = await build()
  const day = 86_400_000
  const old = arrival(count(2, at(-10 * day)), replayTopic)
  const stored = await send(house, arrival(count(1, at(-minuteMs))), arrival(count(3)), old)
  expect(notesOf(stored)).toEqual([undefined, { gap: 1 }, { replay: true }])
  expect(house.ingress.nodes()[0]).toMatchObject({ gaps: 1, missing: 0, replayed: 1, late: 0 })
})

test('back-fill of what has come already is a duplicate, unless it also says that it is done', async () => {
  const house = await build()
  await send(house, arrival(count(1, at(-minuteMs))), arrival(count(2)))
  const known = { entries: [...count(1, at(-minuteMs)).entries, ...count(2).entries] }
  expect(await ask(house, arrival(known, replayTopic))).toEqual(keepQuiet)
  expect(await ask(house, arrival({ ...known, done: true }, replayTopic))).toEqual(passOn)
  const partly = { entries: [...count(2).entries, ...count(3).entries] }
  expect(await ask(house, arrival(partly, replayTopic))).toEqual(passOn)
})

test('alarms and results repeat themselves only with the same content; presence may', async () => {
  const house = await build()
  const alarm = (active: boolean) =>
    arrival(
      { entries: [{ ts: at(0), component: 'dl/1', active, values: { kind: 'stuck' } }] },
      'north/det-1/alarm/detector.fault',
    )
  const presence = arrival({ ts: at(0), state: 'offline' }, 'north/det-1/presence')
  const answers = [alarm(true), alarm(false), alarm(true), presence, presence]
  const given = []
  for (const one of answers) given.push(await ask(house, one))
  expect(given).toEqual([passOn, passOn, keepQuiet, passOn, passOn])
})

test('a message the ledger had to give up is new when it is resent', async () => {
  const { ledger, giveUp, settle } = brittleLedger()
  const ingress = createIngress({
    ledger,
    clock: createEventClock(startMs),
    log: silentLog,
    notify() {},
  })
  await ingress.start(new AbortController().signal)
  const answers: string[] = []
  const knock = () => ingress.admit(arrival(count(1)), ({ kind }) => void answers.push(kind))
  knock()
  knock()
  giveUp(LedgerDisk('for the test'))
  expect(answers).toEqual(['close', 'close'])
  knock()
  settle()
  expect(answers.at(-1)).toBe('acknowledge')
  expect(ledger.appended).toBe(2)
})

/** A ledger that keeps everything waiting until the test decides. */
function brittleLedger() {
  let waiting: ((error?: CodedError) => void)[] = []
  let topics: { topic: string }[] = []
  let refused: (records: readonly { topic: string }[]) => void = () => {}
  const ledger = {
    appended: 0,
    durableOffset: 0,
    books: { received: 0, duplicate: 0, isDirty: false, book() {} },
    append({ topic }: { topic: string }, onDurable: (error?: CodedError) => void) {
      waiting.push(onDurable)
      topics.push({ topic })
      return ledger.appended++
    },
    appendBytes: () => 0,
    quarantine: () => undefined,
    afterPending: (onDurable: (error?: CodedError) => void) => void waiting.push(onDurable),
    refusal: () => undefined,
    accounts: () => summarize(new Books(), []),
    read: async () => [],
    onDurable: () => () => {},
    onResubmitted: () => () => {},
    releaseDuplicate() {},
    keepAside() {},
    onTakesAgain: () => () => {},
    onRefused(listener: typeof refused) {
      refused = listener
      return () => {}
    },
  }
  function settle(error?: CodedError): void {
    const told = waiting
    waiting = []
    topics = []
    for (const onDurable of told) onDurable(error)
  }
  return {
    ledger,
    settle,
    giveUp(error: CodedError) {
      refused(topics)
      settle(error)
    },
  }
}

test('streams and nodes remembered are bounded, also against one node alone', async () => {
  const limits = { streamsMax: 20, streamsPerNodeMax: 5 }
  const house = await build({ ingress: { limits } })
  for (let channel = 0; channel < 30; channel++) {
    await ask(house, arrival(count(1), `${countTopic}${channel}`))
  }
  const spoken = await ask(house, arrival(count(1), `${countTopic}29`))
  expect(spoken).toEqual(keepQuiet)
  for (let i = 0; i < 40; i++) {
    const node = `north/det-${100 + i}`
    await ask(house, arrival(count(1), `${node}/status/traffic.count`, node))
  }
  expect(house.ingress.nodes().length).toBeLessThanOrEqual(20)
  expect(house.ingress.accounts().residual).toBe(0)
})
