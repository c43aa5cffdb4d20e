/**
 * The door's end: a publish gate, a registry of client ids and an observer that live in the gateway. The broker does not
 * notice that they are elsewhere.
 *
 * - Every topic has an express lane here: the gateway says which messages are ordinary enough to go straight to the ledger.
 * - Answers of a connection come back in order; each finds its connection by number, so nothing is kept per message on the
 *   express lane.
 * - It is busy while the gateway does not take what waits on the wire.
 */
import type { CodedError } from '../../schemas/coded-error.ts'
import { errorOf } from '../kit/plain-error.ts'
import { DoorUnavailable } from './errors.ts'
import {
  answers,
  kind,
  publishFlags,
  publishHeadBytes,
  readJson,
  sendHeaded,
  sendJson,
  topicLengthBytes,
  topicNumbersMax,
  unnumbered,
} from './messages.ts'
import type {
  Arrival,
  ExpressLane,
  ExpressSender,
  GateAnswer,
  Identity,
  LastWill,
} from './ports.ts'
import type { Frame, Wire } from './wire.ts'

interface Claim {
  readonly begin: () => void
  readonly end: () => void
  readonly will: LastWill | undefined
}

/** A connection as the wire knows it. */
interface Caller {
  readonly number: number
  readonly topics: Map<string, number>
  /** Publishes that were not on the express lane, oldest first. */
  readonly waiting: ((answer: GateAnswer) => void)[]
  /** Whoever sent them on the express lane, and how many. */
  sender: ExpressSender | undefined
  expressWaiting: number
  claim: Claim | undefined
  isReleased: boolean
}

const acknowledged: GateAnswer = { kind: 'acknowledge', forward: false }
const forwarded: GateAnswer = { kind: 'acknowledge', forward: true }

export class RemoteGate {
  readonly #wire: Wire
  readonly #door: number
  readonly #byIdentity = new WeakMap<Identity, Caller>()
  readonly #byNumber = new Map<number, Caller>()
  #lastNumber = 0

  constructor(wire: Wire, door: number) {
    this.#wire = wire
    this.#door = door
  }

  isBusy(): boolean {
    return this.#wire.isBusy()
  }

  /** Where a client's connection begins. */
  claim(identity: Identity, clientId: string, claim: Claim): void {
    const caller = this.#introduce(identity, clientId)
    caller.claim = claim
    if (claim.will !== undefined) {
      const { topic, payload, qos, retain } = claim.will
      sendHeaded(this.#wire, kind.will, caller.number, { topic, qos, retain }, payload)
    }
    this.#wire.send(kind.claim, caller.number)
  }

  release(identity: Identity): void {
    const caller = this.#byIdentity.get(identity)
    if (caller === undefined || caller.isReleased) return
    this.#byIdentity.delete(identity)
    caller.isReleased = true
    caller.claim = undefined
    this.#wire.send(kind.released, caller.number)
    this.#forgetWhenAnswered(caller)
  }

  clientReady(_clientId: string, identity: Identity): void {
    const caller = this.#byIdentity.get(identity)
    if (caller) this.#wire.send(kind.ready, caller.number)
  }

  clientGone(_clientId: string, identity: Identity): void {
    const caller = this.#byIdentity.get(identity)
    if (caller) this.#wire.send(kind.unready, caller.number)
  }

  admit(arrival: Arrival, answer: (answer: GateAnswer) => void): void {
    const { identity, clientId, topic, payload, qos, retain, dup } = arrival
    const known = this.#byIdentity.get(identity)
    // A will may come when its connection has been released already: it is a caller of its own.
    const caller = known ?? this.#introduce(identity, clientId)
    const flags =
      (qos > 0 ? publishFlags.qos1 : 0) |
      (retain ? publishFlags.retain : 0) |
      (dup ? publishFlags.dup : 0)
    caller.waiting.push(answer)
    this.#publish(caller, topic, flags, 0, payload, 0, payload.length)
    if (known === undefined) this.release(identity)
  }

  express(identity: Identity, topic: string): ExpressLane | undefined {
    const caller = this.#byIdentity.get(identity)
    // A topic without a number would be spelt out in each message: the long way bears that too.
    if (caller === undefined || !caller.topics.has(topic)) return undefined
    return {
      isGone: false,
      admit: (bytes, from, to, sender, packetId) => {
        caller.sender = sender
        caller.expressWaiting += 1
        const flags = publishFlags.express | (packetId > 0 ? publishFlags.qos1 : 0)
        this.#publish(caller, topic, flags, packetId, bytes, from, to)
        return true
      },
    }
  }

  /** True when the frame was for the gate. */
  take(frame: Frame): boolean {
    const caller = this.#byNumber.get(frame.number)
    switch (frame.kind) {
      case kind.stored:
        if (caller !== undefined) this.#told(caller)?.stored(frame.small)
        return true
      case kind.refused:
        if (caller !== undefined) this.#told(caller)?.refused(this.#errorIn(frame))
        return true
      case kind.answer:
        if (caller !== undefined) this.#answered(caller, frame)
        return true
      case kind.granted:
        caller?.claim?.begin()
        return true
      case kind.end:
        caller?.claim?.end()
        return true
      default:
        return false
    }
  }

  #introduce(identity: Identity, clientId: string): Caller {
    this.#lastNumber += 1
    const caller: Caller = {
      number: this.#lastNumber,
      topics: new Map(),
      waiting: [],
      sender: undefined,
      expressWaiting: 0,
      claim: undefined,
      isReleased: false,
    }
    this.#byIdentity.set(identity, caller)
    this.#byNumber.set(caller.number, caller)
    const { role, name, serial } = identity
    sendJson(this.#wire, kind.known, caller.number, { identity: { role, name, serial }, clientId })
    return caller
  }

  #publish(
    caller: Caller,
    topic: string,
    flags: number,
    packetId: number,
    bytes: Buffer,
    from: number,
    to: number,
  ): void {
    let number = caller.topics.get(topic)
    const isNew = number === undefined
    if (number === undefined) {
      number = caller.topics.size < topicNumbersMax ? caller.topics.size : unnumbered
      if (number !== unnumbered) caller.topics.set(topic, number)
    }
    const textBytes = isNew ? Buffer.byteLength(topic) : 0
    const headBytes = publishHeadBytes + (isNew ? topicLengthBytes + textBytes : 0)
    const wire = this.#wire
    let at = wire.begin(kind.publish, caller.number, packetId, headBytes + to - from)
    const { scratch } = wire
    at = scratch.writeUInt16LE(number, at)
    at = scratch.writeUInt8(flags | (isNew ? publishFlags.hasTopic : 0), at)
    if (isNew) {
      at = scratch.writeUInt16LE(textBytes, at)
      at += scratch.write(topic, at)
    }
    bytes.copy(scratch, at, from, to)
  }

  #told(caller: Caller): ExpressSender | undefined {
    caller.expressWaiting -= 1
    if (caller.isReleased) this.#forgetWhenAnswered(caller)
    return caller.sender
  }

  #answered(caller: Caller, frame: Frame): void {
    const answer = caller.waiting.shift()
    if (caller.isReleased) this.#forgetWhenAnswered(caller)
    if (frame.small === answers.close) answer?.({ kind: 'close', error: this.#errorIn(frame) })
    else answer?.(frame.small === answers.forward ? forwarded : acknowledged)
  }

  #forgetWhenAnswered(caller: Caller): void {
    if (caller.waiting.length === 0 && caller.expressWaiting === 0)
      this.#byNumber.delete(caller.number)
  }

  #errorIn(frame: Frame): CodedError {
    return errorOf(readJson(frame), (why) => DoorUnavailable(this.#door, why))
  }
}
