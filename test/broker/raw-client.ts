/** MQTT by hand over TLS, for what a well-behaved client never does. */
import { readFileSync } from 'node:fs'
import type { Duplex } from 'node:stream'
import { connect, type TLSSocket } from 'node:tls'
import { onTestFinished } from 'vitest'
import type { House } from './house.ts'

export async function openRaw(house: House, name: string): Promise<TLSSocket> {
  const { paths } = house.authority
  const socket = connect({
    host: 'localhost',
    port: house.port,
    ca: readFileSync(paths.caCert),
    cert: readFileSync(paths.cert(name)),
    key: readFileSync(paths.key(name)),
  })
  socket.on('error', () => {})
  onTestFinished(() => {
    socket.destroy()
  })
  await new Promise((resolve) => socket.once('secureConnect', resolve))
  return socket
}

const text = (value: string) => {
  const bytes = Buffer.from(value)
  return Buffer.concat([Buffer.from([bytes.length >> 8, bytes.length & 0xff]), bytes])
}

/** A packet: its first byte, the length of what follows, what follows. */
export function frame(first: number, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts)
  const header = [first]
  let left = body.length
  do {
    const byte = left & 0x7f
    left >>= 7
    header.push(left > 0 ? byte | 0x80 : byte)
  } while (left > 0)
  return Buffer.concat([Buffer.from(header), body])
}

export interface ConnectOptions {
  readonly level?: number
  readonly flags?: number
  readonly keepAliveS?: number
}

export const packets = {
  connect: (id: string, { level = 4, flags = 2, keepAliveS = 60 }: ConnectOptions = {}) =>
    frame(
      0x10,
      text('MQTT'),
      Buffer.from([level, flags, keepAliveS >> 8, keepAliveS & 0xff]),
      ...(level === 5 ? [Buffer.from([0])] : []),
      text(id),
    ),
  subscribe: (id: number, filter: string, qos: number) =>
    frame(0x82, Buffer.from([id >> 8, id & 0xff]), text(filter), Buffer.from([qos])),
  publish: (id: number, topic: string, payload: string, qos = 1) =>
    frame(
      0x30 | (qos << 1),
      text(topic),
      ...(qos > 0 ? [Buffer.from([id >> 8, id & 0xff])] : []),
      Buffer.from(payload),
    ),
  disconnect: Buffer.from([0xe0, 0]),
}

/** Reads until so many bytes have come. */
export async function readBytes(socket: Duplex, count: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  return await new Promise((resolve, reject) => {
    const take = (chunk: Buffer) => {
      chunks.push(chunk)
      length += chunk.length
      if (length < count) return
      socket.off('data', take)
      socket.pause()
      resolve(Buffer.concat(chunks))
    }
    socket.on('data', take)
    socket.once('close', () => reject(new Error(`closed after ${length} bytes`)))
    socket.resume()
  })
}
