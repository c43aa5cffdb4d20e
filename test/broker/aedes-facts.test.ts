/**
 * What Aedes 1.2 does when left alone: each fact is a reason for something in broker/. When one of these fails after an
 * update, look for what leaned on it (broker/aedes-internals.ts first).
 */
import { type Duplex, duplexPair } from 'node:stream'
import { Aedes, type AedesOptions, type Client } from 'aedes'
import { expect, onTestFinished, test } from 'vitest'
import { forgetConnect, slimParser, takeKeepAlive } from '../../broker/aedes-internals.ts'
import { eventually } from './house.ts'
import { packets, readBytes } from './raw-client.ts'

async function openAedes(options: AedesOptions = {}) {
  const aedes = await Aedes.createBroker(options)
  onTestFinished(() => new Promise<void>((resolve) => aedes.close(resolve)))
  const attach = async (id: string, flags = 2) => {
    const [ours, theirs] = duplexPair()
    theirs.on('error', () => {})
    const client = aedes.handle(ours as never)
    theirs.write(packets.connect(id, { flags }))
    await readBytes(theirs, 4)
    return { stream: theirs, client }
  }
  return { aedes, attach }
}

/** All bytes that come, as they come. */
function listen(stream: Duplex): { hex: () => string; isClosed: () => boolean } {
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  stream.resume()
  return {
    hex: () => Buffer.concat(chunks).toString('hex'),
    isClosed: () => stream.closed || stream.readableEnded,
  }
}

async function subscribe(stream: Duplex, filter: string, qos: number): Promise<void> {
  stream.write(packets.subscribe(1, filter, qos))
  await readBytes(stream, 5)
}

test('PUBACK waits for authorizePublish, and an error there closes the connection without it', async () => {
  const waiting: ((error?: Error | null) => void)[] = []
  const { attach } = await openAedes({
    authorizePublish: (_client, _packet, done) => waiting.push(done),
  })
  const { stream } = await attach('a')
  const { hex, isClosed } = listen(stream)
  stream.write(packets.publish(1, 't', 'x'))
  await eventually(() => waiting.length === 1)
  expect(hex()).toBe('')
  waiting[0]!(null)
  await eventually(() => hex() === '40020001')
  stream.write(packets.publish(2, 't', 'x'))
  await eventually(() => waiting.length === 2)
  waiting[1]!(new Error('no'))
  await eventually(isClosed)
  expect(hex()).toBe('40020001')
})

test('PUBACKs leave in the order of the answers, which need not be the order of arrival', async () => {
  const waiting: ((error?: Error | null) => void)[] = []
  const { attach } = await openAedes({
    authorizePublish: (_client, _packet, done) => waiting.push(done),
  })
  const { stream } = await attach('a')
  const { hex } = listen(stream)
  stream.write(Buffer.concat([packets.publish(1, 't', 'x'), packets.publish(2, 't', 'x')]))
  await eventually(() => waiting.length === 2)
  waiting[1]!(null)
  waiting[0]!(null)
  await eventually(() => hex().length === 16)
  expect(hex()).toBe('4002000240020001')
})

test('authorizePublish does not hold the reader back chunk by chunk, yet holds what is behind a full chunk', async () => {
  let count = 0
  const { attach } = await openAedes({ authorizePublish: () => (count += 1) })
  const { stream } = await attach('a')
  // One message a chunk: each 'readable' lowers the batch counter, so all are read though none is answered.
  for (let id = 1; id <= 20; id += 1) {
    stream.write(packets.publish(id, 't', 'x'))
    await eventually(() => count === id)
  }
  // Ten messages in one chunk, then a PINGREQ: it stays unread behind them.
  const { stream: other } = await attach('b')
  const { hex } = listen(other)
  const ten = Array.from({ length: 10 }, (_, at) => packets.publish(at + 1, 't', 'x'))
  other.write(Buffer.concat(ten))
  await eventually(() => count === 30)
  other.write(Buffer.from([0xc0, 0]))
  await attach('c') // A whole connection is served meanwhile.
  expect(hex()).toBe('')
})

test('authorizePublish is not asked for the broker’s own publish', async () => {
  let count = 0
  const { aedes } = await openAedes({ authorizePublish: () => (count += 1) })
  const packet = { cmd: 'publish', topic: 't', payload: 'x', qos: 0, retain: false, dup: false }
  await new Promise<void>((resolve) => aedes.publish(packet as never, () => resolve()))
  expect(count).toBe(0)
})

test('a CONNECT of MQTT 5 is answered with code 1', async () => {
  const { aedes } = await openAedes()
  const [ours, theirs] = duplexPair()
  aedes.handle(ours as never)
  theirs.write(packets.connect('a', { level: 5 }))
  expect((await readBytes(theirs, 4)).toString('hex')).toBe('20020001')
})

test('$share is granted and never delivers', async () => {
  const { attach } = await openAedes()
  const { stream: reader } = await attach('reader')
  reader.write(packets.subscribe(1, '$share/g/t', 1))
  expect((await readBytes(reader, 5)).toString('hex')).toBe('9003000101')
  const { stream: sentinel } = await attach('sentinel')
  await subscribe(sentinel, 't', 1)
  const { hex } = listen(reader)
  const { stream: writer } = await attach('writer')
  writer.write(packets.publish(1, 't', 'x'))
  await readBytes(sentinel, 4)
  expect(hex()).toBe('')
})

test('there is no limit to the size of a packet', async () => {
  let size = 0
  const { attach } = await openAedes({
    authorizePublish(_client, packet, done) {
      size = packet.payload.length
      done(null)
    },
  })
  const { stream } = await attach('a')
  stream.write(packets.publish(1, 't', 'x'.repeat(5_000_000)))
  await eventually(() => size === 5_000_000)
})

test('the ack event of a clean session does not say what was acknowledged', async () => {
  const { aedes, attach } = await openAedes()
  const acknowledged: unknown[] = []
  aedes.on('ack', (packet) => acknowledged.push(packet))
  const { stream } = await attach('a')
  await subscribe(stream, 't', 1)
  const packet = { cmd: 'publish', topic: 't', payload: 'x', qos: 1, retain: false, dup: false }
  aedes.publish(packet as never, () => {})
  const publish = await readBytes(stream, 8)
  stream.write(Buffer.from([0x40, 2, publish[5]!, publish[6]!]))
  await eventually(() => acknowledged.length === 1)
  expect(acknowledged).toEqual([undefined])
})

test('packet ids to a client come from _nextId, and the keep-alive is where we look for it', async () => {
  const { aedes, attach } = await openAedes()
  const { stream, client } = await attach('a')
  const internals = client as Client & {
    _nextId: number
    _keepaliveTimer: NodeJS.Timeout
    _keepaliveInterval: number
  }
  expect(typeof internals._keepaliveTimer.refresh).toBe('function')
  const allowedMs = internals._keepaliveInterval
  expect(allowedMs).toBeGreaterThan(0)
  expect(takeKeepAlive(client)).toBe(allowedMs)
  // Without the interval Aedes asks for no timer, neither at a packet nor at the end.
  expect(internals._keepaliveTimer).toBe(null)
  await subscribe(stream, 't', 1)
  internals._nextId = 0xffff
  const packet = { cmd: 'publish', topic: 't', payload: 'x', qos: 1, retain: false, dup: false }
  aedes.publish(packet as never, () => {})
  expect((await readBytes(stream, 8)).subarray(5, 7).toString('hex')).toBe('ffff')
  expect(internals._nextId).toBe(1)
})

test('the parser collects bytes in a list that is a stream as well, and does without the stream', async () => {
  const { aedes } = await openAedes()
  const [ours, theirs] = duplexPair()
  const client = aedes.handle(ours as never)
  const { _parser: parser } = client as Client & { _parser: { _list: object; settings: object } }
  expect('pipe' in parser._list).toBe(true)
  slimParser(client)
  expect('pipe' in parser._list).toBe(false)
  const connect = packets.connect('a', { flags: 2 })
  for (const byte of connect) theirs.write(Buffer.from([byte]))
  expect((await readBytes(theirs, 4)).toString('hex')).toBe('20020000')
  // So it does without CONNECT once that is answered: of its settings it asks for the version.
  expect(parser.settings).toMatchObject({ cmd: 'connect', protocolVersion: 4 })
  forgetConnect(client)
  expect(parser.settings).toEqual({ protocolVersion: 4 })
  theirs.write(packets.subscribe(1, 't', 1))
  expect((await readBytes(theirs, 5)).toString('hex')).toBe('9003000101')
})

test('a session that is not clean has messages queued for it without bound', async () => {
  const { aedes, attach } = await openAedes()
  const { stream } = await attach('a', 0)
  await subscribe(stream, 't', 1)
  stream.destroy()
  await eventually(() => aedes.connectedClients === 0)
  const packet = { cmd: 'publish', topic: 't', payload: 'late', qos: 1, retain: false, dup: false }
  await new Promise<void>((resolve) => aedes.publish(packet as never, () => resolve()))
  const [ours, theirs] = duplexPair()
  aedes.handle(ours as never)
  theirs.write(packets.connect('a', { flags: 0 }))
  expect((await readBytes(theirs, 4 + 11)).toString()).toContain('late')
})

test('overlapping subscriptions get one copy, at the QoS of whichever filter is met first', async () => {
  const { aedes, attach } = await openAedes()
  const { stream } = await attach('a')
  await subscribe(stream, 't/#', 0)
  await subscribe(stream, 't/u', 1)
  const { hex } = listen(stream)
  const packet = { cmd: 'publish', topic: 't/u', payload: 'x', qos: 1, retain: false, dup: false }
  await new Promise<void>((resolve) => aedes.publish(packet as never, () => resolve()))
  stream.write(Buffer.from([0xc0, 0]))
  await eventually(() => hex().endsWith('d000'))
  expect(hex().match(/3[0-9]0[0-9]0003742f75/g)).toHaveLength(1)
})

test('a bound on concurrency lets a client that does not read hold up the others', async () => {
  const { aedes, attach } = await openAedes({ concurrency: 1, drainTimeout: 60_000 })
  const { stream: deaf } = await attach('deaf')
  await subscribe(deaf, 'deaf', 0)
  const { stream: reader } = await attach('reader')
  await subscribe(reader, 'reader', 0)
  const { hex } = listen(reader)
  const send = (topic: string, payload: string) =>
    aedes.publish(
      { cmd: 'publish', topic, payload, qos: 0, retain: false, dup: false } as never,
      () => {},
    )
  for (let i = 0; i < 10; i += 1) send('deaf', 'x'.repeat(100_000))
  send('reader', 'late')
  await attach('another').catch(() => {})
  expect(hex()).toBe('')
})

test('wills of a broker whose heartbeat is missed are taken for orphans and published', async () => {
  const wills: string[] = []
  const { aedes } = await openAedes({
    heartbeatInterval: 20,
    authorizePublish(client, packet, done) {
      wills.push(`${client === null ? 'no client' : client.id} ${packet.topic}`)
      done(null)
    },
  })
  const [ours, theirs] = duplexPair()
  aedes.handle(ours as never)
  const text = (value: string) =>
    Buffer.concat([Buffer.from([0, value.length]), Buffer.from(value)])
  const body = Buffer.concat([
    text('MQTT'),
    Buffer.from([4, 2 | 4, 0, 60]),
    text('a'),
    text('will'),
    text('x'),
  ])
  theirs.write(Buffer.concat([Buffer.from([0x10, body.length]), body]))
  await readBytes(theirs, 4)
  const swallow = aedes as unknown as { publish: (p: object, c: unknown, d?: () => void) => void }
  const publish = swallow.publish.bind(aedes)
  let heartbeats = 0
  aedes.subscribe(
    '$SYS/+/heartbeat',
    (_packet, done) => {
      heartbeats += 1
      done()
    },
    () => {},
  )
  await eventually(() => heartbeats > 12) // Orphans are looked for every fourth.
  expect(wills).toEqual([]) // The heartbeat is heard: the wills are known to be ours.
  swallow.publish = (_packet, client, done) => (typeof client === 'function' ? client : done)?.()
  await eventually(() => wills.length > 0)
  expect(wills[0]).toBe('a will')
  swallow.publish = publish
})
