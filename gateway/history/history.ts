/**
 * The embedded history, always on: minutes, changes and events in one SQLite file. Synchronous; it runs in the
 * archive's worker, and in tests without one.
 *
 * - The cursor moves in the same transaction as what was read: after a crash nothing is missing, nothing counts twice.
 * - A record that cannot be taken apart is counted as rejected and passed; a disk that fails stops the reader instead.
 * - A ledger that ends before our cursor began anew: then we read it from its start, and the same rows stay the same.
 */
import type { DatabaseSync } from 'node:sqlite'
import type { TrafficCount } from '../../schemas/generated/messages.ts'
import { decodePayload } from '../../schemas/payload.ts'
import type { Log } from '../kit/log.ts'
import { createTopicCache } from '../kit/topic-cache.ts'
import { createComponents } from './components.ts'
import { createCounts } from './counts.ts'
import { openHistoryDatabase, transaction } from './database.ts'
import { createEvents } from './events.ts'
import type { HistoryAccounts, HistoryRecord } from './ports.ts'
import { type HistoryQueries, prepareQueries } from './queries.ts'
import { createQueues } from './queues.ts'
import type { RecordBlock } from './record-block.ts'
import { createRetention, type RetentionOptions, retentionDefault } from './retention.ts'

export interface HistoryOptions {
  readonly path: string
  readonly log: Log
  readonly retention?: RetentionOptions
}

export interface History {
  readonly queries: HistoryQueries
  /** Next offset to be read. */
  cursor(): number
  /** To be told the end of the ledger before the first `consume`. */
  resume(end: number): void
  /** What of the blocks is not read yet, in one transaction. Durable when it returns; answers how many were rejected. */
  consume(blocks: readonly RecordBlock[]): number
  /** What the gateway tells of itself, which is not in the ledger. Durable when it returns. */
  append(records: readonly HistoryRecord[]): void
  accounts(end: number): HistoryAccounts
  /** Windows that came after their minute was closed. */
  tooLate(): number
  /** A step of retention; true when there is more to do. */
  tend(): boolean
  usedBytes(): number
  close(): void
}

interface Reader {
  readonly cursor: number
  readonly start: number
  readonly written: number
  readonly rejected: number
}

const readerName = 'ledger'
const nobody: Reader = { cursor: 0, start: 0, written: 0, rejected: 0 }

/** @throws IG_ERR_HISTORY_UNREADABLE, IG_ERR_HISTORY_VERSION */
export function openHistory(options: HistoryOptions): History {
  const { log } = options
  const db = openHistoryDatabase(options.path)
  const writer = createWriter(db)
  const retention = createRetention(db, writer.counts, options.retention ?? retentionDefault)
  const load = db.prepare('SELECT cursor, start, written, rejected FROM reader WHERE name = ?')
  const save = db.prepare('INSERT OR REPLACE INTO reader VALUES (?, ?, ?, ?, ?)')
  const newest = db.prepare("SELECT value FROM fact WHERE name = 'newestReceivedMs'").get()
  const putNewest = db.prepare("INSERT OR REPLACE INTO fact VALUES ('newestReceivedMs', ?)")
  let reader: Reader = (load.get(readerName) as unknown as Reader | undefined) ?? nobody
  let newestMs = (newest?.value as number | undefined) ?? 0

  /** Durable when it returns, or nothing of it is. `work` answers the latest moment a record came. */
  function write(work: () => number): void {
    try {
      newestMs = transaction(db, () => {
        const latestMs = Math.max(newestMs, Math.floor(work()))
        if (latestMs > newestMs) putNewest.run(latestMs)
        return latestMs
      })
    } catch (error) {
      writer.forget()
      throw error
    }
  }

  return {
    queries: prepareQueries(db),
    cursor: () => reader.cursor,
    resume(end) {
      if (reader.cursor <= end) return
      log.error({ cursor: reader.cursor, end }, 'the ledger began anew; reading it from its start')
      reader = nobody
    },
    consume(blocks) {
      const last = blocks.at(-1)
      if (last === undefined) return 0
      const isNew = reader.written + reader.rejected === 0
      const first = Math.max(reader.cursor, blocks[0]!.firstOffset)
      if (first > reader.cursor && !isNew)
        log.error({ from: reader.cursor, offset: first }, 'records are missing in the ledger')
      let after = reader
      let rejected = 0
      write(() => {
        let latestMs = 0
        let count = 0
        for (const block of blocks) {
          for (let at = Math.max(0, first - block.firstOffset); at < block.count; at++) {
            latestMs = Math.max(latestMs, block.receivedAtMs(at))
            count += 1
            if (!writer.addFrom(block, at)) rejected += 1
          }
        }
        writer.flush()
        after = {
          cursor: last.firstOffset + last.count,
          start: isNew ? first : reader.start,
          written: reader.written + count - rejected,
          rejected: reader.rejected + rejected,
        }
        save.run(readerName, after.cursor, after.start, after.written, after.rejected)
        return latestMs
      })
      reader = after
      if (rejected > 0) log.warn({ rejected, offset: first }, 'records could not be taken apart')
      return rejected
    },
    append(records) {
      write(() => {
        for (const record of records) writer.add(record)
        writer.flush()
        return records.reduce((latestMs, record) => Math.max(latestMs, record.receivedAtMs), 0)
      })
    },
    accounts(end) {
      const { cursor, start, written, rejected } = reader
      const stored = Math.max(end, cursor) - start
      const pending = Math.max(end, cursor) - cursor
      return { stored, written, rejected, pending, residual: stored - written - rejected - pending }
    },
    tooLate: () => writer.counts.tooLate(),
    tend: () => retention.step(newestMs),
    usedBytes: () => retention.usedBytes(),
    close: () => db.close(),
  }
}

function createWriter(db: DatabaseSync) {
  const components = createComponents(db)
  const counts = createCounts(db, components)
  const queues = createQueues(db, components)
  const events = createEvents(db)
  const topicOf = createTopicCache()

  function route(record: HistoryRecord): void {
    const topic = topicOf(record.topic)
    if (!topic) throw new Error('the topic is none')
    const { node, type, code } = topic
    const what = type === 'replay' ? 'status' : type
    const handler = what === 'alarm' ? 'alarm' : what === 'status' ? code : ''
    if (!handled.has(handler)) return
    const decoded = decodePayload(record.payload)
    if ('error' in decoded) throw decoded.error
    const value = decoded.value as never
    const marked: HistoryRecord =
      type === 'replay' && !record.notes?.replay
        ? { ...record, notes: { ...record.notes, replay: true } }
        : record
    switch (handler) {
      case 'traffic.count':
        counts.add(node, marked, value as TrafficCount)
        break
      case 'traffic.queue':
        queues.add(node, marked, value)
        break
      case 'tlc.plan':
        events.plan(node, value)
        break
      case 'tlc.mode':
        events.mode(node, value)
        break
      case 'gateway.commands':
        events.commands(value)
        break
      case 'gateway.control':
        events.decisions(value)
        break
      case 'gateway.devices':
        events.devices(value)
        break
      case 'gateway.models':
        events.models(value)
        break
      case 'alarm':
        events.alarm(node, code, value)
        break
    }
  }

  /** False for a record that cannot be taken apart. */
  function add(record: HistoryRecord): boolean {
    try {
      route(record)
      return true
    } catch (error) {
      if ((error as { code?: string }).code === 'ERR_SQLITE_ERROR') throw error
      return false
    }
  }

  return {
    counts,
    add,
    /** The same for a record of a block, straight from its columns where it has some. */
    addFrom(block: RecordBlock, index: number): boolean {
      const { queues: columns } = block
      if (columns === undefined) return add(block.record(index))
      const from = index === 0 ? 0 : (columns.entriesEnd[index - 1] as number)
      const to = columns.entriesEnd[index] as number
      if (from === to) return add(block.record(index))
      queues.addEntries(columns, from, to)
      return true
    },
    flush(): void {
      counts.flush()
      queues.flush()
    },
    forget(): void {
      components.forget()
      counts.forget()
      queues.forget()
    },
  }
}

const handled: ReadonlySet<string> = new Set([
  'traffic.count',
  'traffic.queue',
  'tlc.plan',
  'tlc.mode',
  'gateway.commands',
  'gateway.control',
  'gateway.devices',
  'gateway.models',
  'alarm',
])
