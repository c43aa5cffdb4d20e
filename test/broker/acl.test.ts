/** The table of who may publish and subscribe to what, and which client ids belong to whom. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isRetainable, refusePublish, refuseSubscribe } from '../../broker/acl.ts'
import { refuseClientId } from '../../broker/identity.ts'
import type { Identity, Role } from '../../broker/ports.ts'
import { messageTypes } from '../../schemas/topics.ts'

const who = (role: Role, name: string): Identity => ({ role, name, serial: '1' })
const device = who('device', 'north/tlc-1')
const zone = who('simulator', 'north')
const center = who('center', 'center/desk')
const operator = who('operator', 'operator/anna')
const buses = who('priority', 'transit/buses')
const rescue = who('emergency', 'rescue')

const withCode = (type: string) =>
  type === 'presence' || type === 'reject' ? type : `${type}/some.code`

test.each([
  [device, 'north/tlc-1', 'north/tlc-1', ['presence', 'status', 'alarm', 'result', 'replay']],
  [zone, 'north/det-9', 'north/det-9', ['presence', 'status', 'alarm', 'result', 'replay']],
  [center, 'center/desk/tab-1', 'center/desk', ['presence']],
  [operator, 'operator/anna', 'operator/anna', ['presence', 'request', 'result']],
] as const)(
  '$0.role publishes its own types under its own node and nothing else',
  (identity, clientId, node, allowed) => {
    for (const type of messageTypes) {
      const may = refusePublish(identity, clientId, `${node}/${withCode(type)}`) === undefined
      expect([type, may]).toEqual([type, (allowed as readonly string[]).includes(type)])
      const other = refusePublish(identity, clientId, `north/other/${withCode(type)}`)
      expect(other?.code).toBe('IG_ERR_AUTH_TOPIC_DENIED')
    }
  },
)

test('priority systems ask for vehicles and give them up, and publish nothing else', () => {
  for (const identity of [buses, rescue]) {
    const { name } = identity
    const may = (topic: string) => refusePublish(identity, name, topic) === undefined
    for (const type of messageTypes)
      expect([type, may(`${name}/${withCode(type)}`)]).toEqual([type, false])
    for (const code of ['tlc.priority.request', 'release']) {
      expect([code, may(`${name}/request/${code}`)]).toEqual([code, true])
      expect([code, may(`operator/anna/request/${code}`)]).toEqual([code, false])
    }
    for (const code of ['tlc.stage.set', 'tlc.timing.set', 'tlc.plan.set', 'tlc.mode.set'])
      expect([code, may(`${name}/request/${code}`)]).toEqual([code, false])
  }
})

test.each([
  'north/tlc-1',
  'north/tlc-1/status',
  'north/tlc-1/status/traffic.count/1min/more',
  'north/tlc-1x/status/traffic.count',
  '/north/tlc-1/status/traffic.count',
  'north/tlc-1/STATUS/traffic.count',
  '$SYS/x',
  '',
])('nobody publishes to %j', (topic) => {
  for (const identity of [device, zone, center, operator, buses, rescue])
    expect(refusePublish(identity, identity.name, topic)?.code).toBe('IG_ERR_AUTH_TOPIC_DENIED')
})

test('a device subscribes to its own commands at QoS 1, channels and rejects, and to nothing wider', () => {
  const may = (filter: string, qos = 1) =>
    refuseSubscribe(device, 'north/tlc-1', filter, qos) === undefined
  expect(may('north/tlc-1/command/#')).toBe(true)
  expect(may('north/tlc-1/command/#', 2)).toBe(true)
  expect(may('north/tlc-1/command/#', 0)).toBe(false)
  expect(may('north/tlc-1/channel/#', 0)).toBe(true)
  expect(may('north/tlc-1/reject', 0)).toBe(true)
  for (const filter of [
    '#',
    '+/+/command/#',
    'north/+/command/#',
    'north/tlc-2/command/#',
    'north/tlc-1/#',
    'north/tlc-1/command/tlc.stage.set', // Would overlap the one command subscription.
    'north/tlc-1/command/+',
    '$share/all/north/tlc-1/command/#',
    '$SYS/#',
    'gateway/+/status/gateway.clock',
  ])
    expect([filter, may(filter)]).toEqual([filter, false])
})

test('the simulated clock is for the zone’s own sim node only', () => {
  const clock = 'gateway/+/status/gateway.clock'
  expect(refuseSubscribe(zone, 'north/sim', clock, 1)).toBeUndefined()
  expect(refuseSubscribe(zone, 'north/sim', 'gateway/main/status/gateway.clock', 1)).toBeUndefined()
  expect(refuseSubscribe(zone, 'north/det-1', clock, 1)).toBeDefined()
  expect(refuseSubscribe(zone, 'north/sim', 'gateway/+/status/gateway.accounts', 1)).toBeDefined()
  expect(refuseSubscribe(who('device', 'north/sim'), 'north/sim', clock, 1)).toBeDefined()
})

test('centers and operators read everything but $-topics', () => {
  for (const identity of [center, operator]) {
    for (const filter of ['#', '+/+/status/#', 'north/tlc-1/command/#', '+/+/request/#'])
      expect(refuseSubscribe(identity, identity.name, filter, 1)).toBeUndefined()
    for (const filter of ['$SYS/#', '$share/group/#', '$anything'])
      expect(refuseSubscribe(identity, identity.name, filter, 1)?.code).toBe(
        'IG_ERR_AUTH_TOPIC_DENIED',
      )
  }
})

test('a priority system subscribes to its own results and rejects, and to nothing wider', () => {
  for (const identity of [buses, rescue]) {
    const { name } = identity
    const may = (filter: string) => refuseSubscribe(identity, name, filter, 1) === undefined
    expect(may(`${name}/result/#`)).toBe(true)
    expect(may(`${name}/reject`)).toBe(true)
    for (const filter of [
      '#',
      '+/+/result/#',
      `${name}/#`,
      `${name}/request/#`,
      `${name}/command/#`,
      `${name}/channel/#`,
      'north/tlc-1/status/#',
      'operator/anna/result/#',
      '$SYS/#',
    ])
      expect([filter, may(filter)]).toEqual([filter, false])
  }
})

test('client ids belong to their certificates', () => {
  const owns = (identity: Identity, id: string) => refuseClientId(identity, id) === undefined
  expect(owns(device, 'north/tlc-1')).toBe(true)
  for (const id of ['', 'north/tlc-2', 'north/tlc-1/x', 'north', 'NORTH/tlc-1'])
    expect([id, owns(device, id)]).toEqual([id, false])
  expect(owns(zone, 'north/anything')).toBe(true)
  for (const id of ['north', 'north/', 'northern/x', 'south/x', 'north/a/b/c', 'north/A'])
    expect([id, owns(zone, id)]).toEqual([id, false])
  expect(owns(center, 'center/desk')).toBe(true)
  expect(owns(center, 'center/desk/Tab_1.2')).toBe(true)
  for (const id of ['center/desk/', 'center/desktop', 'center', 'center/desk/ü', 'center/desk/a b'])
    expect([id, owns(center, id)]).toEqual([id, false])
  expect(owns(buses, 'transit/buses/depot-2')).toBe(true)
  expect(owns(buses, 'transit/trams')).toBe(false)
  expect(owns(center, `center/desk/${'x'.repeat(200)}`)).toBe(false)
})

test('whatever a device sends, it never gets past the topics of its own node', () => {
  const level = fc.constantFrom('north', 'tlc-1', 'tlc-2', 'status', 'command', 'reject', '', 'a.b')
  fc.assert(
    fc.property(fc.array(level, { maxLength: 8 }), (levels) => {
      const topic = levels.join('/')
      if (refusePublish(device, 'north/tlc-1', topic) === undefined)
        expect(topic).toMatch(/^north\/tlc-1\/(status|alarm|result|replay)\/a\.b|presence$/)
    }),
  )
})

test('presence alone is retained', () => {
  expect(isRetainable('north/tlc-1/presence')).toBe(true)
  for (const topic of ['north/tlc-1/status/presence', 'north/tlc-1/command/a.b', 'presence'])
    expect(isRetainable(topic)).toBe(false)
})
