/**
 * A batch: records of one or more sources as lines, with the way back from a line to its record, and where each source
 * stands when the batch is written.
 *
 * - Bounded by lines; the last record may overshoot by what one message holds.
 * - A record without lines belongs to the batch too: it is written when the batch is.
 */
import type { NodeId } from '../../schemas/ids.ts'
import { formatLine } from './line.ts'
import { LineBuffer } from './line-buffer.ts'
import type { PointMapper } from './points.ts'
import type { Point } from './ports.ts'
import { addQueueLines } from './queue-lines.ts'
import type { QueueColumns, RecordBlock } from './record-block.ts'

/** Something that is read from a position on: the ledger, or what the gateway told. */
export interface Source {
  readonly name: string
  /** End of what may be read, exclusive. */
  end(): number
  /** The block that holds `from`, or the next one; undefined where there is none. */
  read(from: number): RecordBlock | undefined
}

export interface Batch {
  readonly lines: LineBuffer
  /** By line: its record's source and offset. */
  readonly sourceOf: number[]
  readonly offsetOf: number[]
  /** By source: where it begins and where it ends, exclusive, and how many records there were. */
  readonly from: number[]
  readonly to: number[]
  readonly records: number[]
  /** By source: first offset met; undefined where nothing was read. */
  readonly first: (number | undefined)[]
  /** When its first record was received; undefined while it is empty. */
  oldestAtMs: number | undefined
}

/** Keeps the block that was read last: a batch that is full in the middle of it is followed by one that goes on there. */
export function withReadAhead(source: Source): Source {
  let kept: RecordBlock | undefined
  return {
    name: source.name,
    end: () => source.end(),
    read(from) {
      const isIn = kept && from >= kept.firstOffset && from < kept.firstOffset + kept.count
      if (!isIn) kept = source.read(from)
      return kept
    },
  }
}

/** `lines` are those of a batch that is through, if there is one: their memory is used again. */
export function createBatch(from: readonly number[], lines = new LineBuffer()): Batch {
  lines.clear()
  return {
    lines,
    sourceOf: [],
    offsetOf: [],
    from: [...from],
    to: [...from],
    records: from.map(() => 0),
    first: from.map(() => undefined),
    oldestAtMs: undefined,
  }
}

/** Adds what there is until the batch holds `linesMax` lines. True when it is full. */
export function fillBatch(
  batch: Batch,
  sources: readonly Source[],
  mapper: PointMapper,
  linesMax: number,
): boolean {
  for (const [at, source] of sources.entries()) {
    while (!isFull(batch, linesMax) && batch.to[at]! < source.end()) {
      const block = source.read(batch.to[at]!)
      if (block === undefined || block.firstOffset >= source.end()) break
      addBlock(batch, at, block, source.end(), mapper, linesMax)
    }
  }
  return isFull(batch, linesMax)
}

/** A source whose messages have no lines must not make an endless batch either. */
function isFull({ lines, records }: Batch, linesMax: number): boolean {
  return lines.count >= linesMax || records.some((count) => count >= linesMax * 4)
}

function addBlock(
  batch: Batch,
  source: number,
  block: RecordBlock,
  end: number,
  mapper: PointMapper,
  linesMax: number,
): void {
  const { lines, offsetOf, sourceOf } = batch
  const { firstOffset } = block
  const from = Math.max(0, batch.to[source]! - firstOffset)
  const to = Math.min(block.count, end - firstOffset)
  batch.first[source] ??= firstOffset + from
  batch.oldestAtMs ??= block.receivedAtMs(from)
  let index = from
  for (; index < to && lines.count < linesMax; index++) {
    addRecord(lines, block, index, mapper)
    while (offsetOf.length < lines.count) {
      offsetOf.push(firstOffset + index)
      sourceOf.push(source)
    }
  }
  batch.records[source]! += index - from
  batch.to[source] = firstOffset + index
}

const points: Point[] = []
const noNode = '' as NodeId

/** Of an entry, by its first lane. */
function nodeOf({ lanes, lanesEnd }: QueueColumns, entry: number): NodeId {
  const lane = entry === 0 ? 0 : (lanesEnd[entry - 1] as number)
  return lanes[lane]?.topic.node ?? noNode
}

function addRecord(lines: LineBuffer, block: RecordBlock, index: number, mapper: PointMapper) {
  const { queues } = block
  if (queues !== undefined) {
    const from = index === 0 ? 0 : (queues.entriesEnd[index - 1] as number)
    const to = queues.entriesEnd[index] as number
    if (from < to && !mapper.isMarked(nodeOf(queues, from))) {
      addQueueLines(queues, from, to, lines)
      return
    }
  }
  points.length = 0
  mapper.map(block.record(index), points)
  for (const point of points) {
    const text = formatLine(point)
    // A point without a value has nothing to be written: it is as good as there.
    if (text !== undefined) lines.add(text)
  }
}
