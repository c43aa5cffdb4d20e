/**
 * The ledger as blocks, one a group commit, for the readers of the archive's thread.
 *
 * - What is read from the disk, checked and scanned for one reader serves the other: the latest blocks are kept, bounded
 *   in bytes, and dropped oldest first. A reader that is further behind reads for itself.
 * - A block of ordinary `traffic.queue` messages makes no object per message; `record` makes one where it is asked for.
 */
import { scanTrafficQueue, TrafficQueueScan } from '../../schemas/traffic-queue-scan.ts'
import { frameEnd, plainTopicEnd, readFrame, topicStart } from '../ledger/frame.ts'
import type { LedgerReader } from '../ledger/reader.ts'
import type { ParsedRecord } from '../ledger/record.ts'
import type { Frames } from '../ledger/rows.ts'
import { createKnownTopics } from './known-topics.ts'
import { type QueueColumns, QueueColumnsBuilder } from './queue-columns.ts'

export interface LedgerBlock {
  readonly firstOffset: number
  readonly count: number
  readonly queues: QueueColumns
  receivedAtMs(index: number): number
  record(index: number): ParsedRecord
}

export interface RecordBlocks {
  /**
   * The block that holds `from`, or the next one after it; undefined where there is none.
   * @throws IG_ERR_LEDGER_CORRUPT, and what SQLite throws
   */
  read(from: number): LedgerBlock | undefined
}

/** Some three seconds of 3,000 messages/s of 280 bytes thrice over; the columns take as much again. */
const keptBytesMax = 8_388_608
/** Some milliseconds of work at a time. */
const readBytesMax = 262_144

export function createRecordBlocks(
  ledger: Pick<LedgerReader, 'readFrames'>,
  bytesMax = keptBytesMax,
): RecordBlocks {
  const topicOf = createKnownTopics()
  const scan = new TrafficQueueScan()
  const columns = new QueueColumnsBuilder()
  const kept = new Map<number, FramedBlock>()
  let keptBytes = 0

  function scanned(frames: Frames): FramedBlock {
    const { bytes, frameAt } = frames
    columns.begin(frameAt.length)
    for (let index = 0; index < frameAt.length; index++) {
      const at = frameAt[index] as number
      const topicEnd = plainTopicEnd(bytes, at)
      const known = topicEnd === undefined ? undefined : topicOf(bytes, topicStart(at), topicEnd)
      const end = frameEnd(bytes, at, bytes.length) as number
      if (known?.isQueue && scanTrafficQueue(bytes, topicEnd as number, end, scan))
        columns.add(bytes, known, scan)
      else columns.addOther()
    }
    return new FramedBlock(frames, columns.take())
  }

  function keep(block: FramedBlock): void {
    const before = kept.get(block.firstOffset)
    if (before) keptBytes -= before.bytes
    kept.set(block.firstOffset, block)
    keptBytes += block.bytes
    for (const [offset, { bytes }] of kept) {
      if (keptBytes <= bytesMax || kept.size === 1) return
      kept.delete(offset)
      keptBytes -= bytes
    }
  }

  return {
    read(from) {
      const next = kept.get(from)
      if (next) return next
      const read = ledger.readFrames(from, readBytesMax)
      const blocks = read.map((frames) => kept.get(frames.firstOffset) ?? scanned(frames))
      for (const block of blocks) keep(block)
      return blocks[0]
    },
  }
}

class FramedBlock implements LedgerBlock {
  readonly firstOffset: number
  readonly count: number
  readonly queues: QueueColumns
  readonly #frames: Frames

  constructor(frames: Frames, queues: QueueColumns) {
    this.firstOffset = frames.firstOffset
    this.count = frames.frameAt.length
    this.queues = queues
    this.#frames = frames
  }

  get bytes(): number {
    return this.#frames.bytes.length
  }

  receivedAtMs(index: number): number {
    const { bytes, frameAt } = this.#frames
    return bytes.readDoubleLE((frameAt[index] as number) + 4)
  }

  record(index: number): ParsedRecord {
    const { bytes, frameAt } = this.#frames
    return readFrame(bytes, frameAt[index] as number, this.firstOffset + index)
  }
}
