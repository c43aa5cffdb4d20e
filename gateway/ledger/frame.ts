/**
 * The records of one group commit as bytes, one after the other. Pure: no files, no threads, only bytes.
 *
 *   0           4                12           14           16
 *   | bytes u32 | receivedAtMs   | topic      | notes      | topic …  | notes …  | payload …      |
 *   | of it all | f64            | bytes u16  | bytes u16  | UTF-8    | JSON     | as it came     |
 *
 * - Little-endian. `bytes` counts the whole frame, so the payload is what the rest leaves.
 * - Offsets are not stored: the first is the key of the row, the others follow by counting.
 * - The checksum over all frames of a row stands in the row; a frame that does not add up is damage.
 */

import { TopicMalformed } from '../../schemas/errors.ts'
import { decodePayload } from '../../schemas/payload.ts'
import { createTopicCache } from '../kit/topic-cache.ts'
import type {
  BytesEntry,
  LedgerEntry,
  LogOffset,
  ParsedMessage,
  ParsedRecord,
  RecordNotes,
} from './record.ts'

export const frameHeaderBytes = 16
export const topicBytesMax = 65_535 // What MQTT allows, and what u16 holds.
const notesBytesMax = 65_535

/** At least as many bytes as the frame will take (a UTF-16 unit is at most three bytes of UTF-8). */
export function frameBytesMax(topic: string, notesJson: string, payload: Uint8Array): number {
  return frameHeaderBytes + 3 * topic.length + 3 * notesJson.length + payload.length
}

/** Findings as they are stored; what does not fit is left out, since findings never outweigh the message. */
export function encodeNotes(notes: RecordNotes | undefined): string {
  if (notes === undefined) return ''
  const json = JSON.stringify(notes)
  if (Buffer.byteLength(json) <= notesBytesMax) return json
  const { qualities: _, ...rest } = notes
  return JSON.stringify(rest)
}

/** Writes a frame at `at`, which must leave frameBytesMax, and answers where it ends. */
export function writeFrame(
  into: Buffer,
  at: number,
  entry: LedgerEntry,
  notesJson: string,
): number {
  const topicBytes = into.write(entry.topic, at + frameHeaderBytes)
  let end = at + frameHeaderBytes + topicBytes
  const notesBytes = notesJson === '' ? 0 : into.write(notesJson, end)
  end += notesBytes
  into.set(entry.payload, end)
  end += entry.payload.length
  into.writeUInt32LE(end - at, at)
  into.writeDoubleLE(entry.receivedAtMs, at + 4)
  into.writeUInt16LE(topicBytes, at + 12)
  into.writeUInt16LE(notesBytes, at + 14)
  return end
}

/** The same for a message straight from bytes; wants frameHeaderBytes beside topic and payload. */
export function writeBytesFrame(into: Buffer, at: number, entry: BytesEntry): number {
  const { topicBytes, bytes, from, to } = entry
  const topicAt = at + frameHeaderBytes
  const payloadAt = topicAt + topicBytes.length
  const end = payloadAt + to - from
  into.set(topicBytes, topicAt)
  bytes.copy(into, payloadAt, from, to)
  into.writeUInt32LE(end - at, at)
  into.writeDoubleLE(entry.receivedAtMs, at + 4)
  into.writeUInt32LE(topicBytes.length, at + 12) // Both lengths at once: notes have none.
  return end
}

/** Where the frame at `at` ends, or undefined where there is no whole frame before `end`. */
export function frameEnd(bytes: Buffer, at: number, end: number): number | undefined {
  if (at + frameHeaderBytes > end) return undefined
  const next = at + bytes.readUInt32LE(at)
  const content = at + frameHeaderBytes + bytes.readUInt16LE(at + 12) + bytes.readUInt16LE(at + 14)
  return next > end || content > next ? undefined : next
}

/** Where the topic of a frame begins. */
export function topicStart(at: number): number {
  return at + frameHeaderBytes
}

/** Where the topic of a frame ends and its payload begins, of a record without notes; undefined where it has some. */
export function plainTopicEnd(bytes: Buffer, at: number): number | undefined {
  const hasNotes = bytes.readUInt16LE(at + 14) > 0
  return hasNotes ? undefined : at + frameHeaderBytes + bytes.readUInt16LE(at + 12)
}

/** The record whose frame begins at `at` (frameEnd has said that there is one). It looks into `bytes`, it copies nothing. */
export function readFrame(
  bytes: Buffer,
  at: number,
  offset: LogOffset,
  message?: ParsedMessage,
): ParsedRecord {
  return new FramedRecord(bytes, at, offset, message)
}

class FramedRecord implements ParsedRecord {
  readonly offset: LogOffset
  readonly receivedAtMs: number
  readonly topic: string
  readonly payload: Buffer
  readonly notes?: RecordNotes
  #message: ParsedMessage | undefined

  constructor(bytes: Buffer, at: number, offset: LogOffset, message: ParsedMessage | undefined) {
    this.#message = message
    const topicEnd = at + frameHeaderBytes + bytes.readUInt16LE(at + 12)
    const notesEnd = topicEnd + bytes.readUInt16LE(at + 14)
    this.offset = offset
    this.receivedAtMs = bytes.readDoubleLE(at + 4)
    this.topic = bytes.toString('utf8', at + frameHeaderBytes, topicEnd)
    this.payload = bytes.subarray(notesEnd, at + bytes.readUInt32LE(at))
    if (notesEnd > topicEnd) this.notes = JSON.parse(bytes.toString('utf8', topicEnd, notesEnd))
  }

  get message(): ParsedMessage {
    this.#message ??= parseMessage(this.topic, this.payload)
    return this.#message
  }
}

/** Shared by all readers of this thread; bounded. */
const topicOf = createTopicCache()

/** @throws IG_ERR_MSG_NOT_JSON, IG_ERR_TOPIC_MALFORMED */
function parseMessage(text: string, payload: Uint8Array): ParsedMessage {
  const topic = topicOf(text)
  if (topic === undefined) throw TopicMalformed(text, 'no gateway stores such a topic')
  const decoded = decodePayload(payload)
  if ('error' in decoded) throw decoded.error
  return { topic, value: decoded.value }
}
