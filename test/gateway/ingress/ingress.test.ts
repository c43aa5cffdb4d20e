import { expect, test } from 'vitest'
import { createCommandId } from '../../../schemas/ids.ts'
import { encodePayload } from '../../../schemas/payload.ts'
import { formatTimestamp } from '../../../schemas/time.ts'
import { validateMessage } from '../../../schemas/validators.ts'
import { eventually } from '../../support/eventually.ts'
import {
  arrival,
  ask,
  at,
  build,
  count,
  keepQuiet,
  notesOf,
  passOn,
  send,
  startMs,
} from './house.ts'

test('a valid message is durable before it is acknowledged, stored as it came, and passed on', async () => {
  const house = await build()
  expect(await ask(house, arrival(count(1)))).toEqual(passOn)
  expect(house.ledger.durableOffset).toBe(1)
  const [record] = await house.ledger.read(0, { recordsMax: 1, bytesMax: 1000 })
  expect(String(record?.payload)).toBe(JSON.stringify(count(1)))
  expect(record).toMatchObject({ offset: 0, receivedAtMs: startMs, notes: undefined })
})

test('CBOR is taken like JSON', async () => {
  const house = await build()
  const [record] = await send(house, arrival(encodePayload(count(1), 'cbor')))
  expect(record?.message.value).toEqual(count(1))
})

const broken: readonly [string, string, string, unknown, string?][] = [
  ['no JSON', 'IG_ERR_MSG_NOT_JSON', '', Buffer.from('{no json')],
  ['no UTF-8', 'IG_ERR_MSG_NOT_JSON', '', Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])],
  ['empty', 'IG_ERR_MSG_NOT_JSON', '', Buffer.alloc(0)],
  [
    'a member missing',
    'IG_ERR_MSG_SCHEMA',
    '/entries/0/values',
    { entries: [{ ts: at(0), seq: 1, values: { windowMs: 60_000 } }] },
  ],
  [
    'a day that does not exist',
    'IG_ERR_MSG_SCHEMA',
    '/entries/0/ts',
    count(1, '2026-02-30T00:00:00.000Z'),
  ],
  [
    'an unknown code',
    'IG_ERR_MSG_UNKNOWN_CODE',
    '',
    count(1),
    'north/det-1/status/traffic.nonsense',
  ],
  ['no topic of ours', 'IG_ERR_TOPIC_MALFORMED', '', count(1), 'north/det-1/telemetry'],
  ['a type for devices', 'IG_ERR_TOPIC_MALFORMED', '', {}, 'north/det-1/command/tlc.plan.set'],
  ['too far ahead', 'IG_ERR_MSG_TIME_IMPLAUSIBLE', '/entries/0/ts', count(1, at(86_400_001))],
  ['too long ago', 'IG_ERR_MSG_TIME_IMPLAUSIBLE', '/entries/0/ts', count(1, at(-8 * 86_400_000))],
  ['too large', 'IG_ERR_MSG_PAYLOAD_TOO_LARGE', '', Buffer.alloc(300_000, '{')],
]

test.each(broken)(
  '%s: kept aside as %s, acknowledged, passed on to nobody',
  async (_, code, path, payload, topic) => {
    const house = await build()
    expect(await ask(house, arrival(payload, topic))).toEqual(keepQuiet)
    expect(house.ingress.accounts()).toMatchObject({
      received: 1,
      stored: 0,
      quarantined: { [code]: 1 },
      residual: 0,
    })
    const [notice] = house.notices
    expect(notice?.node).toBe('north/det-1')
    expect(validateMessage('reject', '', notice?.payload)).toBeUndefined()
    expect(notice?.payload).toMatchObject({ code, errors: [{ path }] })
  },
)

test('what was set aside and is sent again because no PUBACK came is a duplicate; said again unasked it is set aside again', async () => {
  const house = await build()
  const bad = arrival(Buffer.from('nonsense'))
  const elsewhere = arrival(Buffer.from('nonsense'), 'north/det-1/telemetry')
  const resent = { ...bad, dup: true }
  for (const one of [bad, resent, resent, bad, { ...elsewhere, dup: true }, elsewhere]) {
    expect(await ask(house, one)).toEqual(keepQuiet)
  }
  expect(await ask(house, { ...elsewhere, dup: true })).toEqual(keepQuiet)
  expect(house.ingress.accounts()).toMatchObject({
    received: 7,
    duplicate: 3,
    quarantinedTotal: 4,
    residual: 0,
  })
})

test('who speaks for another is refused, and nothing is remembered under that name', async () => {
  const house = await build()
  const answer = await ask(house, arrival(count(1), 'north/det-2/status/traffic.count/1min'))
  expect(answer).toMatchObject({ kind: 'close', error: { code: 'IG_ERR_MSG_DEVICE_MISMATCH' } })
  expect(house.ingress.nodes()).toEqual([])
  expect(house.ingress.accounts()).toMatchObject({ received: 1, refusedTotal: 1, residual: 0 })
})

test('a topic learnt from one device is refused to another', async () => {
  const house = await build()
  await ask(house, arrival(count(1)))
  const thief = { ...arrival(count(2)), identity: { role: 'device', name: 'north/det-9' } }
  expect(await ask(house, thief)).toMatchObject({ kind: 'close' })
})

test('a simulator speaks for the nodes of its zone and for no other', async () => {
  const house = await build()
  const simulator = { role: 'simulator', name: 'north' }
  const inside = { ...arrival(count(1)), identity: simulator }
  const outside = arrival(count(1), 'northern/det-1/status/traffic.count/1min', 'northern/det-1')
  expect(await ask(house, inside)).toEqual(passOn)
  expect(await ask(house, { ...outside, identity: simulator })).toMatchObject({ kind: 'close' })
})

const asking = (role: string, kind = 'bus', code = 'tlc.priority.request') => {
  const values = code === 'tlc.priority.request' ? { stage: 2, kind, etaS: 20 } : { stage: 2 }
  const value = {
    id: createCommandId(startMs),
    ts: at(0),
    expiresAt: at(60_000),
    target: 'north/tlc-001',
    holdForMs: 10_000,
    values,
  }
  const one = arrival(value, `transit/buses/request/${code}`, 'transit/buses')
  return { ...one, identity: { role, name: 'transit/buses' } }
}

test('a request is stored with the role in the certificate of who asks', async () => {
  const house = await build()
  const asked = [asking('priority'), asking('emergency', 'emergency'), asking('operator')]
  expect(notesOf(await send(house, ...asked))).toEqual([
    { askerRole: 'priority' },
    { askerRole: 'emergency' },
    { askerRole: 'operator' },
  ])
})

test.each([
  ['as emergency', asking('priority', 'emergency'), '/values/kind'],
  ['for a stage', asking('priority', '', 'tlc.stage.set'), ''],
  ['for a stage', asking('emergency', '', 'tlc.stage.set'), ''],
  ['for anything at all', asking('device'), ''],
])(
  'who asks %s without the certificate for it is told so, and nobody hears of it',
  async (_, claim, path) => {
    const house = await build()
    const code = 'IG_ERR_MSG_BEYOND_CERTIFICATE'
    expect(await ask(house, claim)).toEqual(keepQuiet)
    expect(house.ingress.accounts()).toMatchObject({ stored: 0, quarantined: { [code]: 1 } })
    expect(house.notices).toMatchObject([
      { node: claim.clientId, payload: { code, errors: [{ path }] } },
    ])
  },
)

test('a node is told of its mistakes a few times at once, then once in a while; another node at once', async () => {
  const house = await build({ ingress: { limits: { noticesBurst: 2, noticeEveryMs: 10_000 } } })
  const bad = arrival(Buffer.from('nonsense'))
  for (let i = 0; i < 5; i++) await ask(house, bad)
  expect(house.notices).toHaveLength(2)
  const other = 'north/det-2/status/traffic.count/1min'
  await ask(house, arrival(Buffer.from('nonsense'), other, 'north/det-2'))
  expect(house.notices).toHaveLength(3)
  house.clock.advanceTo(startMs + 10_000)
  for (let i = 0; i < 5; i++) await ask(house, bad)
  expect(house.notices).toHaveLength(4)
  expect(house.ingress.accounts().quarantinedTotal).toBe(11)
})

test('a judge of plausibility changes qualities and nothing else', async () => {
  const judge = { judge: () => ({ 'dl/1': 'unknown' as const }) }
  const house = await build({ ingress: { plausibility: judge } })
  const [record] = await send(house, arrival(count(1)))
  expect(record?.notes).toEqual({ qualities: { 'dl/1': 'unknown' } })
  expect(record?.message.value).toEqual(count(1))
})

test('while the ledger takes nothing senders are held back, and let in when it does again', async () => {
  const MiB = 1024 * 1024
  const limits = { bytesMax: 4 * MiB, reserveBytes: MiB, retainMs: 0, tickMs: 20 }
  const house = await build({ ledger: { limits } })
  house.ledger.loadCursor('slow')
  for (let seq = 0; house.ledger.refusal() === undefined; seq++) {
    await Promise.all(
      Array.from({ length: 500 }, (_, i) =>
        ask(house, arrival(count(seq * 500 + i, formatTimestamp(startMs - seq)))),
      ),
    )
  }
  const before = house.ingress.accounts()
  let answered = 0
  const held = Promise.all(
    Array.from({ length: 10 }, (_, i) =>
      ask(house, arrival(count(i), 'north/det-1/status/traffic.count/5min')).then((answer) => {
        answered += 1
        return answer
      }),
    ),
  )
  await eventually(() => expect(house.ingress.heldCount).toBe(10))
  expect(answered).toBe(0)
  expect(house.ingress.accounts()).toEqual(before)
  house.ledger.advanceCursor('slow', house.ledger.durableOffset)
  expect(await held).toEqual(Array(10).fill(passOn))
  expect(house.ingress.accounts()).toMatchObject({ stored: before.stored + 10, residual: 0 })
}, 60_000)

test('who is held back for too long, or is one too many, is refused with the reason', async () => {
  const limits = { holdMs: 50, heldMax: 2 }
  const house = await build({ ingress: { limits } })
  await house.ledger.close()
  const answers = [1, 2, 3].map((seq) => ask(house, arrival(count(seq))))
  expect(await Promise.all(answers)).toEqual(
    Array(3).fill({
      kind: 'close',
      error: expect.objectContaining({ code: 'IG_ERR_LEDGER_CLOSED' }),
    }),
  )
  expect(house.ingress.accounts()).toMatchObject({ received: 3, refusedTotal: 3, residual: 0 })
})

test('the verdicts are counted by kind, the last ones before a pause too', async () => {
  const counted: Record<string, number> = {}
  const nothing = { add() {}, set() {}, observe() {} }
  const messages = {
    add(amount = 1, labels?: Record<string, string>) {
      const key = `${labels?.kind} ${labels?.verdict}`
      counted[key] = (counted[key] ?? 0) + amount
    },
  }
  const metrics = {
    messages,
    quarantined: nothing,
    refused: nothing,
    gateSeconds: nothing,
    held: nothing,
    missing: nothing,
  }
  const house = await build({ ingress: { metrics } })
  const presence = arrival({ ts: at(0), state: 'online' }, 'north/det-1/presence')
  await send(house, arrival(count(1)), arrival(count(1)), arrival(Buffer.from('x')), presence)
  await eventually(() => {
    expect(counted).toEqual({
      'status accept': 1,
      'status duplicate': 1,
      'status quarantine': 1,
      'presence accept': 1,
    })
  })
})
