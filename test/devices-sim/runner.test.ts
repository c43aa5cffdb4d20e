/** The street on the wire: real broker, mutual TLS, in lock-step with a gateway that answers. */
import { describe, expect, test } from 'vitest'
import type { NodeId } from '../../schemas/ids.ts'
import { encodePayload } from '../../schemas/payload.ts'
import { topics } from '../../schemas/topics.ts'
import { eventually } from '../support/eventually.ts'
import { openGateway, startMs } from './gateway.ts'

describe('in lock-step', () => {
  test('every message fits its schema, and the devices say what they must', async () => {
    const gateway = await openGateway()
    const summary = await gateway.run({ durationS: 120 })
    expect(gateway.invalid).toEqual([])
    expect(summary).toMatchObject({ event: 'summary', simulatedS: 120, monitorViolations: 0 })
    expect(summary.messages.acknowledged).toBe(summary.messages.published)
    const counts = gateway.of('north/det-001', 'traffic.count')
    expect(counts.map(({ value }) => value.entries[0].ts)).toEqual([
      '2026-11-23T07:01:00.000Z',
      '2026-11-23T07:02:00.000Z',
    ])
    expect(counts[1]?.value.entries[0].seq).toBe(1)
    expect(gateway.of('north/det-002', 'traffic.queue')).toHaveLength(120)
    expect(gateway.of('north/tlc-001', 'tlc.groups').length).toBeGreaterThanOrEqual(120)
    // On change, and each minute for who looks on since.
    expect(gateway.of('north/tlc-001', 'tlc.plan')).toHaveLength(2)
    expect(gateway.of('north/tlc-001', 'tlc.mode')).toHaveLength(2)
    expect(
      gateway.of('north/sim', 'sim.clock').map(({ value }) => Date.parse(value.entries[0].ts)),
    ).toEqual(Array.from({ length: 120 }, (_, i) => startMs + (i + 1) * 1000))
    const street = gateway.of('north/sim', 'sim.street').at(-1)?.value.entries[0].values
    expect(street.controlDelayS).toBe(street.localPlanDelayS)
    const presences = gateway.heard.filter(({ topic }) => topic.type === 'presence')
    expect(new Set(presences.map(({ value }) => value.state))).toEqual(
      new Set(['online', 'shutdown']),
    )
    expect(JSON.parse(gateway.lines[0] ?? '')).toMatchObject({ event: 'ready', devices: 4 })
  })

  test('without commands the controlled street and its twin are the same to the second', async () => {
    const gateway = await openGateway()
    const summary = await gateway.run({ durationS: 300 })
    expect(summary.delay.controlS).toBeGreaterThan(0)
    expect(summary.delay.controlS).toBe(summary.delay.localPlanS)
  })

  test('the same seed gives the same messages, byte for byte', async () => {
    const texts: string[][] = []
    for (let i = 0; i < 2; i++) {
      const gateway = await openGateway()
      await gateway.run({ durationS: 90 })
      texts.push(gateway.of('north/det-001', 'traffic.queue').map(({ text }) => text))
    }
    expect(texts[0]).toEqual(texts[1])
  })

  test('a command is delivered, accepted, applied and shown; the next step does not wait longer', async () => {
    const gateway = await openGateway()
    let id = ''
    gateway.onStep = async (_atMs, step) => {
      if (step === 30) {
        const timing = { cycleS: 60, offsetS: 3, greensS: { '1': 20, '2': 8, '3': 16 } }
        id = await gateway.command('north/tlc-001', 'tlc.timing.set', timing)
      }
    }
    const summary = await gateway.run({ durationS: 120 })
    expect(gateway.outcomes).toEqual(['delivered'])
    const results = gateway.of('north/tlc-001', 'tlc.timing.set').map(({ value }) => value)
    expect(results.map((result) => [result.id, result.state])).toEqual([
      [id, 'accepted'],
      [id, 'applied'],
      [id, 'released'],
    ])
    const plans = gateway
      .of('north/tlc-001', 'tlc.plan')
      .map(({ value }) => value.entries[0].values)
    const sources = plans.map(({ source }) => source)
    const changes = sources.filter((source, at) => source !== sources[at - 1])
    expect(changes).toEqual(['local', 'central', 'local'])
    expect(plans[1]).toMatchObject({ commandId: id, cycleS: 60 })
    expect(summary).toMatchObject({ commandsReceived: 1, monitorViolations: 0 })
    expect(summary.delay.controlS).not.toBe(summary.delay.localPlanS)
  })

  test('a channel is paced, switched off and on again by the gateway', async () => {
    const gateway = await openGateway()
    const channel = async (state: string, more: object = {}) => {
      const id = '01JD8Z5N7QK3V9X2M4C6B8A0TR'
      const payload = encodePayload({ id, ts: '2026-11-23T07:00:00.000Z', state, ...more })
      const topic = topics.channel('north/det-001' as NodeId, 'traffic.queue', 'live')
      gateway.house.broker.publish(topic, payload, { qos: 1, retain: false })
    }
    gateway.onStep = async (_atMs, step) => {
      if (step === 10) await channel('on', { intervalMs: 5000 })
      if (step === 40) await channel('off')
      if (step === 80) await channel('on')
    }
    await gateway.run({ durationS: 100 })
    const at = (from: number, to: number) =>
      gateway.of('north/det-001', 'traffic.queue').filter(({ value }) => {
        const s = (Date.parse(value.entries[0].ts) - startMs) / 1000
        return s > from && s <= to
      }).length
    // A message may be under way for a step.
    expect(at(12, 38)).toBeLessThanOrEqual(6)
    expect(at(12, 38)).toBeGreaterThanOrEqual(5)
    expect(at(42, 78)).toBe(0)
    expect(at(82, 100)).toBe(18)
  })

  test('a silent gateway does not stop the street; when it answers again they are in step', async () => {
    const gateway = await openGateway()
    gateway.onStep = (_atMs, step) => {
      gateway.answers = step < 20 || step > 40
    }
    const summary = await gateway.run({ durationS: 80, gatewayTimeoutS: 4 })
    expect(summary.simulatedS).toBe(80)
  })

  test('a gateway that acknowledges nothing for a while does not stop it either', async () => {
    const gateway = await openGateway()
    gateway.onStep = (_atMs, step) => {
      if (step !== 20) return
      gateway.acknowledges = false
      setTimeout(() => {
        gateway.acknowledges = true
      }, 2_500)
    }
    const summary = await gateway.run({ durationS: 80, gatewayTimeoutS: 4, aloneSpeed: 20 })
    expect(summary.simulatedS).toBe(80)
    const [outage] = summary.outages
    expect(outage?.simulatedS).toBeGreaterThan(0)
    expect(outage?.simulatedS).toBeLessThan(60)
  })

  test('a gateway that is silent for too long ends the run with a coded error', async () => {
    const gateway = await openGateway()
    gateway.answers = false
    await expect(gateway.run({ gatewayTimeoutS: 1, durationS: 10_000 })).rejects.toMatchObject({
      code: 'IG_ERR_SIM_GATEWAY_SILENT',
    })
  })

  test('a signal ends it in order, with presence and summary', async () => {
    const gateway = await openGateway()
    const stop = new AbortController()
    gateway.onStep = (_atMs, step) => {
      if (step === 25) stop.abort()
    }
    const summary = await gateway.run({ durationS: 10_000 }, { signal: stop.signal })
    expect(summary.simulatedS).toBeLessThan(40)
    await eventually(() => {
      const last = gateway.heard.filter(({ topic }) => topic.type === 'presence').slice(-5)
      expect(last.map(({ value }) => value.state)).toEqual(Array(5).fill('shutdown'))
    })
  })
})

describe('faults', () => {
  test('stuck loop, wrong clock, damaged and repeated messages', async () => {
    const gateway = await openGateway()
    await gateway.run({
      durationS: 120,
      fault: [
        'stuck:north/det-001:dl/1=7',
        'occupied:north/det-001:dl/3',
        'clock:north/tlc-002=-300',
        'malformed:north/tlc-001=0.5',
        'duplicate:north/det-002=0.5',
      ],
    })
    const count = gateway.of('north/det-001', 'traffic.count')[0]?.value.entries[0].values.detectors
    expect(count['dl/1'].vehicles).toBe(7)
    expect(count['dl/3'].occupancy).toBe(100)
    const groups = gateway.of('north/tlc-002', 'tlc.groups')[0]?.value.entries[0]
    expect(groups.ts).toBe('2026-11-23T06:55:01.000Z')
    expect(gateway.invalid.length).toBeGreaterThan(10)
    expect(gateway.invalid.every((text) => text.startsWith('north/tlc-001/'))).toBe(true)
    const queues = gateway.of('north/det-002', 'traffic.queue').map(({ text }) => text)
    expect(queues.length).toBeGreaterThan(new Set(queues).size + 20)
  })

  test.each([
    ['result-first', ['accepted', 'applied', 'released']],
    ['result-twice', ['accepted', 'accepted', 'applied', 'applied', 'released', 'released']],
    ['result-never', []],
  ])('%s', async (kind, states) => {
    const gateway = await openGateway()
    const order: string[] = []
    gateway.onStep = async (_atMs, step) => {
      if (step !== 10) return
      const deliver = gateway.command(
        'north/tlc-001',
        'tlc.plan.set',
        { plan: 2 },
        { holdForMs: 20_000 },
      )
      await deliver
      const isAnswered = gateway.of('north/tlc-001', 'tlc.plan.set').length > 0
      order.push(isAnswered ? 'result before PUBACK' : 'PUBACK first')
    }
    await gateway.run({ durationS: 60, fault: [`${kind}:north/tlc-001`] })
    const results = gateway.of('north/tlc-001', 'tlc.plan.set').map(({ value }) => value.state)
    expect(results).toEqual(states)
    expect(order).toEqual([kind === 'result-first' ? 'result before PUBACK' : 'PUBACK first'])
  })

  test('a device that was away comes back, replays its windows as old and says where it stands', async () => {
    const gateway = await openGateway()
    await gateway.run({
      speed: '120',
      durationS: 360,
      fault: ['offline:north/det-001@50-200', 'drop:north/tlc-001=150'],
    })
    const replayed = gateway.heard.filter(({ topic }) => topic.type === 'replay')
    const entries = replayed.flatMap(({ value }) => value.entries)
    expect(replayed.at(-1)?.value.done).toBe(true)
    expect(entries.length).toBeGreaterThanOrEqual(2)
    expect(entries.every(({ quality }: { quality: string }) => quality === 'old')).toBe(true)
    const seqs = gateway.heard
      .filter(({ topic }) => topic.node === 'north/det-001' && topic.code === 'traffic.count')
      .flatMap(({ value }) => value.entries.map(({ seq }: { seq: number }) => seq))
      .sort((a, b) => a - b)
    expect(seqs).toEqual([0, 1, 2, 3, 4, 5])
    expect(gateway.of('north/tlc-001', 'tlc.plan').length).toBeGreaterThanOrEqual(2)
    expect(gateway.invalid).toEqual([])
  })

  test('a fault that makes no sense is named', async () => {
    const gateway = await openGateway()
    for (const fault of ['broken', 'melt:north/det-001', 'stuck:north/det-001']) {
      await expect(gateway.run({ fault: [fault] })).rejects.toMatchObject({
        code: 'IG_ERR_SIM_FAULT_MALFORMED',
      })
    }
  })
})

test('a certificate that is missing and a broker that is not there are coded errors', async () => {
  const gateway = await openGateway()
  await expect(gateway.run({ certificates: 'own' })).rejects.toMatchObject({
    code: 'IG_ERR_SIM_CERTIFICATE_MISSING',
  })
  await expect(
    gateway.run({ url: 'mqtts://localhost:1', gatewayTimeoutS: 1 }),
  ).rejects.toMatchObject({ code: 'IG_ERR_SIM_BROKER_UNREACHABLE' })
})
