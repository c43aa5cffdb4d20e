import { expect, test } from 'vitest'
import { accepted, collect, commandPayload, ended, eventually, openHouse } from './house.ts'

test('a reading is acknowledged when the gate says so, and reaches a center that subscribed', async () => {
  const house = await openHouse()
  await house.issue('device', 'north/det-1')
  await house.issue('center', 'center/desk')
  const center = await house.connected('center/desk')
  const seen = collect(center)
  await center.subscribeAsync('+/+/status/#', { qos: 1 })
  const device = await house.connected('north/det-1')
  await device.publishAsync('north/det-1/status/traffic.count/1min', '{"a":1}', { qos: 1 })
  expect(house.heard()).toEqual(['north/det-1 north/det-1/status/traffic.count/1min {"a":1}'])
  await eventually(() => seen.length === 1)
  expect(seen).toEqual(['north/det-1/status/traffic.count/1min {"a":1}'])
})

test('PUBACK waits for the gate and keeps the order of arrival whatever the order of answers', async () => {
  const house = await openHouse()
  await house.issue('device', 'north/det-1')
  const answers: (() => void)[] = []
  house.judge = (_arrival, answer) => answers.push(() => answer(accepted))
  const device = await house.connected('north/det-1')
  const acknowledged: number[] = []
  device.on('packetreceive', (packet) => {
    if (packet.cmd === 'puback') acknowledged.push(packet.messageId as number)
  })
  const sent: number[] = []
  device.on('packetsend', (packet) => {
    if (packet.cmd === 'publish') sent.push(packet.messageId as number)
  })
  for (let i = 0; i < 5; i += 1)
    device.publish('north/det-1/status/system.health', `${i}`, { qos: 1 })
  await eventually(() => answers.length === 5)
  expect(house.arrivals.map((a) => `${a.payload}`)).toEqual(['0', '1', '2', '3', '4'])
  for (const at of [4, 2, 1, 3]) answers[at]!()
  // Answered after whatever was written before it, although messages wait at the gate.
  const pong = new Promise((resolve) =>
    device.on('packetreceive', ({ cmd }) => cmd === 'pingresp' && resolve(cmd)),
  )
  device.stream.write(Buffer.from([0xc0, 0]))
  await pong
  expect(acknowledged).toEqual([])
  answers[0]!()
  await eventually(() => acknowledged.length === 5)
  expect(acknowledged).toEqual(sent)
})

test('another node’s topic closes the connection without an acknowledgement', async () => {
  const house = await openHouse()
  await house.issue('device', 'north/det-1')
  const device = await house.connected('north/det-1')
  const end = ended(device)
  device.publish('north/det-2/status/system.health', '{}', { qos: 1 })
  expect(await end).toBe('closed')
  expect(house.heard()).toEqual([])
  expect(house.counts.get('authRefused IG_ERR_AUTH_TOPIC_DENIED')).toBe(1)
})

test('a command is delivered to its device alone and copied to the center; PUBACK is the outcome', async () => {
  const house = await openHouse()
  await house.issue('device', 'north/tlc-1')
  await house.issue('center', 'center/desk')
  const center = await house.connected('center/desk')
  const seen = collect(center)
  await center.subscribeAsync('+/+/command/#', { qos: 1 })
  const device = await house.connected('north/tlc-1')
  const commands = collect(device)
  expect(house.broker.isReachable('north/tlc-1')).toBe(false)
  const payload = commandPayload(house.nowMs + 60_000)
  const topic = 'north/tlc-1/command/tlc.stage.set'
  expect(await house.broker.deliver('north/tlc-1', topic, payload, 5_000)).toBe('offline')
  await device.subscribeAsync('north/tlc-1/command/#', { qos: 1 })
  expect(house.broker.isReachable('north/tlc-1')).toBe(true)
  expect(house.ready).toEqual(['north/tlc-1'])
  expect(await house.broker.deliver('north/tlc-1', topic, payload, 5_000)).toBe('delivered')
  await eventually(() => seen.length === 1)
  expect(commands).toEqual([`${topic} ${payload}`])
  await device.endAsync()
  await eventually(() => house.gone.length === 1)
  expect(await house.broker.deliver('north/tlc-1', topic, payload, 5_000)).toBe('offline')
})
