import { expect, test } from 'vitest'
import { formatLine } from '../../../gateway/influx/line.ts'
import { createPointMapper } from '../../../gateway/influx/points.ts'
import type { Point, SourceRecord } from '../../../gateway/influx/ports.ts'
import { parseNodeId } from '../../../schemas/ids.ts'
import { encodePayload } from '../../../schemas/payload.ts'

const ts = '2026-11-22T07:01:00.000Z'
const atMs = Date.parse(ts)
const entry = (values: object, more: object = {}) => ({
  entries: [{ ts, seq: 1, values, ...more }],
})

function lines(
  topic: string,
  message: unknown,
  notes?: SourceRecord['notes'],
  mapper = createPointMapper(),
): (string | undefined)[] {
  const out: Point[] = []
  const record = { offset: 0, receivedAtMs: 0, topic, payload: encodePayload(message) }
  mapper.map(notes ? { ...record, notes } : record, out)
  return out.map(formatLine)
}

const detectors = (more: object = {}) =>
  entry({ windowMs: 60_000, detectors: { 'dl/1': { vehicles: 12, occupancy: 11.5, ...more } } })
const countTopic = 'north/det-014/status/traffic.count/1min'
const countHead = 'traffic_count,component=dl/1,node=north/det-014,window=60s,zone=north'

test('a count is a point of its detector at the end of its window', () => {
  expect(lines(countTopic, detectors({ speed: 46.2 }))).toEqual([
    `${countHead} occupancy=11.5,speed=46.2,vehicles=12i,window_ms=60000i ${atMs}`,
  ])
})

test('what is null is left out', () => {
  expect(lines(countTopic, detectors({ speed: null }))).toEqual([
    `${countHead} occupancy=11.5,vehicles=12i,window_ms=60000i ${atMs}`,
  ])
})

test('a replay is the same point as the reading it repeats, its quality a field', () => {
  const [live] = lines(countTopic, detectors())
  const [replayed] = lines('north/det-014/replay/traffic.count/1min', detectors())
  expect(replayed).toBe(live?.replace('occupancy=11.5,', 'occupancy=11.5,quality=1i,'))
})

test('the worst quality is told: the device’s, the entry’s, the door’s', () => {
  const qualityIn = (found: readonly (string | undefined)[]) => /quality=(\d)i/.exec(found[0]!)?.[1]
  expect(qualityIn(lines(countTopic, detectors({ quality: 'old' })))).toBe('1')
  const notes = { qualities: { 'dl/1': 'undefined' } } as const
  expect(qualityIn(lines(countTopic, detectors({ quality: 'old' }), notes))).toBe('2')
})

test('the ordinary quality is not written, but once after another one', () => {
  const mapper = createPointMapper()
  const node = parseNodeId('north/det-014')
  const qualityOf = (quality?: string) =>
    /quality=(\d)i/.exec(
      lines(countTopic, detectors(quality ? { quality } : {}), undefined, mapper)[0]!,
    )?.[1]
  expect([qualityOf(), qualityOf('recent'), mapper.isMarked(node)]).toEqual([
    undefined,
    undefined,
    false,
  ])
  expect([qualityOf('undefined'), mapper.isMarked(node)]).toEqual(['2', true])
  expect([qualityOf(), mapper.isMarked(node), qualityOf()]).toEqual(['0', false, undefined])
})

test('an unusual window does not make a series of its own', () => {
  const message = entry({ windowMs: 61_234, detectors: { 'dl/1': { vehicles: 1 } } })
  expect(lines(countTopic, message)[0]).toContain('window=other')
})

test('a queue is a point of its lane', () => {
  const lane = { queueVehicles: 3, queueMeters: 21.5, approachingVehicles: 5, arrivalsS: [1, 2] }
  expect(
    lines('north/cam-1/status/traffic.queue/live', entry({ lanes: { 'ln/1': lane } })),
  ).toEqual([
    `traffic_queue,component=ln/1,node=north/cam-1,zone=north approaching_vehicles=5i,queue_meters=21.5,queue_vehicles=3i ${atMs}`,
  ])
})

test('lamps are written when they change, and once a minute', () => {
  const mapper = createPointMapper()
  const at = (afterMs: number, lamp: string) =>
    lines(
      'north/tlc-001/status/tlc.groups',
      {
        entries: [
          {
            ts: new Date(atMs + afterMs).toISOString(),
            seq: 1,
            values: { groups: { 'sg/1': lamp, 'sg/2': 'r' }, stage: 2, cycleCounter: 31 },
          },
        ],
      },
      undefined,
      mapper,
    ).length
  expect(at(0, 'G')).toBe(3)
  expect(at(1_000, 'G')).toBe(0)
  expect(at(2_000, 'y')).toBe(1)
  expect(at(60_000, 'y')).toBe(2)
  expect(at(30_000, 'G')).toBe(3)
})

test('a plan, a mode, an alarm, a result and presence have their points', () => {
  const plan = { plan: 1, cycleS: 90, offsetS: 12, greensS: { 1: 30, 2: 24 }, source: 'central' }
  expect(lines('north/tlc-001/status/tlc.plan', entry(plan))).toEqual([
    `tlc_plan,node=north/tlc-001,zone=north cycle_s=90,is_central=T,offset_s=12,plan=1i,source="central" ${atMs}`,
    `tlc_green,node=north/tlc-001,stage=1,zone=north green_s=30 ${atMs}`,
    `tlc_green,node=north/tlc-001,stage=2,zone=north green_s=24 ${atMs}`,
  ])
  expect(
    lines('north/tlc-001/status/tlc.mode', entry({ mode: 'normal', control: 'local' })),
  ).toEqual([
    `tlc_mode,node=north/tlc-001,zone=north control="local",held_stage=0i,is_central=F,is_normal=T,mode="normal" ${atMs}`,
  ])
  const alarm = {
    ts,
    component: 'dl/1',
    active: true,
    values: { kind: 'stuck', text: 'two\nlines' },
  }
  expect(lines('north/det-1/alarm/detector.fault', { entries: [alarm] })).toEqual([
    `alarm,code=detector.fault,component=dl/1,kind=stuck,node=north/det-1,zone=north active=T,text="two lines" ${atMs}`,
  ])
  const id = '01JD9Z8V7B0000000000000000'
  expect(lines('north/tlc-001/result/tlc.timing.set', { ts, id, state: 'applied' })).toEqual([
    `command_result,code=tlc.timing.set,node=north/tlc-001,state=applied,zone=north count=1i,id="${id}" ${atMs}`,
  ])
  expect(lines('north/tlc-001/presence', { ts, state: 'offline' })).toEqual([
    `presence,node=north/tlc-001,zone=north online=F,state="offline" ${atMs}`,
  ])
})

test('what the gateway tells is about the junction', () => {
  const id = '01JD9Z8V7B0000000000000000'
  const step = {
    id,
    junction: 'north/tlc-001',
    code: 'tlc.timing.set',
    state: 'applied',
    issuer: 'strategy:a "b"',
  }
  expect(lines('gateway/main/status/gateway.commands', entry(step))).toEqual([
    `command,code=tlc.timing.set,node=north/tlc-001,state=applied,zone=north count=1i,id="${id}",issuer="strategy:a \\"b\\"" ${atMs}`,
  ])
  const decision = {
    junction: 'north/tlc-001',
    strategy: 'predictive',
    rung: 'plan',
    decision: 'keep',
    why: 'calm',
  }
  expect(lines('gateway/main/status/gateway.control', entry(decision))).toEqual([
    `decision,node=north/tlc-001,role=in-force,rung=plan,strategy=predictive,zone=north count=1i,decision="keep",is_shadow=F,why="calm" ${atMs}`,
  ])
})

test('the figures of each device are a point of it, a change of seat one of the model', () => {
  const figures = {
    ...{ messages: 9, duplicates: 1, quarantined: 0, gaps: 2, missing: 3, replayed: 4 },
    ...{ restarts: 5, late: 6, future: 7, misaligned: 8 },
  }
  const nodes = { 'north/det-1': { ...figures, clockOffsetMs: -40 }, 'south/det-1': figures }
  const fields = 'duplicates=1i,future=7i,gaps=2i,late=6i,messages=9i,misaligned=8i,missing=3i'
  const rest = 'quarantined=0i,replayed=4i,restarts=5i'
  expect(lines('gateway/main/status/gateway.devices', entry({ nodes }))).toEqual([
    `gateway_devices,node=north/det-1,zone=north clock_offset_ms=-40,${fields},${rest} ${atMs}`,
    `gateway_devices,node=south/det-1,zone=south ${fields},${rest} ${atMs}`,
  ])
  const facts = {
    ...{ quantity: 'speedKmh', from: 'profile', to: 'speed', why: 'better' },
    ...{ pairs: 1500, ratio: 0.9 },
  }
  const seat = { event: 'seatChanged', model: 'speed', facts }
  const json = JSON.stringify(facts).replaceAll('"', '\\"')
  expect(lines('gateway/main/status/gateway.models', entry(seat))).toEqual([
    `gateway_model,event=seatChanged,model=speed,node=gateway/main,quantity=speedKmh,zone=gateway count=1i,facts="${json}",from="profile",pairs=1500i,ratio=0.9,why="better" ${atMs}`,
  ])
})

test('a shadow’s decision is another point than the one in force', () => {
  const decision = {
    junction: 'north/tlc-001',
    strategy: 'webster',
    rung: 'plan',
    decision: 'keep',
    why: 'calm',
  }
  const [inForce] = lines('gateway/main/status/gateway.control', entry(decision))
  const shadow = { ...decision, isShadow: true, why: 'calm too' }
  const [beside] = lines('gateway/main/status/gateway.control', entry(shadow))
  const headOf = (line = '') => line.slice(0, line.indexOf(' '))
  expect(headOf(beside)).toBe(
    'decision,node=north/tlc-001,role=shadow,rung=plan,strategy=webster,zone=north',
  )
  expect(headOf(inForce)).not.toBe(headOf(beside))
})

test('an alarm the gateway raises about a device is the device’s, one that a device raises its own', () => {
  const fault = (node: string) => ({
    entries: [{ ts, component: 'dl/1', active: true, values: { kind: 'dead', node } }],
  })
  const tail = `active=T ${atMs}`
  expect(lines('gateway/main/alarm/detector.fault', fault('south/det-001'))).toEqual([
    `alarm,code=detector.fault,component=dl/1,kind=dead,node=south/det-001,zone=south ${tail}`,
  ])
  expect(lines('north/det-002/alarm/detector.fault', fault('south/det-001'))).toEqual([
    `alarm,code=detector.fault,component=dl/1,kind=dead,node=north/det-002,zone=north ${tail}`,
  ])
  const clock = { entries: [{ ts, active: true, values: { offsetMs: 9, node: 'south/det-1' } }] }
  expect(lines('gateway/main/alarm/system.clock', clock)).toEqual([
    `alarm,code=system.clock,node=south/det-1,zone=south ${tail}`,
  ])
})

test('CBOR is the same as JSON', () => {
  const out: Point[] = []
  const payload = encodePayload(detectors(), 'cbor')
  createPointMapper().map({ offset: 0, receivedAtMs: 0, topic: countTopic, payload }, out)
  expect(out.map(formatLine)).toEqual(lines(countTopic, detectors()))
})

test('what has no mapping, no message or no topic gives no point', () => {
  expect(lines('north/sim/status/sim.clock', entry({ stepMs: 100 }))).toEqual([])
  const mapper = createPointMapper()
  const out: Point[] = []
  const payload = Buffer.from('{"broken')
  mapper.map({ offset: 0, receivedAtMs: 0, topic: countTopic, payload }, out)
  mapper.map({ offset: 0, receivedAtMs: 0, topic: 'nonsense', payload }, out)
  expect(out).toEqual([])
})
