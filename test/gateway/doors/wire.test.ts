import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import {
  kind,
  readHeaded,
  readJson,
  sendHeaded,
  sendJson,
} from '../../../gateway/doors/messages.ts'
import { type Frame, Wire } from '../../../gateway/doors/wire.ts'
import { eventually, makeDir } from '../../broker/house.ts'

/** Two ends of a real Unix socket. */
async function sockets(): Promise<[Socket, Socket]> {
  const path = join(makeDir('wire-'), 'wire')
  const server = createServer()
  server.listen(path)
  await once(server, 'listening')
  const near = connect(path)
  const [far] = (await once(server, 'connection')) as [Socket]
  onTestFinished(() => {
    near.destroy()
    far.destroy()
    server.close()
  })
  return [near, far]
}

const textOf = ({ bytes, from, to }: Frame) => bytes.toString('utf8', from, to)
const quiet = { frame() {}, closed() {} }

test('frames arrive whole and in order, however they are cut on the way', async () => {
  const [near, far] = await sockets()
  const seen: string[] = []
  new Wire(far, {
    frame: (frame) =>
      seen.push(`${frame.kind} ${frame.number} ${frame.small} ${textOf(frame).length}`),
    closed() {},
  })
  const [cutter, source] = await sockets()
  // One byte at a time at first, then in pieces that fit no frame.
  cutter.on('data', (chunk: Buffer) => {
    for (let at = 0; at < Math.min(50, chunk.length); at++) near.write(chunk.subarray(at, at + 1))
    for (let at = 50; at < chunk.length; at += 7_001) near.write(chunk.subarray(at, at + 7_001))
  })
  const wire = new Wire(source, quiet)
  const lengths = [0, 1, 10, 300, 70_000, 0, 400_000, 5]
  for (const [at, length] of lengths.entries())
    wire.sendBytes(at + 1, 4_000_000_000 + at, 65_000 + at, Buffer.alloc(length, 0x61))
  await eventually(() => seen.length === lengths.length)
  expect(seen).toEqual(
    lengths.map((length, at) => `${at + 1} ${4_000_000_000 + at} ${65_000 + at} ${length}`),
  )
})

test('what is said in one turn leaves in one write', async () => {
  const [near, far] = await sockets()
  let chunks = 0
  let frames = 0
  far.on('data', () => {
    chunks += 1
  })
  new Wire(far, {
    frame() {
      frames += 1
    },
    closed() {},
  })
  const wire = new Wire(near, quiet)
  for (let i = 0; i < 100; i++) wire.send(kind.stored, i, i)
  await eventually(() => frames === 100)
  expect(chunks).toBe(1)
})

test('it is busy while the other end does not read, and says when it is not any more', async () => {
  const [near, far] = await sockets()
  let freed = 0
  far.pause()
  const wire = new Wire(near, {
    ...quiet,
    freed() {
      freed += 1
    },
  })
  expect(wire.isBusy()).toBe(false)
  const part = Buffer.alloc(100_000)
  for (let i = 0; i < 30; i++) wire.sendBytes(kind.publish, 1, 1, part)
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(wire.isBusy()).toBe(true)
  expect(freed).toBe(0)
  far.resume()
  await eventually(() => freed === 1)
  expect(wire.isBusy()).toBe(false)
})

test('the end of the other side is told once, and what is written after it harms nobody', async () => {
  const [near, far] = await sockets()
  let closed = 0
  const wire = new Wire(near, {
    frame() {},
    closed() {
      closed += 1
    },
  })
  far.destroy()
  wire.send(kind.stored, 1, 1)
  await eventually(() => closed === 1)
  wire.sendBytes(kind.publish, 1, 1, Buffer.alloc(10))
  wire.flush()
  wire.destroy()
  await new Promise((resolve) => setTimeout(resolve, 20))
  expect(closed).toBe(1)
})

test('heads and payloads come apart as they were put together', async () => {
  const [near, far] = await sockets()
  const seen: unknown[] = []
  new Wire(far, {
    frame(frame) {
      if (frame.kind === kind.known) seen.push(readJson(frame))
      else {
        const { head, payload } = readHeaded(frame)
        seen.push(head, payload.toString('hex'))
      }
    },
    closed() {},
  })
  const wire = new Wire(near, quiet)
  sendJson(wire, kind.known, 1, { clientId: 'nörth/det-1' })
  sendHeaded(wire, kind.relay, 0, { topic: 'nörth' }, Buffer.from([0, 255, 10]))
  sendHeaded(wire, kind.relay, 0, {}, Buffer.alloc(0))
  await eventually(() => seen.length === 5)
  expect(seen).toEqual([{ clientId: 'nörth/det-1' }, { topic: 'nörth' }, '00ff0a', {}, ''])
})
