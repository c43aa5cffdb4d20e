/**
 * One TraCI connection: requests out, replies in, in strict turn as the protocol demands.
 *
 * - Several commands travel in one message (`send`), so a step costs one round trip.
 * - Subscribed values arrive with every step and are handed on object by object.
 * - A refusal by SUMO is an error carrying SUMO's own sentence; a lost connection fails the request under way.
 *
 * It knows no traffic: which variables to read and what they mean is the caller's (variables.ts has their numbers).
 */
import { Buffer } from 'node:buffer'
import { connect, type Socket } from 'node:net'
import { TraciReader, type TraciValue, TraciWriter } from './traci-codec.ts'

const command = { version: 0x00, step: 0x02, setOrder: 0x03, close: 0x7f } as const

/** Reply ids lie this far above the command's: 0xa2 is answered by 0xb2, 0xd4 by 0xe4. */
const replyOffset = 0x10
const subscriptionForever = 1_073_741_824
const statusOk = 0x00

export interface Subscribed {
  /** Reply id: 0xe0 plus the domain. */
  readonly domain: number
  readonly objectId: string
  readonly values: ReadonlyMap<number, TraciValue>
}

export class TraciRefused extends Error {
  readonly commandId: number
  constructor(commandId: number, sentence: string) {
    super(`SUMO refused command 0x${commandId.toString(16)}: ${sentence}`)
    this.commandId = commandId
  }
}

interface Waiting {
  resolve(reply: TraciReader): void
  reject(error: Error): void
}

export class TraciClient {
  readonly #socket: Socket
  #received: Buffer[] = []
  #receivedBytes = 0
  #waiting: Waiting | undefined
  #lost: Error | undefined

  constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.#take(chunk))
    socket.on('error', (error) => this.#fail(error))
    socket.on('close', () => this.#fail(new Error('SUMO closed the TraCI connection')))
  }

  async version(): Promise<{ api: number; name: string }> {
    const reply = await this.#exchange([new TraciWriter().command(command.version)])
    readStatus(reply, command.version)
    reply.commandLength()
    reply.u8()
    return { api: reply.i32(), name: reply.string() }
  }

  /** One variable of one object; `parameter` for the variables that take one typed string. */
  async get(
    getId: number,
    variable: number,
    objectId: string,
    parameter?: string,
  ): Promise<TraciValue> {
    const writer = new TraciWriter().u8(variable).string(objectId)
    if (parameter !== undefined) writer.typedString(parameter)
    const reply = await this.#exchange([writer.command(getId)])
    readStatus(reply, getId)
    reply.commandLength()
    reply.u8()
    reply.u8()
    reply.string()
    return reply.value()
  }

  /**
   * Sends prepared commands (setString, subscribe) and then one step, all in one message.
   * Answers with the subscriptions that came with the step, and those that answered the new ones. A subscription SUMO
   * refuses is none: what it was for has left in the meantime.
   */
  async step(before: readonly Outgoing[]): Promise<Subscribed[]> {
    const stepBytes = new TraciWriter().f64(0).command(command.step)
    const reply = await this.#exchange([...before.map((each) => each.bytes), stepBytes])
    const subscribed: Subscribed[] = []
    for (const each of before) {
      try {
        readStatus(reply, each.commandId)
      } catch (error) {
        if (each.answersWithValues && error instanceof TraciRefused) continue
        throw error
      }
      if (each.answersWithValues) subscribed.push(readSubscription(reply))
    }
    readStatus(reply, command.step)
    const count = reply.i32()
    for (let index = 0; index < count; index++) subscribed.push(readSubscription(reply))
    return subscribed
  }

  async close(): Promise<void> {
    try {
      const reply = await this.#exchange([new TraciWriter().command(command.close)])
      readStatus(reply, command.close)
    } finally {
      this.#socket.destroy()
    }
  }

  destroy(): void {
    this.#socket.destroy()
  }

  #exchange(commands: readonly Buffer[]): Promise<TraciReader> {
    if (this.#lost !== undefined) return Promise.reject(this.#lost)
    if (this.#waiting !== undefined) {
      return Promise.reject(new Error('BUG: a TraCI request while another waits for its reply'))
    }
    const length = Buffer.allocUnsafe(4)
    length.writeInt32BE(commands.reduce((sum, each) => sum + each.length, 4))
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      this.#socket.write(Buffer.concat([length, ...commands]))
    })
  }

  #take(chunk: Buffer): void {
    this.#received.push(chunk)
    this.#receivedBytes += chunk.length
    if (this.#receivedBytes < 4) return
    let bytes = this.#received.length === 1 ? chunk : undefined
    if ((this.#received[0] as Buffer).length < 4) bytes = Buffer.concat(this.#received)
    const length = (bytes ?? (this.#received[0] as Buffer)).readInt32BE(0)
    if (this.#receivedBytes < length) return
    const whole = bytes ?? Buffer.concat(this.#received)
    this.#received = []
    this.#receivedBytes = 0
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.resolve(new TraciReader(whole.subarray(4, length)))
  }

  #fail(error: Error): void {
    this.#lost ??= error
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.reject(error)
  }
}

export interface Outgoing {
  readonly commandId: number
  readonly bytes: Buffer
  readonly answersWithValues: boolean
}

export function setString(
  setId: number,
  variable: number,
  objectId: string,
  value: string,
): Outgoing {
  const bytes = new TraciWriter().u8(variable).string(objectId).typedString(value).command(setId)
  return { commandId: setId, bytes, answersWithValues: false }
}

export function subscribe(
  subscribeId: number,
  objectId: string,
  variables: readonly number[],
): Outgoing {
  const writer = new TraciWriter().f64(0).f64(subscriptionForever).string(objectId)
  writer.u8(variables.length)
  for (const variable of variables) writer.u8(variable)
  return { commandId: subscribeId, bytes: writer.command(subscribeId), answersWithValues: true }
}

export function connectTraci(port: number, host = '127.0.0.1'): Promise<TraciClient> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host)
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject)
      resolve(new TraciClient(socket))
    })
  })
}

function readStatus(reply: TraciReader, commandId: number): void {
  reply.commandLength()
  const answered = reply.u8()
  const result = reply.u8()
  const sentence = reply.string()
  if (answered !== commandId) {
    throw new Error(`BUG: reply 0x${answered.toString(16)} to command 0x${commandId.toString(16)}`)
  }
  if (result !== statusOk) throw new TraciRefused(commandId, sentence)
}

function readSubscription(reply: TraciReader): Subscribed {
  reply.commandLength()
  const domain = reply.u8()
  const objectId = reply.string()
  const count = reply.u8()
  const values = new Map<number, TraciValue>()
  for (let index = 0; index < count; index++) {
    const variable = reply.u8()
    const status = reply.u8()
    const value = reply.value()
    if (status !== statusOk) throw new TraciRefused(domain - replyOffset, String(value))
    values.set(variable, value)
  }
  return { domain, objectId, values }
}
