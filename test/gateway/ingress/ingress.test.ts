import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createIngress, type Ingress } from '../../../gateway/ingress/ingress.ts'
import type { IngressLimits } from '../../../gateway/ingress/limits.ts'
import type { Arrival, GateAnswer } from '../../../gateway/ingress/ports.ts'
import { createEventClock, type EventClock } from '../../../gateway/kit/clock.ts'
import { silentLog } from '../../../gateway/kit/log.ts'
import { type Ledger, openLedger } from '../../../gateway/ledger/ledger.ts'

const startMs = Date.parse('2026-11-22T07:00:00.000Z')

interface House {
  readonly ledger: Ledger
  readonly ingress: Ingress
  readonly clock: EventClock
  readonly notices: { node: string; payload: Record<string, unknown> }[]
}

async function build(limits?: Partial<IngressLimits>): Promise<House> {
  const dir = mkdtempSync(join(tmpdir(), 'ingress-'))
  const ledger = await openLedger({ dir, log: silentLog })
  const clock = createEventClock(startMs)
  const notices: House['notices'] = []
  const ingress = createIngress({
    ledger,
    clock,
    log: silentLog,
    notify: (node, payload) => notices.push({ node, payload: JSON.parse(payload.toString()) }),
    ...(limits && { limits }),
  })
  await ingress.start(new AbortController().signal)
  onTestFinished(async () => {
    await ingress.stop(1000)
    await ledger.close()
    rmSync(dir, { recursive: true, force: true })
  })
  return { ledger, ingress, clock, notices }
}

const at = (offsetMs: number) => new Date(startMs + offsetMs).toISOString()

function count(seq: number, ts = at(0), vehicles = 3): unknown {
  const values = { windowMs: 60_000, detectors: { 'dl/1': { vehicles } } }
  return { entries: [{ ts, seq, values }] }
}

function arrival(payload: unknown, topic = 'north/det-1/status/traffic.count/1min'): Arrival {
  return {
    identity: { role: 'device', name: 'north/det-1' },
    clientId: 'north/det-1',
    topic,
    payload: Buffer.isBuffer(payload) ? payload : Buffer.from(JSON.stringify(payload)),
    qos: 1,
    retain: false,
    dup: false,
  }
}

function ask(house: House, one: Arrival): Promise<GateAnswer> {
  return new Promise((resolve) => house.ingress.admit(one, resolve))
}

const passOn = { kind: 'acknowledge', forward: true }
const keepQuiet = { kind: 'acknowledge', forward: false }

test('a valid message is durable before it is acknowledged, and passed on', async () => {
  const house = await build()
  expect(await ask(house, arrival(count(1)))).toEqual(passOn)
  expect(house.ledger.durableOffset).toBe(1)
  const [record] = await house.ledger.read(0, { recordsMax: 1, bytesMax: 1000 })
  expect(JSON.parse(String(record?.payload))).toEqual(count(1))
  expect(record?.notes).toBeUndefined()
})

test('the same message again is acknowledged and stored once; the same number with other content is stored', async () => {
  const house = await build()
  const answers = [
    ask(house, arrival(count(1))),
    ask(house, arrival(count(1))),
    ask(house, arrival(count(1, at(0), 4))),
  ]
  expect(await Promise.all(answers)).toEqual([passOn, keepQuiet, passOn])
  expect(house.ingress.accounts()).toMatchObject({
    received: 3,
    stored: 2,
    duplicate: 1,
    residual: 0,
  })
})

test('what cannot be understood is acknowledged, kept aside, and the device is told once in a while', async () => {
  const house = await build({ noticesBurst: 2 })
  const broken = [
    arrival(Buffer.from('{no json')),
    arrival({ entries: [{ ts: at(0), seq: 1, values: { windowMs: 60_000 } }] }),
    arrival(count(1), 'north/det-1/status/traffic.nonsense'),
    arrival(count(1, at(3 * 86_400_000))),
  ]
  for (const one of broken) expect(await ask(house, one)).toEqual(keepQuiet)
  expect(house.ingress.accounts().quarantined).toEqual({
    IG_ERR_MSG_NOT_JSON: 1,
    IG_ERR_MSG_SCHEMA: 1,
    IG_ERR_MSG_UNKNOWN_CODE: 1,
    IG_ERR_MSG_TIME_IMPLAUSIBLE: 1,
  })
  expect(house.notices.map((notice) => notice.payload.code)).toEqual([
    'IG_ERR_MSG_NOT_JSON',
    'IG_ERR_MSG_SCHEMA',
  ])
  expect(house.ingress.accounts().residual).toBe(0)
})

test('who speaks for another is refused', async () => {
  const house = await build()
  const answer = await ask(house, arrival(count(1), 'north/det-2/status/traffic.count/1min'))
  expect(answer).toMatchObject({ kind: 'close', error: { code: 'IG_ERR_MSG_DEVICE_MISMATCH' } })
})
