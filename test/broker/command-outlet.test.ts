/** Commands: one device, QoS 1, an outcome, never late, never queued. */
import { expect, test } from 'vitest'
import { createCommandOutlet, encodePublish } from '../../broker/command-outlet.ts'
import type { Connection } from '../../broker/connection.ts'
import { collect, commandPayload, eventually, openHouse } from './house.ts'

const topic = 'north/tlc-1/command/tlc.stage.set'
const filter = 'north/tlc-1/command/#'

async function withDevice() {
  const house = await openHouse()
  await house.issue('device', 'north/tlc-1')
  const device = await house.connected('north/tlc-1')
  const commands = collect(device)
  await device.subscribeAsync(filter, { qos: 1 })
  const deliver = (timeoutMs = 5_000, expiresInMs = 60_000) =>
    house.broker.deliver('north/tlc-1', topic, commandPayload(house.nowMs + expiresInMs), timeoutMs)
  return { house, device, commands, deliver }
}

test('a PUBACK that comes too late is nobody’s: each command has its own outcome', async () => {
  const { device, commands, deliver, house } = await withDevice()
  const held: (() => void)[] = []
  device.handleMessage = (_packet, done) => held.push(done) // mqtt acknowledges when it is called.
  expect(await deliver(100)).toBe('timeout')
  expect(house.counts.get('deliveries timeout')).toBe(1)
  const second = deliver()
  held[0]!()
  await eventually(() => held.length === 2)
  held[1]!()
  expect(await second).toBe('delivered')
  expect(commands).toHaveLength(2)
})

test('many commands at once each get their own outcome', async () => {
  const { commands, deliver } = await withDevice()
  const outcomes = await Promise.all(Array.from({ length: 100 }, () => deliver()))
  expect(new Set(outcomes)).toEqual(new Set(['delivered']))
  expect(commands).toHaveLength(100)
})

test('a connection that ends before PUBACK leaves the fate unknown', async () => {
  const { device, deliver } = await withDevice()
  device.handleMessage = () => {
    device.stream.destroy()
  }
  expect(await deliver(20_000)).toBe('timeout')
})

test('a stale command is not written', async () => {
  const { commands, deliver, device } = await withDevice()
  expect(await deliver(5_000, 0)).toBe('timeout')
  expect(await deliver(5_000, 1)).toBe('delivered')
  await device.unsubscribeAsync(filter)
  expect(await deliver()).toBe('offline')
  expect(commands).toHaveLength(1)
})

test('a copy that became stale on its way is dropped at its delivery', () => {
  let nowMs = 1_000
  const outlet = createCommandOutlet({ clock: { nowMs: () => nowMs }, copy() {} })
  const center = { clientId: 'center/desk' } as Connection
  const payload = commandPayload(2_000)
  expect(outlet.mayForward(center, topic, payload)).toBe(true)
  nowMs = 2_000
  expect(outlet.mayForward(center, topic, payload)).toBe(false)
  expect(outlet.mayForward(center, 'north/tlc-1/status/tlc.plan', payload)).toBe(true)
})

test('a command without an expiry is stale', async () => {
  const { house, commands } = await withDevice()
  expect(await house.broker.deliver('north/tlc-1', topic, Buffer.from('{"id":"x"}'), 1_000)).toBe(
    'timeout',
  )
  expect(commands).toEqual([])
})

test('nothing is queued for a device that is away, whatever session it asks for', async () => {
  const house = await openHouse()
  await house.issue('device', 'north/tlc-1')
  const options = { clean: false }
  const before = await house.connected('north/tlc-1', options)
  await before.subscribeAsync(filter, { qos: 1 })
  await before.endAsync()
  await eventually(() => !house.broker.isReachable('north/tlc-1'))
  const payload = commandPayload(house.nowMs + 60_000)
  expect(await house.broker.deliver('north/tlc-1', topic, payload, 1_000)).toBe('offline')
  const after = await house.connected('north/tlc-1', options)
  const commands = collect(after)
  await after.subscribeAsync('north/tlc-1/reject')
  house.broker.publish('north/tlc-1/reject', Buffer.from('sentinel'), { qos: 0, retain: false })
  await eventually(() => commands.length > 0)
  expect(commands).toEqual(['north/tlc-1/reject sentinel'])
  expect(house.broker.isReachable('north/tlc-1')).toBe(false)
})

test('the gateway’s own publish refuses command topics', async () => {
  const house = await openHouse()
  expect(() => house.broker.publish(topic, Buffer.from(''), { qos: 1, retain: false })).toThrow(
    'deliver',
  )
})

test('the gateway’s own messages reach centers and are retained when asked', async () => {
  const house = await openHouse()
  await house.issue('center', 'center/desk')
  const { broker } = house
  broker.publish('gateway/main/presence', Buffer.from('online'), { qos: 1, retain: true })
  const center = await house.connected('center/desk')
  const seen = collect(center)
  await center.subscribeAsync('gateway/#', { qos: 1 })
  await eventually(() => seen.length === 1)
  broker.publish('gateway/main/status/gateway.clock', Buffer.from('1'), { qos: 1, retain: false })
  await eventually(() => seen.length === 2)
  expect(seen).toEqual(['gateway/main/presence online', 'gateway/main/status/gateway.clock 1'])
  expect(house.arrivals).toEqual([])
})

test('a frame is written as MQTT wants it', () => {
  const frame = encodePublish('a/b', Buffer.alloc(200, 'x'), 258)
  expect(frame.subarray(0, 10).toString('hex')).toBe('32cf010003612f620102')
  expect(frame).toHaveLength(3 + 207)
})
