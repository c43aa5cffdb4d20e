/** The short way of a PUBLISH: what takes it, what does not, and that nobody can tell the difference by the answers. */
import { setTimeout as wait } from 'node:timers/promises'
import type { MqttClient } from 'mqtt'
import { expect, test } from 'vitest'
import type { BrokerOptions } from '../../broker/broker.ts'
import type { Arrival, ExpressSender, GateAnswer } from '../../broker/ports.ts'
import { defineError } from '../../schemas/coded-error.ts'
import { accepted, collect, ended, eventually, type House, openHouse } from './house.ts'
import { openRaw, packets } from './raw-client.ts'

const GateFull = defineError({
  code: 'IG_ERR_TEST_GATE_FULL',
  message: 'full',
  hint: 'none',
  blame: 'world',
  retry: 'later',
})
const topic = 'north/det-1/status/traffic.queue/live'
const other = 'north/det-1/status/system.health'

interface Passed {
  readonly way: 'long' | 'express'
  readonly text: string
  settle(): void
  refuse(): void
}

/** A gate whose express lane takes what does not begin with `odd`, and answers when the test says so. */
async function openExpressHouse(overrides: Partial<BrokerOptions> = {}) {
  const passed: Passed[] = []
  const asked: string[] = []
  let isGone = false
  const house = await openHouse({
    gate: {
      admit(arrival: Arrival, answer: (answer: GateAnswer) => void) {
        passed.push({
          way: 'long',
          text: String(arrival.payload),
          settle: () => answer(accepted),
          refuse: () => answer({ kind: 'close', error: GateFull() }),
        })
      },
      express(_identity, text) {
        asked.push(text)
        if (text !== topic) return undefined
        return {
          get isGone() {
            return isGone
          },
          admit(bytes: Buffer, from: number, to: number, sender: ExpressSender, id: number) {
            const text = bytes.toString('utf8', from, to)
            if (isGone || text.startsWith('odd')) return false
            const settle = () => sender.stored(id)
            passed.push({ way: 'express', text, settle, refuse: () => sender.refused(GateFull()) })
            return true
          },
        }
      },
    },
    ...overrides,
  })
  await house.issue('device', 'north/det-1')
  const forget = (isForgotten: boolean) => {
    isGone = isForgotten
  }
  return { house, passed, asked, forget }
}

const ways = (passed: readonly Passed[]) => passed.map(({ way, text }) => `${way} ${text}`)

/** Connected, and known on its topic. */
async function knownDevice(house: House, passed: Passed[]): Promise<MqttClient> {
  const device = await house.connected('north/det-1')
  const first = device.publishAsync(topic, 'first', { qos: 1 })
  await eventually(() => passed.length === 1)
  passed[0]!.settle()
  await first
  passed.length = 0
  return device
}

function acknowledgements(client: MqttClient): number[] {
  const ids: number[] = []
  client.on('packetreceive', (packet) => {
    if (packet.cmd === 'puback') ids.push(packet.messageId as number)
  })
  return ids
}

test('a topic goes the long way first and the short one after, each message acknowledged when it is stored', async () => {
  const { house, passed } = await openExpressHouse()
  const device = await knownDevice(house, passed)
  const ids = acknowledgements(device)
  for (let i = 0; i < 30; i++) device.publish(topic, `${i}`, { qos: 1 })
  await eventually(() => passed.length === 30)
  expect(ways(passed)).toEqual(Array.from({ length: 30 }, (_, at) => `express ${at}`))
  expect(ids).toEqual([])
  for (const one of passed) one.settle()
  await eventually(() => ids.length === 30)
  expect(ids).toEqual([...ids].sort((a, b) => a - b))
})

test('what is out of the ordinary goes the long way in its place, and PUBACKs keep the order', async () => {
  const { house, passed } = await openExpressHouse()
  const device = await knownDevice(house, passed)
  const ids = acknowledgements(device)
  const texts = Array.from({ length: 60 }, (_, at) => (at % 7 === 3 ? `odd ${at}` : `${at}`))
  for (const text of texts) device.publish(topic, text, { qos: 1 })
  await eventually(() => passed.length === 60)
  expect(passed.map(({ text }) => text)).toEqual(texts)
  for (const one of passed) one.settle()
  await eventually(() => ids.length === 60)
  expect(ids).toEqual([...ids].sort((a, b) => a - b))
})

test('other topics, retained and repeated messages and those of QoS 2 are never on it', async () => {
  const { house, passed, asked } = await openExpressHouse()
  const device = await knownDevice(house, passed)
  device.publish(other, 'health', { qos: 1 })
  device.publish(topic, 'retained', { qos: 1, retain: true })
  device.publish(topic, 'repeated', { qos: 1, dup: true })
  await eventually(() => passed.length === 3)
  expect(ways(passed)).toEqual(['long health', 'long retained', 'long repeated'])
  expect(asked).not.toContain(other)
  for (const one of passed) one.settle()
})

test('a reading of QoS 0 takes it too and has no PUBACK', async () => {
  const { house, passed } = await openExpressHouse()
  const device = await knownDevice(house, passed)
  const ids = acknowledgements(device)
  device.publish(topic, 'zero', { qos: 0 })
  await eventually(() => passed.length === 1)
  expect(ways(passed)).toEqual(['express zero'])
  passed[0]!.settle()
  device.publish(topic, 'one', { qos: 1 })
  await eventually(() => passed.length === 2)
  passed[1]!.settle()
  await eventually(() => ids.length === 1)
})

test('with somebody subscribed messages go the long way, which passes them on', async () => {
  const { house, passed } = await openExpressHouse()
  const device = await knownDevice(house, passed)
  await house.issue('center', 'center/desk-1')
  const desk = await house.connected('center/desk-1')
  const seen = collect(desk)
  await desk.subscribeAsync('north/+/status/#', { qos: 1 })
  device.publish(topic, 'seen', { qos: 1 })
  await eventually(() => passed.length === 1)
  expect(ways(passed)).toEqual(['long seen'])
  passed[0]!.settle()
  await eventually(() => seen.some((line) => line.includes('seen')))
})

test('a message that cannot be kept ends the connection without a PUBACK', async () => {
  const { house, passed } = await openExpressHouse()
  const device = await knownDevice(house, passed)
  const ids = acknowledgements(device)
  const end = ended(device)
  device.publish(topic, 'lost', { qos: 1 })
  await eventually(() => passed.length === 1)
  passed[0]!.refuse()
  await end
  expect(ids).toEqual([])
  expect(house.counts.get(`authRefused ${GateFull.code}`)).toBe(1)
})

test('the window holds on it: what is beyond waits in the socket and passes when answers come', async () => {
  const { house, passed } = await openExpressHouse({ limits: { inFlightMax: 8 } })
  const device = await knownDevice(house, passed)
  const ids = acknowledgements(device)
  for (let i = 0; i < 50; i++) device.publish(topic, `${i}`, { qos: 1 })
  await eventually(() => passed.length === 8)
  let settled = 0
  while (settled < 50) {
    const upTo = passed.length
    for (const one of passed.slice(settled, upTo)) one.settle()
    settled = upTo
    await eventually(() => passed.length > settled || settled === 50)
  }
  await eventually(() => ids.length === 50)
})

test('a topic the gate has forgotten goes the long way once and is asked for anew', async () => {
  const { house, passed, asked, forget } = await openExpressHouse()
  const device = await knownDevice(house, passed)
  device.publish(topic, 'known', { qos: 1 })
  await eventually(() => passed.length === 1)
  passed[0]!.settle()
  const before = asked.length
  forget(true)
  device.publish(topic, 'forgotten', { qos: 1 })
  await eventually(() => passed.length === 2)
  passed[1]!.settle()
  forget(false)
  device.publish(topic, 'again', { qos: 1 })
  await eventually(() => passed.length === 3)
  passed[2]!.settle()
  expect(ways(passed)).toEqual(['express known', 'long forgotten', 'express again'])
  expect(asked.length).toBe(before + 1)
})

test('whoever takes it is heard by it: only silence ends a connection, and at its time', async () => {
  const { house, passed } = await openExpressHouse()
  const socket = await openRaw(house, 'north/det-1')
  socket.resume()
  socket.write(packets.connect('north/det-1', { keepAliveS: 1 }))
  const startedAtMs = performance.now()
  let spokenAtMs = startedAtMs
  for (let id = 1; performance.now() - startedAtMs < 2_500; id++) {
    socket.write(packets.publish(id, topic, `${id}`))
    spokenAtMs = performance.now()
    await eventually(() => passed.length === id)
    passed[id - 1]!.settle()
    await wait(200)
  }
  expect(socket.closed).toBe(false)
  expect(passed.at(-1)?.way).toBe('express')
  await eventually(() => socket.closed)
  expect(performance.now() - spokenAtMs).toBeGreaterThanOrEqual(1_499)
  expect(house.counts.get('connectionsClosed IG_ERR_BROKER_CLIENT_SILENT')).toBe(1)
})

test('a connection that ends keeps nobody waiting at a stop', async () => {
  const { house, passed } = await openExpressHouse()
  const device = await knownDevice(house, passed)
  device.publish(topic, 'late', { qos: 1 })
  await eventually(() => passed.length === 1)
  const stopped = house.broker.stop(5_000)
  passed[0]!.settle()
  await stopped
})
