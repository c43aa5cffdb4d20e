/** Several door processes are one door: what holds within one broker holds across them. */
import { once } from 'node:events'
import { duplexPair } from 'node:stream'
import { connect as tlsConnect } from 'node:tls'
import type { MqttClient } from 'mqtt'
import { expect, onTestFinished, test } from 'vitest'
import { DoorUnavailable } from '../../../gateway/doors/errors.ts'
import { collect, commandPayload, ended, eventually } from '../../broker/house.ts'
import { packets } from '../../broker/raw-client.ts'
import { type DoorsHouse, openDoors } from './house.ts'

const device = 'north/det-1'
const other = 'north/det-2'
const topicOf = (node: string) => `${node}/status/traffic.count/1min`

async function pair(house: DoorsHouse): Promise<[MqttClient, MqttClient]> {
  await house.issue('device', device)
  await house.issue('device', other)
  return [await house.connectedAt(0, device), await house.connectedAt(1, other)]
}

test('connections are spread over the doors, and every publish reaches the one gate before its PUBACK', async () => {
  const house = await openDoors()
  const [first, second] = await pair(house)
  expect(house.fleet.doors().map(({ sockets }) => sockets)).toEqual([1, 1])
  let judged = 0
  house.judge = (_arrival, answer) => {
    judged += 1
    setTimeout(() => answer({ kind: 'acknowledge', forward: false }), 20)
  }
  for (let i = 0; i < 20; i++) {
    await Promise.all([
      first.publishAsync(topicOf(device), `a${i}`, { qos: 1 }),
      second.publishAsync(topicOf(other), `b${i}`, { qos: 1 }),
    ])
    expect(judged).toBe(2 * (i + 1))
  }
  const heard = (node: string) =>
    house.arrivals.filter(({ clientId }) => clientId === node).map(({ payload }) => `${payload}`)
  expect(heard(device)).toEqual(Array.from({ length: 20 }, (_, i) => `a${i}`))
  expect(heard(other)).toEqual(Array.from({ length: 20 }, (_, i) => `b${i}`))
  expect(house.arrivals[0]!.identity).toMatchObject({ role: 'device', name: device })
})

test('PUBACKs of a connection keep their order whatever the order of the answers', async () => {
  const house = await openDoors()
  const [client] = await pair(house)
  const answers: (() => void)[] = []
  house.judge = (_arrival, answer) =>
    void answers.push(() => answer({ kind: 'acknowledge', forward: false }))
  const acknowledged: number[] = []
  for (let i = 0; i < 5; i++)
    client.publish(topicOf(device), `${i}`, { qos: 1 }, () => acknowledged.push(i))
  await eventually(() => answers.length === 5)
  for (const answer of answers.reverse()) answer()
  await eventually(() => acknowledged.length === 5)
  expect(acknowledged).toEqual([0, 1, 2, 3, 4])

  // The topic is known now, so these take the short way through the door; a presence between them never does.
  for (let i = 5; i < 10; i++) {
    const topic = i === 7 ? `${device}/presence` : topicOf(device)
    client.publish(topic, `${i}`, { qos: 1, retain: i === 7 }, () => acknowledged.push(i))
  }
  await eventually(() => answers.length === 10)
  const heard = house.arrivals.map(({ payload }) => Number(`${payload}`))
  expect(heard).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
  for (const answer of answers.splice(5).reverse()) answer()
  await eventually(() => acknowledged.length === 10)
  expect(acknowledged).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
})

test('a gate that refuses closes the connection without PUBACK, and the code is counted', async () => {
  const house = await openDoors()
  const [client] = await pair(house)
  house.judge = (_arrival, answer) =>
    answer({ kind: 'close', error: DoorUnavailable(0, 'as an example') })
  const end = ended(client)
  client.publish(topicOf(device), 'x', { qos: 1 })
  expect(await end).toBe('closed')
  await eventually(() => (house.counts.get('authRefused IG_ERR_DOOR_UNAVAILABLE') ?? 0) === 1)
})

test('a client that comes in at another door ends its older connection, whose will is judged before the newer begins', async () => {
  const house = await openDoors()
  await house.issue('device', device)
  const will = {
    topic: `${device}/presence`,
    payload: Buffer.from('offline'),
    qos: 1 as const,
    retain: true,
  }
  const older = await house.connectedAt(0, device, { will })
  await older.subscribeAsync(`${device}/command/#`, { qos: 1 })
  await older.publishAsync(`${device}/presence`, 'online 1', { qos: 1, retain: true })
  await eventually(() => house.ready.length === 1)
  const end = ended(older)
  const newer = await house.connectedAt(1, device, { will })
  await newer.publishAsync(`${device}/presence`, 'online 2', { qos: 1, retain: true })
  expect(await end).toBe('closed')
  await newer.subscribeAsync(`${device}/command/#`, { qos: 1 })
  await eventually(() => house.ready.length === 2)
  expect(house.gone).toEqual([device])
  const said = house.arrivals.filter(({ topic }) => topic === will.topic).map((a) => `${a.payload}`)
  expect(said).toEqual(['online 1', 'offline', 'online 2'])
  expect(house.fleet.isReachable(device)).toBe(true)
  await eventually(() => house.counts.get('connectionsClosed IG_ERR_BROKER_TAKEN_OVER') === 1)
})

test('many connections of one client id at once leave exactly one', async () => {
  const house = await openDoors()
  await house.issue('device', device)
  const clients = Array.from({ length: 8 }, () => house.client(device))
  const ends = clients.map(ended)
  let over = 0
  for (const end of ends) void end.then(() => (over += 1))
  await eventually(() => over === 7 && clients.some((client) => client.connected))
  const [last] = clients.filter((client) => client.connected)
  await last!.publishAsync(topicOf(device), 'alive', { qos: 1 })
  expect(over).toBe(7)
  expect(house.fleet.doors().reduce((sum, door) => sum + door.sockets, 0)).toBe(1)
})

test('a command reaches its device at either door and its PUBACK is the outcome', async () => {
  const house = await openDoors()
  const clients = await pair(house)
  const nodes = [device, other]
  const received = clients.map(collect)
  for (const [at, client] of clients.entries())
    await client.subscribeAsync(`${nodes[at]}/command/#`, { qos: 1 })
  await eventually(() => house.ready.length === 2)
  for (const node of nodes) {
    expect(house.fleet.isReachable(node)).toBe(true)
    const payload = commandPayload(Date.now() + 60_000)
    const topic = `${node}/command/tlc.plan.set`
    expect(await house.fleet.deliver(node, topic, payload, 5_000)).toBe('delivered')
  }
  expect(received.map(({ length }) => length)).toEqual([1, 1])
  const stale = commandPayload(Date.now() - 1)
  const topic = `${device}/command/tlc.plan.set`
  expect(await house.fleet.deliver(device, topic, stale, 5_000)).toBe('timeout')
  expect(received[0]).toHaveLength(1)
  await clients[0].endAsync()
  await eventually(() => house.gone.includes(device))
  expect(await house.fleet.deliver(device, topic, stale, 5_000)).toBe('offline')
  await eventually(() => house.counts.get('deliveries delivered') === 2)
})

test('a subscriber sees messages and copies of commands from devices at the other door and its own, once each', async () => {
  const house = await openDoors()
  const [first, second] = await pair(house)
  await house.issue('center', 'center/desk-1')
  const center = await house.connectedAt(1, 'center/desk-1')
  const seen = collect(center)
  await center.subscribeAsync('+/+/status/#', { qos: 1 })
  await center.subscribeAsync('+/+/command/#', { qos: 1 })
  await first.publishAsync(topicOf(device), 'from 1', { qos: 1 })
  await second.publishAsync(topicOf(other), 'from 2', { qos: 1 })
  await first.publishAsync(topicOf(device), 'again from 1', { qos: 1 })
  await second.publishAsync(topicOf(other), 'again from 2', { qos: 1 })
  await eventually(() => seen.length === 4)
  await first.subscribeAsync(`${device}/command/#`, { qos: 1 })
  await eventually(() => house.ready.length === 1)
  const payload = commandPayload(Date.now() + 60_000)
  await house.fleet.deliver(device, `${device}/command/tlc.plan.set`, payload, 5_000)
  await eventually(() => seen.length === 5)
  house.judge = (_arrival, answer) => answer({ kind: 'acknowledge', forward: false })
  await first.publishAsync(topicOf(device), 'a duplicate', { qos: 1 })
  house.fleet.publish('gateway/main/status/gateway.accounts', Buffer.from('own'), {
    qos: 1,
    retain: false,
  })
  await center.subscribeAsync('gateway/#', { qos: 1 })
  house.fleet.publish('gateway/main/status/gateway.accounts', Buffer.from('own 2'), {
    qos: 1,
    retain: false,
  })
  await eventually(() => seen.some((line) => line.endsWith('own 2')))
  expect(seen.map((line) => line.split(' ').slice(1).join(' '))).toEqual([
    'from 1',
    'from 2',
    'again from 1',
    'again from 2',
    String(payload),
    'own',
    'own 2',
  ])
})

test('the gateway gives no command but through deliver', async () => {
  const house = await openDoors()
  expect(() =>
    house.fleet.publish(`${device}/command/tlc.plan.set`, Buffer.from('{}'), {
      qos: 1,
      retain: false,
    }),
  ).toThrow(/deliver/)
})

test('a presence is retained at every door, also at one that is started later', async () => {
  const house = await openDoors()
  const [first] = await pair(house)
  await house.issue('center', 'center/desk-1')
  await first.publishAsync(`${device}/presence`, 'online', { qos: 1, retain: true })
  house.fleet.publish('gateway/main/presence', Buffer.from('gateway online'), {
    qos: 1,
    retain: true,
  })
  const look = async (door: number) => {
    const center = await house.connectedAt(door, 'center/desk-1')
    const seen = collect(center)
    await center.subscribeAsync('#', { qos: 1 })
    await eventually(() => seen.length >= 2)
    await center.endAsync()
    return seen.sort()
  }
  const both = ['gateway/main/presence gateway online', `${device}/presence online`]
  expect(await look(0)).toEqual(both)
  expect(await look(1)).toEqual(both)
  process.kill(house.fleet.doors()[1]!.pid!, 'SIGKILL')
  await eventually(() => house.counts.get('doorRestarts') === 1)
  await eventually(() => house.fleet.doors().length === 2)
  expect(await look(1)).toEqual(both)
})

test('a door that is killed takes its own clients along, the others live on, and it is started again', async () => {
  const house = await openDoors()
  const [first, second] = await pair(house)
  await first.subscribeAsync(`${device}/command/#`, { qos: 1 })
  await eventually(() => house.ready.length === 1)
  const lost = ended(first)
  const undelivered = house.fleet.deliver(
    device,
    `${device}/command/tlc.plan.set`,
    commandPayload(Date.now() + 60_000),
    30_000,
  )
  process.kill(house.fleet.doors()[0]!.pid!, 'SIGKILL')
  expect(['delivered', 'timeout']).toContain(await undelivered)
  expect(await lost).toBe('closed')
  await eventually(() => house.gone.includes(device))
  expect(house.fleet.isReachable(device)).toBe(false)
  await second.publishAsync(topicOf(other), 'still here', { qos: 1 })
  const back = await house.connected(device)
  await back.publishAsync(topicOf(device), 'back at once', { qos: 1 })
  await eventually(() => house.fleet.doors().length === 2)
  expect(house.counts.get('doorRestarts')).toBe(1)
})

test('the stream of a page reads what devices say at every door, and what it asks passes the one gate', async () => {
  const house = await openDoors()
  const [first] = await pair(house)
  await house.issue('center', 'center/desk-1')
  const center = await house.connectedAt(1, 'center/desk-1')
  const seen = collect(center)
  await center.subscribeAsync('web/#', { qos: 1 })
  const [ours, theirs] = duplexPair()
  house.fleet.acceptStream(ours, { role: 'operator', name: 'web', serial: '01' })
  let read = ''
  theirs.on('data', (bytes) => {
    read += bytes.toString('latin1')
  })
  theirs.write(packets.connect('web/tab-1'))
  theirs.write(packets.subscribe(1, '+/+/status/#', 1))
  await eventually(() => read.length >= 9) // CONNACK, SUBACK.
  await first.publishAsync(topicOf(device), 'for the page', { qos: 1 })
  await eventually(() => read.includes('for the page'))
  theirs.write(packets.publish(7, 'web/request/tlc.stage.set', 'from the page'))
  await eventually(() => seen.length === 1)
  expect(house.arrivals.at(-1)).toMatchObject({ clientId: 'web/tab-1', identity: { name: 'web' } })
  expect(house.fleet.disconnect('web/tab-1')).toBe(true)
  expect(house.fleet.disconnect(device)).toBe(true)
  expect(house.fleet.disconnect('nobody')).toBe(false)
  await eventually(() => !first.connected)
})

test('a wrong certificate file is said once and by its code, before a door is opened', async () => {
  await expect(
    openDoors({
      createInner: () => ({
        async start() {},
        async stop() {},
        relay() {},
        acceptStream() {},
        disconnect: () => false,
        async reloadCredentials() {},
      }),
      broker: {
        tls: { keyFile: '/nowhere', certFile: '/nowhere', caFile: '/nowhere' },
        limits: {},
        host: '127.0.0.1',
      },
    }),
  ).rejects.toMatchObject({ code: 'IG_ERR_TLS_CERT_UNREADABLE' })
})

test('a session that began at one door is resumed at the other', async () => {
  const house = await openDoors()
  await house.issue('device', device)
  const { ca, cert, key } = house.credentials(device) as { ca: Buffer; cert: Buffer; key: Buffer }
  const meet = async (session?: Buffer) => {
    const socket = tlsConnect({
      port: house.port,
      host: 'localhost',
      ...{ ca, cert, key },
      ...(session ? { session } : {}),
    })
    onTestFinished(() => void socket.destroy())
    const ticket = once(socket, 'session')
    await once(socket, 'secureConnect')
    return { socket, ticket }
  }
  const first = await meet()
  expect(first.socket.isSessionReused()).toBe(false)
  const [session] = (await first.ticket) as [Buffer]
  expect(house.fleet.doors().map(({ sockets }) => sockets)).toEqual([1, 0])
  const second = await meet(session)
  expect(house.fleet.doors().map(({ sockets }) => sockets)).toEqual([1, 1])
  expect(second.socket.isSessionReused()).toBe(true)
})

test('a door that hangs is ended and started again, and its client can come back', async () => {
  const house = await openDoors()
  const [first] = await pair(house)
  await first.subscribeAsync(`${device}/command/#`, { qos: 1 })
  await eventually(() => house.ready.length === 1)
  process.kill(house.fleet.doors()[0]!.pid!, 'SIGSTOP')
  await eventually(() => house.counts.get('doorRestarts') === 1, 20_000)
  expect(house.gone).toEqual([device])
  await eventually(() => house.fleet.doors().length === 2)
  const back = await house.connected(device)
  await back.publishAsync(topicOf(device), 'back', { qos: 1 })
}, 40_000)

test('a connection beyond the limit is closed, and there is room again when one leaves', async () => {
  const house = await openDoors({ connectionsMax: 2 })
  const [first] = await pair(house)
  await house.issue('device', 'north/det-3')
  expect(await ended(house.client('north/det-3'))).toMatch(/closed|disconnected|ECONNRESET/)
  expect(house.logged.filter(({ msg }) => msg === 'full')).toHaveLength(1)
  await first.endAsync()
  await eventually(() => house.fleet.doors().some(({ sockets }) => sockets === 0))
  await house.connected('north/det-3')
})

test('a certificate that is revoked is revoked at every door', async () => {
  const house = await openDoors()
  const [first, second] = await pair(house)
  const ends = [ended(first), ended(second)]
  await house.authority.revoke(device)
  await house.authority.revoke(other)
  await house.fleet.reloadCredentials()
  expect(await Promise.all(ends)).toEqual(['closed', 'closed'])
  await eventually(() => house.counts.get('connectionsClosed IG_ERR_AUTH_REVOKED') === 2)
})

test('the wills of the clients of a door that is killed are judged and seen, not those of clients that said goodbye', async () => {
  const house = await openDoors()
  await house.issue('device', device)
  await house.issue('device', other)
  await house.issue('center', 'center/desk-1')
  const will = (node: string) => ({
    will: {
      topic: `${node}/presence`,
      payload: Buffer.from('offline'),
      qos: 1 as const,
      retain: true,
    },
  })
  const first = await house.connectedAt(0, device, will(device))
  const center = await house.connectedAt(1, 'center/desk-1')
  const leaving = await house.connectedAt(0, other, will(other))
  const seen = collect(center)
  await center.subscribeAsync('+/+/presence', { qos: 1 })
  await first.publishAsync(`${device}/presence`, 'online', { qos: 1, retain: true })
  await leaving.endAsync()
  await eventually(() => house.fleet.doors()[0]!.sockets === 1)
  process.kill(house.fleet.doors()[0]!.pid!, 'SIGKILL')
  await eventually(() => seen.length === 2)
  const back = await house.connected(device, will(device))
  await back.publishAsync(`${device}/presence`, 'online again', { qos: 1, retain: true })
  await eventually(() => seen.length === 3)
  expect(seen).toEqual(
    ['online', 'offline', 'online again'].map((each) => `${device}/presence ${each}`),
  )
})
