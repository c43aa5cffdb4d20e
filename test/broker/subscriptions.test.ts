/** Subscribers: what is refused, who is too slow, who takes over, and what one cannot do to another. */
import { duplexPair } from 'node:stream'
import { type MqttClient, connect as mqttConnect } from 'mqtt'
import { expect, onTestFinished, test } from 'vitest'
import { collect, ended, eventually, type House, openHouse } from './house.ts'
import { openRaw, packets, readBytes } from './raw-client.ts'

const topic = 'north/det-1/status/system.health'

/** A center that subscribes to everything and then reads no more. */
async function deafCenter(house: House) {
  const socket = await openRaw(house, 'center/deaf')
  socket.write(packets.connect('center/deaf'))
  await readBytes(socket, 4)
  socket.write(packets.subscribe(1, '#', 1))
  await readBytes(socket, 5)
  return socket
}

test.each([
  ['in time', { drainTimeoutMs: 400, subscriberBytesMax: 512 * 1024 * 1024 }],
  ['by bytes', { drainTimeoutMs: 5_000, subscriberBytesMax: 256 * 1024 }],
])('a subscriber that does not read is dropped %s, others notice nothing', async (_how, limits) => {
  const house = await openHouse({ limits })
  await house.issue('device', 'north/det-1')
  await house.issue('center', 'center/deaf')
  await house.issue('center', 'center/desk')
  await deafCenter(house)
  const desk = await house.connected('center/desk')
  const seen = collect(desk)
  await desk.subscribeAsync('#', { qos: 1 })
  const device = await house.connected('north/det-1')
  const payload = Buffer.alloc(32 * 1024, 'x')
  let sent = 0
  await eventually(async () => {
    await device.publishAsync(topic, payload, { qos: 1 })
    sent += 1
    return house.counts.get('connectionsClosed IG_ERR_BROKER_SUBSCRIBER_SLOW') === 1
  }, 20_000)
  await eventually(() => seen.length === sent)
  expect(desk.connected && device.connected).toBe(true)
  expect(house.counts.get('connections')).toBe(2)
})

test('the same client id again takes over: the older one is closed, the newer one works', async () => {
  const house = await openHouse()
  await house.issue('device', 'north/tlc-1')
  const older = await house.connected('north/tlc-1', {
    will: {
      topic: 'north/tlc-1/presence',
      payload: Buffer.from('offline'),
      qos: 1,
      retain: true,
    },
  })
  await older.subscribeAsync('north/tlc-1/command/#', { qos: 1 })
  const end = ended(older)
  const newer = await house.connected('north/tlc-1')
  await end
  await newer.subscribeAsync('north/tlc-1/command/#', { qos: 1 })
  await newer.publishAsync('north/tlc-1/presence', 'online', { qos: 1, retain: true })
  expect(house.ready).toEqual(['north/tlc-1', 'north/tlc-1'])
  expect(house.gone).toEqual(['north/tlc-1'])
  // The will of the older one comes before anything of the newer one.
  expect(house.heard().map((line) => line.split(' ')[2])).toEqual(['offline', 'online'])
  expect(house.counts.get('connectionsClosed IG_ERR_BROKER_TAKEN_OVER')).toBe(1)
  expect(house.broker.isReachable('north/tlc-1')).toBe(true)
})

test('of many connections with one client id at once exactly one stays', async () => {
  const house = await openHouse()
  await house.issue('device', 'north/tlc-1')
  const sockets = await Promise.all(Array.from({ length: 8 }, () => openRaw(house, 'north/tlc-1')))
  for (const socket of sockets) {
    socket.write(packets.connect('north/tlc-1'))
    socket.resume()
  }
  await eventually(() => sockets.filter((socket) => !socket.closed).length === 1)
  await eventually(() => house.counts.get('connections') === 1)
  const last = await house.connected('north/tlc-1')
  await eventually(() => sockets.every((socket) => socket.closed))
  await last.publishAsync('north/tlc-1/presence', 'online', { qos: 1 })
  expect(house.counts.get('connections')).toBe(1)
})

test('a subscription that is not granted is answered with 0x80; the connection stays', async () => {
  const house = await openHouse()
  await house.issue('device', 'north/tlc-1')
  await house.issue('center', 'center/desk')
  const device = await house.connected('north/tlc-1')
  const center = await house.connected('center/desk')
  const granted = async (client: MqttClient, filter: string, qos: 0 | 1 | 2 = 1) =>
    await new Promise((resolve) => {
      client.once(
        'packetreceive',
        (packet) => packet.cmd === 'suback' && resolve(packet.granted[0]),
      )
      client.subscribe(filter, { qos })
    })
  expect(await granted(device, '#')).toBe(128)
  expect(await granted(device, 'north/tlc-1/command/#', 0)).toBe(128)
  expect(await granted(device, 'north/tlc-1/command/#', 1)).toBe(1)
  expect(await granted(center, '$share/all/#')).toBe(128)
  expect(await granted(center, '$SYS/#')).toBe(128)
  expect(await granted(center, '#', 0)).toBe(0)
  expect(house.counts.get('authRefused IG_ERR_AUTH_TOPIC_DENIED')).toBe(4)
  expect(device.connected && center.connected).toBe(true)
})

test('a client holds so many subscriptions and no more', async () => {
  const house = await openHouse({ limits: { subscriptionsMax: 3 } })
  await house.issue('center', 'center/desk')
  const center = await house.connected('center/desk')
  for (const zone of ['a', 'b', 'c']) await center.subscribeAsync(`${zone}/+/status/#`)
  await expect(center.subscribeAsync('d/+/status/#')).rejects.toThrow()
  expect(house.counts.get('authRefused IG_ERR_BROKER_FULL')).toBe(1)
  const greedy = await house.connected('center/desk/greedy', { as: 'center/desk' })
  const many = Array.from({ length: 10 }, (_, at) => `z${at}/#`)
  await greedy.subscribeAsync(many).catch(() => {})
  expect(house.counts.get('authRefused IG_ERR_BROKER_FULL')).toBe(8)
  await center.unsubscribeAsync('a/+/status/#')
  await center.subscribeAsync('d/+/status/#')
})

test('a simulator connects any node under its zone and none beside it', async () => {
  const house = await openHouse()
  await house.issue('simulator', 'north')
  const one = await house.connected('north/det-1', { as: 'north' })
  const two = await house.connected('north/det-2', { as: 'north' })
  await one.publishAsync(topic, '1', { qos: 1 })
  await two.publishAsync('north/det-2/status/system.health', '2', { qos: 1 })
  const end = ended(two)
  two.publish(topic, 'as another', { qos: 1 })
  await end
  expect(house.heard()).toHaveLength(2)
  expect(await ended(house.client('south/det-1', { as: 'north' }))).toContain('Not authorized')
  const sim = await house.connected('north/sim', { as: 'north' })
  const clock = collect(sim)
  await sim.subscribeAsync('gateway/+/status/gateway.clock', { qos: 1 })
  house.broker.publish('gateway/g/status/gateway.clock', Buffer.from('1'), {
    qos: 1,
    retain: false,
  })
  await eventually(() => clock.length === 1)
})

test.each(['priority', 'emergency'] as const)(
  'a certificate of the role %s asks for a vehicle and hears its own results; a stage, flashing or a plan ends the connection',
  async (role) => {
    const house = await openHouse()
    await house.issue(role, 'transit/buses')
    await house.issue('operator', 'operator/anna')
    const anna = await house.connected('operator/anna')
    const buses = await house.connected('transit/buses')
    const heard = collect(buses)
    await buses.subscribeAsync('transit/buses/result/#', { qos: 1 })
    for (const filter of ['#', 'operator/anna/result/#', 'north/tlc-1/status/#'])
      await expect(buses.subscribeAsync(filter, { qos: 1 })).rejects.toThrow()
    await buses.publishAsync('transit/buses/request/tlc.priority.request', '1', { qos: 1 })
    await buses.publishAsync('transit/buses/request/release', '2', { qos: 1 })
    await anna.publishAsync('operator/anna/request/tlc.mode.set', '3', { qos: 1 })
    const sending = { qos: 1, retain: false } as const
    house.broker.publish('operator/anna/result/tlc.mode.set', Buffer.from('3'), sending)
    house.broker.publish('transit/buses/result/release', Buffer.from('2'), sending)
    await eventually(() => heard.length > 0)
    expect(heard).toEqual(['transit/buses/result/release 2'])
    for (const code of ['tlc.stage.set', 'tlc.mode.set', 'tlc.plan.set', 'tlc.timing.set']) {
      const client = await house.connected(`transit/buses/${code}`, { as: 'transit/buses' })
      const end = ended(client)
      client.publish(`transit/buses/request/${code}`, '{}', { qos: 1 })
      await end
    }
    expect(house.arrivals.map((one) => [one.identity.role, one.topic])).toEqual([
      [role, 'transit/buses/request/tlc.priority.request'],
      [role, 'transit/buses/request/release'],
      ['operator', 'operator/anna/request/tlc.mode.set'],
    ])
    expect(house.counts.get('connectionsClosed IG_ERR_AUTH_TOPIC_DENIED')).toBe(4)
  },
)

test('MQTT over a stream whose owner is known obeys the same rules', async () => {
  const house = await openHouse()
  const [ours, theirs] = duplexPair()
  house.broker.acceptStream(ours, { role: 'operator', name: 'operator/anna', serial: 'web' })
  theirs.write(packets.connect('operator/anna/tab-1'))
  theirs.write(packets.publish(7, 'operator/anna/request/tlc.stage.set', '{}'))
  const answers = await readBytes(theirs, 8)
  expect(answers.toString('hex')).toBe('2002000040020007')
  expect(house.arrivals[0]).toMatchObject({
    clientId: 'operator/anna/tab-1',
    identity: { role: 'operator', name: 'operator/anna' },
  })
  theirs.write(packets.publish(8, 'north/tlc-1/command/tlc.stage.set', '{}'))
  theirs.resume()
  await eventually(() => theirs.closed || theirs.readableEnded)
  expect(house.arrivals).toHaveLength(1)
})

test('disconnect ends a client by its id', async () => {
  const house = await openHouse()
  await house.issue('device', 'north/tlc-1')
  const device = await house.connected('north/tlc-1')
  const end = ended(device)
  expect(house.broker.disconnect('north/tlc-1')).toBe(true)
  await end
  await eventually(() => !house.broker.disconnect('north/tlc-1'))
})

test('connections beyond the limit are refused, and room is made again when one leaves', async () => {
  const house = await openHouse({ limits: { connectionsMax: 2 } })
  for (const name of ['a/1', 'a/2', 'a/3']) await house.issue('device', name)
  const one = await house.connected('a/1')
  await house.connected('a/2')
  await ended(house.client('a/3'))
  await eventually(() => house.counts.get('handshakesFailed IG_ERR_BROKER_FULL') === 1)
  await one.endAsync()
  await eventually(async () => {
    const third = house.client('a/3')
    const connected = new Promise<boolean>((resolve) => {
      third.once('connect', () => resolve(true))
      third.once('close', () => resolve(false))
    })
    return await connected
  })
})

test('handshakes beyond the rate wait their turn', async () => {
  const house = await openHouse({ limits: { handshakesPerSecondMax: 5 } })
  await house.issue('simulator', 'north')
  const begunAtMs = performance.now()
  await Promise.all(
    Array.from({ length: 10 }, (_, at) => house.connected(`north/det-${at}`, { as: 'north' })),
  )
  // Five at once from the full bucket, five more at five per second.
  expect(performance.now() - begunAtMs).toBeGreaterThan(800)
})

test('a connection that says nothing is ended, before the handshake and after it', async () => {
  const house = await openHouse({ limits: { connectTimeoutMs: 200, handshakeTimeoutMs: 200 } })
  await house.issue('device', 'north/tlc-1')
  const mute = await openRaw(house, 'north/tlc-1')
  mute.resume()
  await eventually(() => mute.closed)
  expect(house.counts.get('connectionsClosed IG_ERR_BROKER_CLIENT_SILENT')).toBe(1)
  const { connect } = await import('node:net')
  const tcp = connect(house.port, '127.0.0.1')
  onTestFinished(() => {
    tcp.destroy()
  })
  tcp.on('error', () => {})
  tcp.resume()
  await eventually(() => tcp.closed)
})

test('a client whose keep-alive passes unheard is ended', async () => {
  const house = await openHouse()
  await house.issue('device', 'north/tlc-1')
  const socket = await openRaw(house, 'north/tlc-1')
  socket.write(packets.connect('north/tlc-1', { keepAliveS: 1 }))
  await readBytes(socket, 4)
  socket.resume()
  await eventually(() => socket.closed)
  expect(house.counts.get('connectionsClosed IG_ERR_BROKER_CLIENT_SILENT')).toBe(1)
})

test('what is sent right behind CONNECT is not lost, nor is a reading before the peer leaves', async () => {
  const house = await openHouse()
  await house.issue('device', 'north/det-1')
  const socket = await openRaw(house, 'north/det-1')
  const burst = Array.from({ length: 100 }, (_, at) => packets.publish(at + 1, topic, `${at}`))
  socket.write(Buffer.concat([packets.connect('north/det-1'), ...burst]))
  await readBytes(socket, 4 + 400)
  expect(house.arrivals).toHaveLength(100)
  const hasty = await openRaw(house, 'north/det-1')
  hasty.end(
    Buffer.concat([
      packets.connect('north/det-1'),
      packets.publish(0, topic, 'last words', 0),
      packets.disconnect,
    ]),
  )
  await eventually(() => house.arrivals.length === 101)
})

test('a client of MQTT 5 by name is told that 3.1.1 is spoken here', async () => {
  const house = await openHouse()
  await house.issue('device', 'north/tlc-1')
  const client = mqttConnect(house.url, { ...house.credentials('north/tlc-1'), protocolVersion: 5 })
  onTestFinished(async () => {
    await client.endAsync(true)
  })
  expect(await ended(client)).toMatch(/protocol version/i)
  await eventually(() => house.counts.get('connectionsClosed IG_ERR_BROKER_PROTOCOL') === 1)
})
