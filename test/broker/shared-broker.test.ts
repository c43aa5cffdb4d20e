/** A broker that is one of several: connections are handed to it, and it asks and tells about what concerns the others. */
import { createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import type { SharedBroker } from '../../broker/broker.ts'
import { createTcpPort } from '../../broker/tcp-port.ts'
import { accepted, collect, ended, eventually, openHouse } from './house.ts'

const topic = 'north/det-1/status/system.health'

/** A house whose broker listens nowhere, and a port in front of it. */
async function openHanded(overrides: Parameters<typeof openHouse>[0] = {}) {
  const house = await openHouse({ ...overrides, port: 'handed' })
  const broker = house.broker as SharedBroker
  const port = createTcpPort({
    host: '127.0.0.1',
    port: 0,
    backlog: 10,
    accepted: (socket) => broker.acceptSocket(socket),
    failed() {},
  })
  await port.listen()
  onTestFinished(() => port.close())
  await house.issue('device', 'north/det-1')
  await house.issue('center', 'center/desk-1')
  const options = { port: port.address().port }
  return { house, broker, options }
}

test('a connection that is handed over is served like one of its own port', async () => {
  const { house, options } = await openHanded()
  expect(house.broker.address().port).toBe(0)
  const device = await house.connected('north/det-1', options)
  await device.publishAsync(topic, '1', { qos: 1 })
  expect(house.heard()).toEqual([`north/det-1 ${topic} 1`])
})

test('a port that is taken is said by its code', async () => {
  const taken = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => taken.once('listening', resolve))
  onTestFinished(() => void taken.close())
  const { port } = taken.address() as { port: number }
  const open = createTcpPort({ host: '127.0.0.1', port, backlog: 1, accepted() {}, failed() {} })
  await expect(open.listen()).rejects.toMatchObject({ code: 'IG_ERR_BROKER_PORT_TAKEN' })
})

test('while the gate is busy publishes wait at their connection, and pass in order when it is free', async () => {
  let isBusy = false
  const payloads: string[] = []
  const { house, broker, options } = await openHanded({
    gate: {
      isBusy: () => isBusy,
      admit(arrival, answer) {
        payloads.push(`${arrival.payload}`)
        answer(accepted)
      },
    },
  })
  const device = await house.connected('north/det-1', options)
  await device.publishAsync(topic, '0', { qos: 1 })
  isBusy = true
  let acknowledged = 0
  for (let i = 1; i <= 20; i++) device.publish(topic, `${i}`, { qos: 1 }, () => (acknowledged += 1))
  await new Promise((resolve) => setTimeout(resolve, 100))
  expect(payloads).toEqual(['0'])
  isBusy = false
  broker.goOn()
  await eventually(() => acknowledged === 20)
  expect(payloads).toEqual(Array.from({ length: 21 }, (_, i) => `${i}`))
})

test('a client begins when the registry says its id is free, and ends when somebody elsewhere has come for it', async () => {
  const claims: { clientId: string; begin: () => void; end: () => void; will: unknown }[] = []
  const released: string[] = []
  const { house, options } = await openHanded({
    registry: {
      claim: (_identity, clientId, claim) => void claims.push({ clientId, ...claim }),
      release: ({ name }) => void released.push(name),
    },
  })
  const will = { topic, payload: Buffer.from('gone'), qos: 1 as const, retain: true }
  const device = house.client('north/det-1', { ...options, will })
  await eventually(() => claims.length === 1)
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(device.connected).toBe(false)
  // Only a presence is ever retained.
  expect(claims[0]).toMatchObject({
    clientId: 'north/det-1',
    will: { topic, qos: 1, retain: false },
  })
  claims[0]!.begin()
  await eventually(() => device.connected)
  const end = ended(device)
  claims[0]!.end()
  expect(await end).toBe('closed')
  await eventually(() => released.length === 1)
  expect(house.counts.get('connectionsClosed IG_ERR_BROKER_TAKEN_OVER')).toBe(1)
  expect(house.heard()).toEqual([`north/det-1 ${topic} gone`])
})

test('it tells when a filter finds its first reader and loses its last, and relays what others have judged', async () => {
  const told: string[] = []
  const { house, broker, options } = await openHanded({
    readersChanged: (filter, isRead) => void told.push(`${filter} ${isRead}`),
  })
  await house.issue('center', 'center/desk-2')
  const [one, two] = [
    await house.connected('center/desk-1', options),
    await house.connected('center/desk-2', options),
  ]
  const seen = collect(one)
  await one.subscribeAsync('+/+/status/#', { qos: 1 })
  await two.subscribeAsync('+/+/status/#', { qos: 1 })
  broker.relay(topic, Buffer.from('from elsewhere'), { qos: 1, retain: false })
  await eventually(() => seen.length === 1)
  await one.unsubscribeAsync('+/+/status/#')
  expect(told).toEqual(['+/+/status/# true'])
  await two.endAsync()
  await eventually(() => told.length === 2)
  expect(told[1]).toBe('+/+/status/# false')
})
