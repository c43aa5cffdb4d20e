/** The stream between socket and Aedes, over an in-memory pair. */
import { Duplex } from 'node:stream'
import fc from 'fast-check'
import { expect, onTestFinished, test } from 'vitest'
import { DoorStream, type DoorStreamOptions } from '../../broker/door-stream.ts'
import { eventually } from './house.ts'
import { frame } from './raw-client.ts'

const limits: DoorStreamOptions = { packetBytesMax: 1024, connectBytesMax: 128, inFlightMax: 4 }

/** The broker's end of a connection whose other end is this test. */
class Peer extends Duplex {
  readonly received: Buffer[] = []
  override _read(): void {}
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.received.push(chunk)
    done()
  }
}

const packet = (type: number, body: Buffer, flags = 0) => frame((type << 4) | flags, body)

const connect = packet(1, Buffer.from('hello'))
const publish = (text: string) => packet(3, Buffer.from(text), 2)

function open(options: Partial<DoorStreamOptions> = {}) {
  const peer = new Peer()
  const door = new DoorStream(peer, { ...limits, ...options })
  const seen: Buffer[] = []
  const errors: Error[] = []
  door.on('error', (error) => errors.push(error))
  door.on('readable', () => {
    for (let chunk = door.read(); chunk !== null; chunk = door.read()) seen.push(chunk)
  })
  onTestFinished(() => {
    door.destroy()
  })
  const bytes = () => Buffer.concat(seen)
  return { peer, door, bytes, errors, seen }
}

test('whatever the chunks, Aedes gets the same bytes in whole frames', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 12 }),
      fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 40 }),
      async (bodies, cuts) => {
        const { peer, door, bytes, seen } = open({ inFlightMax: 1000 })
        const frames = [connect, ...bodies.map((body) => packet(3, Buffer.from(body), 2))]
        const all = Buffer.concat(frames)
        const ends = new Set<number>()
        let end = 0
        for (const one of frames) {
          end += one.length
          ends.add(end)
        }
        let at = 0
        for (let i = 0; at < all.length; i += 1) {
          const size = cuts[i % cuts.length]!
          peer.push(all.subarray(at, at + size))
          at += size
          if (i === 3) door.open()
        }
        door.open()
        await eventually(() => bytes().length === all.length)
        expect(bytes().equals(all)).toBe(true)
        let reached = 0
        for (const chunk of seen) {
          reached += chunk.length
          expect(ends.has(reached)).toBe(true)
        }
      },
    ),
    { numRuns: 60 },
  )
})

test('nothing behind CONNECT passes before the connection is open', async () => {
  const { peer, door, bytes } = open()
  peer.push(Buffer.concat([connect, publish('a')]))
  await eventually(() => bytes().length > 0)
  expect(bytes()).toEqual(connect)
  expect(peer.isPaused()).toBe(true)
  door.open()
  await eventually(() => bytes().length === connect.length + publish('a').length)
})

test('no more PUBLISHes pass than the window holds, and the socket is not read until answers come', async () => {
  const { peer, door, bytes } = open()
  peer.push(Buffer.concat([connect]))
  await eventually(() => bytes().length > 0)
  door.open()
  peer.push(Buffer.concat(['1', '2', '3', '4', '5', '6'].map(publish)))
  const size = publish('1').length
  await eventually(() => bytes().length === connect.length + 4 * size)
  expect(door.inFlight).toBe(4)
  expect(peer.isPaused()).toBe(true)
  door.answered()
  await eventually(() => bytes().length === connect.length + 5 * size)
  door.answered()
  await eventually(() => bytes().length === connect.length + 6 * size)
  expect(peer.isPaused()).toBe(false)
})

test('a packet larger than the limit ends the connection before its body has come', async () => {
  const { peer, door, errors, bytes } = open()
  peer.push(connect)
  await eventually(() => bytes().length > 0)
  door.open()
  peer.push(packet(3, Buffer.alloc(2048)).subarray(0, 10))
  await eventually(() => errors.length > 0)
  expect(errors[0]).toMatchObject({ code: 'IG_ERR_MSG_TOO_LARGE' })
})

test.each([
  ['a CONNECT larger than its own limit', packet(1, Buffer.alloc(200)), 'IG_ERR_MSG_TOO_LARGE'],
  ['something else before CONNECT', publish('x'), 'IG_ERR_BROKER_PROTOCOL'],
  ['a browser', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'IG_ERR_BROKER_PROTOCOL'],
  [
    'a length of five bytes',
    Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0x01]),
    'IG_ERR_BROKER_PROTOCOL',
  ],
])('%s ends the connection', async (_what, bytes, code) => {
  const { peer, door, errors } = open()
  peer.push(bytes)
  await eventually(() => errors.length > 0)
  expect(door.destroyed).toBe(true)
  expect(errors[0]).toMatchObject({ code })
})

test('a lane takes its frames out and leaves the order of the others', async () => {
  const taken: string[] = []
  const { peer, door, bytes } = open({
    lane: (one, type) => {
      if (type !== 4) return false
      taken.push(one.toString('hex'))
      return true
    },
  })
  peer.push(connect)
  await eventually(() => bytes().length > 0)
  door.open()
  const puback = packet(4, Buffer.from([0, 7]))
  peer.push(Buffer.concat([puback, publish('a'), puback, puback, publish('b'), puback]))
  const expected = Buffer.concat([connect, publish('a'), publish('b')])
  await eventually(() => bytes().length === expected.length)
  expect(bytes().equals(expected)).toBe(true)
  expect(taken).toEqual(Array(4).fill('40020007'))
})

test('a lane that answers at once does not upset the frames behind', async () => {
  const taken: string[] = []
  const { peer, door, bytes } = open({
    lane: (one, type) => {
      if (type !== 3) return false
      door.inFlight += 1
      taken.push(one.subarray(2).toString())
      door.answered()
      return true
    },
  })
  peer.push(connect)
  await eventually(() => bytes().length > 0)
  door.open()
  const texts = Array.from({ length: 50 }, (_, at) => `${at}`)
  peer.push(Buffer.concat(texts.map(publish)))
  await eventually(() => taken.length === 50)
  expect(taken).toEqual(texts)
})

test('what a peer sent before it left is heard to the end', async () => {
  const { peer, door, bytes } = open()
  peer.push(connect)
  await eventually(() => bytes().length > 0)
  door.open()
  const texts = ['1', '2', '3', '4', '5', '6']
  peer.push(Buffer.concat(texts.map(publish)))
  peer.push(null)
  const size = publish('1').length
  await eventually(() => bytes().length === connect.length + 4 * size)
  for (let i = 0; i < 6; i += 1) door.answered()
  await eventually(() => bytes().length === connect.length + 6 * size)
  await eventually(() => door.destroyed)
})

test('a halted door lets nothing more in and still writes', async () => {
  const { peer, door, bytes } = open()
  peer.push(connect)
  await eventually(() => bytes().length > 0)
  door.open()
  door.halt()
  peer.push(publish('a'))
  door.write('answer')
  await eventually(() => peer.received.length === 1)
  expect(bytes()).toEqual(connect)
})

test('packets of one turn leave as one chunk', async () => {
  const { peer, door } = open()
  door.cork()
  for (const part of ['a', 'b', 'c']) door.write(part)
  door.uncork()
  await eventually(() => peer.received.length > 0)
  expect(`${peer.received[0]}`).toBe('abc')
})
