/** A ledger of an array, and messages to put into it: for tests of readers. */
import type { Source } from '../../../gateway/influx/batch.ts'
import type { SourceRecord } from '../../../gateway/influx/ports.ts'
import { blockOf, type PlainBlock } from '../../../gateway/influx/record-block.ts'

const blockRecords = 50

export interface MemorySource extends Source {
  read(from: number): PlainBlock | undefined
  append(topic: string, message: unknown, notes?: SourceRecord['notes']): number
}

export function createMemorySource(name = 'ledger', receivedAtMs = () => 0): MemorySource {
  const records: SourceRecord[] = []
  return {
    name,
    end: () => records.length,
    read: (from) => blockOf(records.slice(from, from + blockRecords)),
    append(topic, message, notes) {
      const payload = Buffer.from(JSON.stringify(message))
      const record = { offset: records.length, receivedAtMs: receivedAtMs(), topic, payload }
      records.push(notes ? { ...record, notes } : record)
      return record.offset
    },
  }
}

/** A traffic.count of one entry with one detector. */
export function count(atMs: number, vehicles: number, more: object = {}) {
  const values = { windowMs: 60_000, detectors: { 'dl/1': { vehicles, ...more } } }
  return { entries: [{ ts: new Date(atMs).toISOString(), seq: vehicles, values }] }
}
