/**
 * A batch: records of one or more sources as points, with the way back from a point to its record, and where
 * each source stands when the batch is written.
 *
 * - Bounded by points; the last record may overshoot by what one message holds.
 * - A record without points belongs to the batch too: it is written when the batch is.
 */
import type { PointMapper } from './points.ts'
import type { Point, ReadBounds, SourceRecord } from './ports.ts'

/** Something that is read from a position on: the ledger, or what the gateway told. */
export interface Source {
  readonly name: string
  /** End of what may be read, exclusive. */
  end(): number
  read(from: number, bounds: ReadBounds): readonly SourceRecord[]
}

export interface BatchRecord {
  readonly source: number
  readonly offset: number
  readonly topic: string
  readonly receivedAtMs: number
}

export interface Batch {
  readonly points: Point[]
  /** Index of the record of each point. */
  readonly recordOf: number[]
  readonly records: BatchRecord[]
  /** By source: where it begins and where it ends, exclusive. */
  readonly from: number[]
  readonly to: number[]
  /** By source: first offset met; undefined where nothing was read. */
  readonly first: (number | undefined)[]
}

const readBounds: ReadBounds = { recordsMax: 5_000, bytesMax: 1_048_576 } // Some milliseconds of work at a time.

/** Keeps what was read and did not fit a batch for the next one, since reading it again would cost as much. */
export function withReadAhead(source: Source): Source {
  let kept: readonly SourceRecord[] = []
  return {
    name: source.name,
    end: () => source.end(),
    read(from, bounds) {
      const at = kept.findIndex((record) => record.offset === from)
      kept = at < 0 ? source.read(from, bounds) : kept.slice(at)
      return kept
    },
  }
}

export function createBatch(from: readonly number[]): Batch {
  return {
    points: [],
    recordOf: [],
    records: [],
    from: [...from],
    to: [...from],
    first: from.map(() => undefined),
  }
}

/** Adds what there is until the batch holds `pointsMax` points. True when it is full. */
export function fillBatch(
  batch: Batch,
  sources: readonly Source[],
  mapper: PointMapper,
  pointsMax: number,
): boolean {
  // A source whose messages have no points must not make an endless batch either.
  const isFull = () => batch.points.length >= pointsMax || batch.records.length >= pointsMax * 4
  for (const [at, source] of sources.entries()) {
    while (!isFull() && batch.to[at]! < source.end()) {
      const records = source.read(batch.to[at]!, readBounds)
      if (records.length === 0) break
      for (const record of records) {
        if (isFull() || record.offset >= source.end()) break
        batch.first[at] ??= record.offset
        addRecord(batch, at, record, mapper)
      }
    }
  }
  return isFull()
}

function addRecord(batch: Batch, source: number, record: SourceRecord, mapper: PointMapper): void {
  const index = batch.records.length
  const { offset, topic, receivedAtMs } = record
  batch.records.push({ source, offset, topic, receivedAtMs })
  mapper.map(record, batch.points)
  while (batch.recordOf.length < batch.points.length) batch.recordOf.push(index)
  batch.to[source] = offset + 1
}
