/**
 * A connection at a door, as the gateway knows it: its publishes go to the gate, the answers back in their order.
 *
 * - Who takes the express lane is decided here: a message that the gate's lane takes and nobody reads.
 * - What the gate lets subscribers have goes to the readers at all other doors, also when the sender's door is gone by then:
 *   the message is stored.
 * - Its will is kept for the case that its door dies: a door that lives brings wills to the gate itself.
 */
import type { CodedError } from '../../schemas/coded-error.ts'
import { plainError } from '../kit/plain-error.ts'
import type { Audience, Place } from './audience.ts'
import type { Claimant } from './client-ids.ts'
import {
  answers,
  kind,
  publishFlags,
  publishHeadBytes,
  sendJson,
  topicLengthBytes,
  unnumbered,
} from './messages.ts'
import type { ExpressLane, ExpressSender, Gate, GateAnswer, Identity, LastWill } from './ports.ts'
import type { Frame, Wire } from './wire.ts'

/** The door a connection came in at. */
export interface RemoteDoor extends Place {
  readonly wire: Wire
}

export interface RemoteConnectionPorts<D extends RemoteDoor> {
  readonly gate: Gate
  readonly audience: Audience<D | Place>
}

interface RemoteTopic {
  readonly text: string
  lane: ExpressLane | undefined
}

/** At the gate, and not on the express lane. */
interface Waiting {
  answer: GateAnswer | undefined
  readonly topic: string
  readonly payload: Buffer
  readonly flags: number
  readonly packetId: number
}

export class RemoteConnection<D extends RemoteDoor = RemoteDoor>
  implements ExpressSender, Claimant
{
  readonly number: number
  readonly identity: Identity
  readonly clientId: string
  readonly door: D
  will: LastWill | undefined
  readonly #ports: RemoteConnectionPorts<D>
  readonly #topics: RemoteTopic[] = []
  readonly #waiting: Waiting[] = []

  constructor(
    number: number,
    who: { readonly identity: Identity; readonly clientId: string },
    door: D,
    ports: RemoteConnectionPorts<D>,
  ) {
    this.number = number
    this.identity = who.identity
    this.clientId = who.clientId
    this.door = door
    this.#ports = ports
  }

  grant(): void {
    this.door.wire.send(kind.granted, this.number)
  }

  end(): void {
    this.door.wire.send(kind.end, this.number)
  }

  stored(packetId: number): void {
    this.door.wire.send(kind.stored, this.number, packetId)
  }

  refused(error: CodedError): void {
    sendJson(this.door.wire, kind.refused, this.number, plainError(error))
  }

  /** Its door has died, and it cannot say so itself. */
  sayWill(): void {
    if (this.will === undefined) return
    const { topic, payload, qos, retain } = this.will
    const flags = (qos === 0 ? 0 : publishFlags.qos1) | (retain ? publishFlags.retain : 0)
    this.#admit(topic, payload, flags, 0)
  }

  /** A publish as it came over the wire. */
  take({ bytes, from, to, small: packetId }: Frame): void {
    const flags = bytes[from + 2] as number
    const number = bytes.readUInt16LE(from)
    let at = from + publishHeadBytes
    let topic = this.#topics[number]
    if ((flags & publishFlags.hasTopic) !== 0) {
      const textAt = at + topicLengthBytes
      at = textAt + bytes.readUInt16LE(at)
      topic = { text: bytes.toString('utf8', textAt, at), lane: undefined }
      if (number !== unnumbered) this.#topics[number] = topic
    }
    if (topic === undefined) throw new Error(`topic ${number} was never spelt`)
    if ((flags & publishFlags.express) !== 0 && this.#express(topic, bytes, at, to, packetId))
      return
    this.#admit(topic.text, bytes.subarray(at, to), flags, packetId)
  }

  #express(topic: RemoteTopic, bytes: Buffer, from: number, to: number, packetId: number): boolean {
    const { gate, audience } = this.#ports
    if (audience.isRead(topic.text)) return false
    if (topic.lane === undefined || topic.lane.isGone)
      topic.lane = gate.express(this.identity, topic.text)
    return topic.lane?.admit(bytes, from, to, this, packetId) ?? false
  }

  #admit(topic: string, payload: Buffer, flags: number, packetId: number): void {
    const waiting: Waiting = { answer: undefined, topic, payload, flags, packetId }
    this.#waiting.push(waiting)
    const arrival = {
      identity: this.identity,
      clientId: this.clientId,
      topic,
      payload,
      qos: (flags & publishFlags.qos1) !== 0 ? (1 as const) : (0 as const),
      retain: (flags & publishFlags.retain) !== 0,
      dup: (flags & publishFlags.dup) !== 0,
    }
    this.#ports.gate.admit(arrival, (answer) => {
      waiting.answer ??= answer
      this.#answerInOrder()
    })
  }

  #answerInOrder(): void {
    while (this.#waiting[0]?.answer !== undefined) this.#tell(this.#waiting.shift() as Waiting)
  }

  #tell({ answer, topic, payload, flags, packetId }: Waiting): void {
    if (answer?.kind === 'acknowledge' && answer.forward) {
      const qos = (flags & publishFlags.qos1) !== 0 ? 1 : 0
      const retain = (flags & publishFlags.retain) !== 0
      this.#ports.audience.relay(topic, payload, { qos, retain }, this.door)
    }
    if ((flags & publishFlags.express) !== 0) {
      if (answer?.kind === 'close') this.refused(answer.error)
      else this.stored(packetId)
    } else if (answer?.kind === 'close') {
      const rest = Buffer.from(JSON.stringify(plainError(answer.error)))
      this.door.wire.sendBytes(kind.answer, this.number, answers.close, rest)
    } else {
      const small = answer?.forward ? answers.forward : answers.quiet
      this.door.wire.send(kind.answer, this.number, small)
    }
  }
}
