/** What happens to a PUBLISH between the socket and its PUBACK, and to wills. */
import type { MqttClient } from 'mqtt'
import { expect, test } from 'vitest'
import type { GateAnswer } from '../../broker/ports.ts'
import { defineError } from '../../schemas/coded-error.ts'
import { accepted, collect, ended, eventually, type House, kept, openHouse } from './house.ts'

const GateShut = defineError({
  code: 'IG_ERR_TEST_GATE_SHUT',
  message: 'shut',
  hint: 'none',
  blame: 'world',
  retry: 'later',
})

/** Packet ids of PUBACKs in the order they come. */
function acknowledgements(client: MqttClient): number[] {
  const ids: number[] = []
  client.on('packetreceive', (packet) => {
    if (packet.cmd === 'puback') ids.push(packet.messageId as number)
  })
  return ids
}

/** What a center that subscribed to everything gets, as it comes. */
async function hearsAll(house: House): Promise<readonly string[]> {
  await house.issue('center', 'center/desk')
  const center = await house.connected('center/desk')
  const seen = collect(center)
  await center.subscribeAsync('#')
  return seen
}

const topic = 'north/det-1/status/system.health'

test('messages that came in one chunk while others wait are admitted, in order', async () => {
  const house = await openHouse()
  await house.issue('device', 'north/det-1')
  const answers: (() => void)[] = []
  house.judge = (_arrival, answer) => answers.push(() => answer(accepted))
  const device = await house.connected('north/det-1')
  const ids = acknowledgements(device)
  for (let i = 0; i < 40; i += 1) device.publish(topic, `${i}`, { qos: 1 })
  await eventually(() => answers.length >= 40)
  expect(house.arrivals.map(({ payload }) => Number(`${payload}`))).toEqual(
    Array.from({ length: 40 }, (_, at) => at),
  )
  for (const answer of answers.reverse()) answer()
  await eventually(() => ids.length === 40)
  expect(ids).toEqual([...ids].sort((a, b) => a - b))
})

test('a withheld answer stops one connection at the window, and no other', async () => {
  const house = await openHouse({ limits: { inFlightMax: 8 } })
  await house.issue('device', 'north/det-1')
  await house.issue('device', 'north/det-2')
  const held: ((answer: GateAnswer) => void)[] = []
  house.judge = (arrival, answer) => {
    if (arrival.clientId === 'north/det-1') held.push(answer)
    else answer(accepted)
  }
  const slow = await house.connected('north/det-1')
  const other = await house.connected('north/det-2')
  const ids = acknowledgements(slow)
  for (let i = 0; i < 100; i += 1) slow.publish(topic, `${i}`, { qos: 1 })
  await eventually(() => held.length === 8)
  for (let i = 0; i < 20; i += 1)
    await other.publishAsync('north/det-2/status/system.health', '', { qos: 1 })
  expect(held).toHaveLength(8)
  for (let i = 0; i < 100; i += 1) {
    await eventually(() => held.length > i)
    held[i]!(accepted)
  }
  await eventually(() => ids.length === 100)
})

test('answers that come after the connection is gone do no harm, and what is stored is passed on', async () => {
  const house = await openHouse()
  await house.issue('device', 'north/det-1')
  const seen = await hearsAll(house)
  let answer: ((answer: GateAnswer) => void) | undefined
  house.judge = (_arrival, later) => {
    answer = later
  }
  const device = await house.connected('north/det-1')
  device.publish(topic, 'late', { qos: 1 })
  await eventually(() => answer !== undefined)
  await device.endAsync(true)
  await eventually(() => house.counts.get('connections') === 1)
  answer!(accepted)
  await eventually(() => seen.length === 1)
  expect(seen).toEqual([`${topic} late`])
})

test('a gate that closes gets the connection closed, without PUBACK, by its code', async () => {
  const house = await openHouse()
  await house.issue('device', 'north/det-1')
  house.judge = (_arrival, answer) => answer({ kind: 'close', error: GateShut() })
  const device = await house.connected('north/det-1')
  const ids = acknowledgements(device)
  const end = ended(device)
  device.publish(topic, '', { qos: 1 })
  await end
  expect(ids).toEqual([])
  expect(house.counts.get('connectionsClosed IG_ERR_TEST_GATE_SHUT')).toBe(1)
})

test('what the gate keeps to itself is acknowledged and not passed on', async () => {
  const house = await openHouse()
  await house.issue('device', 'north/det-1')
  const seen = await hearsAll(house)
  const device = await house.connected('north/det-1')
  house.judge = (_arrival, answer) => answer(kept)
  await device.publishAsync(topic, 'duplicate', { qos: 1 })
  house.judge = (_arrival, answer) => answer(accepted)
  await device.publishAsync(topic, 'fresh', { qos: 1 })
  await eventually(() => seen.length > 0)
  expect(seen).toEqual([`${topic} fresh`])
})

test('QoS 0 passes the gate too; QoS 2 is not spoken here', async () => {
  const house = await openHouse()
  await house.issue('device', 'north/det-1')
  const device = await house.connected('north/det-1')
  for (let i = 0; i < 50; i += 1) device.publish(topic, `${i}`, { qos: 0 })
  await eventually(() => house.arrivals.length === 50)
  expect(house.arrivals.map(({ payload }) => Number(`${payload}`))).toEqual(
    Array.from({ length: 50 }, (_, at) => at),
  )
  const end = ended(device)
  device.publish(topic, '', { qos: 2 })
  await end
  expect(house.counts.get('connectionsClosed IG_ERR_BROKER_PROTOCOL')).toBe(1)
  expect(house.arrivals).toHaveLength(50)
})

test('presence is kept for who subscribes later, telemetry never', async () => {
  const house = await openHouse()
  await house.issue('device', 'north/det-1')
  await house.issue('center', 'center/desk')
  const device = await house.connected('north/det-1')
  await device.publishAsync('north/det-1/presence', 'online', { qos: 1, retain: true })
  await device.publishAsync(topic, 'reading', { qos: 1, retain: true })
  expect(house.arrivals.map(({ retain }) => retain)).toEqual([true, false])
  const center = await house.connected('center/desk')
  const seen = collect(center)
  await center.subscribeAsync('#', { qos: 1 })
  await eventually(() => seen.length > 0)
  await device.publishAsync(topic, 'later', { qos: 1 })
  await eventually(() => seen.length === 2)
  expect(seen).toEqual(['north/det-1/presence online', `${topic} later`])
})

test('a will passes the gate, is retained as presence, and is not published after DISCONNECT', async () => {
  const house = await openHouse()
  await house.issue('device', 'north/det-1')
  await house.issue('center', 'center/desk')
  const center = await house.connected('center/desk')
  const seen = collect(center)
  await center.subscribeAsync('+/+/presence')
  const will = {
    topic: 'north/det-1/presence',
    payload: Buffer.from('offline'),
    qos: 1 as const,
    retain: true,
  }
  const polite = await house.connected('north/det-1', { will })
  await polite.endAsync()
  await eventually(() => house.counts.get('connections') === 1)
  const rude = await house.connected('north/det-1', { will })
  rude.stream.destroy()
  await eventually(() => seen.length > 0)
  expect(seen).toEqual(['north/det-1/presence offline'])
  expect(house.heard()).toEqual(['north/det-1 north/det-1/presence offline'])
})

test('a will for somebody else’s node is refused at CONNECT', async () => {
  const house = await openHouse()
  await house.issue('device', 'north/det-1')
  const device = house.client('north/det-1', {
    will: { topic: 'north/det-2/presence', payload: Buffer.from(''), qos: 1, retain: true },
  })
  expect(await ended(device)).toContain('Not authorized')
  expect(house.counts.get('authRefused IG_ERR_AUTH_TOPIC_DENIED')).toBe(1)
  expect(house.arrivals).toEqual([])
})

test('a packet larger than the limit closes the connection and is never judged', async () => {
  const house = await openHouse({ limits: { packetBytesMax: 8_192 } })
  await house.issue('device', 'north/det-1')
  const device = await house.connected('north/det-1')
  await device.publishAsync(topic, Buffer.alloc(8_000), { qos: 1 })
  const end = ended(device)
  device.publish(topic, Buffer.alloc(9_000), { qos: 1 })
  await end
  expect(house.arrivals).toHaveLength(1)
  expect(house.counts.get('connectionsClosed IG_ERR_MSG_TOO_LARGE')).toBe(1)
})

test('a stop answers what is at the gate before it closes', async () => {
  const house = await openHouse()
  await house.issue('device', 'north/det-1')
  const answers: (() => void)[] = []
  house.judge = (_arrival, answer) => answers.push(() => answer(accepted))
  const device = await house.connected('north/det-1', {
    will: { topic: 'north/det-1/presence', payload: Buffer.from('off'), qos: 1, retain: true },
  })
  const ids = acknowledgements(device)
  device.publish(topic, 'a', { qos: 1 })
  device.publish(topic, 'b', { qos: 1 })
  await eventually(() => answers.length === 2)
  const stopped = house.broker.stop(5_000)
  for (const answer of answers) answer()
  await stopped
  await eventually(() => ids.length === 2)
  expect(house.heard()).toHaveLength(2) // The will is not news: the gateway left, not the device.
})
