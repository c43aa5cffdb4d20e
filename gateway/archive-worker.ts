/**
 * The archive: history and the way to InfluxDB on a thread of their own. This file is both ends: `startArchive` for
 * the main thread, and the thread itself, which puts the two rooms together and reads the ledger read-only.
 *
 * - The main thread tells how far the ledger is durable; the archive tells how far each of its readers is.
 * - A thread that dies is started again and goes on at its cursors; what was told and not confirmed is told again.
 * - The archive lives in real time, also beside a simulated street.
 *
 *   main → thread   durable, told
 *   thread → main   cursor, confirmed, report (state and metrics), alarm, line
 */
import { randomInt } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { isMainThread, parentPort, workerData } from 'node:worker_threads'
import { isCodedError } from '../schemas/coded-error.ts'
import { ArchiveUnavailable } from './history/errors.ts'
import type { HistoryAccounts, HistoryAlarm, TrainingRow } from './history/ports.ts'
import type { HistoryQueries, Range, TrainingMark } from './history/queries.ts'
import type { RetentionOptions } from './history/retention.ts'
import type { InfluxOptions } from './influx/options.ts'
import type { InfluxMetrics, SinkAlarm } from './influx/ports.ts'
import type { PumpState } from './influx/pump.ts'
import type { DeadLetter } from './influx/sink-store.ts'
import { createSystemClock } from './kit/clock.ts'
import type { Log } from './kit/log.ts'
import type { Part } from './kit/part.ts'
import {
  createRelayLog,
  createRelayMetrics,
  playLine,
  playValues,
  type RelayedLine,
  type RelayedValue,
} from './kit/relay.ts'
import { createSupervisedThread, serveThread, type ThreadWork } from './kit/supervised-thread.ts'

export interface ArchiveOptions {
  /** Where ledger.db is. */
  readonly ledgerDir: string
  /** Where history.db and sink.db are kept. */
  readonly dir: string
  /** Without it nothing is written to a database. */
  readonly influx?: InfluxOptions
  readonly retention?: RetentionOptions
  readonly log: Log
  readonly metrics: InfluxMetrics
  /** Everything before `cursor` is kept by this reader; `rejected` of the latest records could not be. */
  readonly onCursor?: (reader: ArchiveReader, cursor: number, rejected: number) => void
  readonly onAlarm?: (alarm: ArchiveAlarm) => void
}

/** Somebody has to look; nothing is lost meanwhile. */
export type ArchiveAlarm = HistoryAlarm | SinkAlarm

export type ArchiveReader = 'history' | 'influx'

export interface ArchiveState {
  readonly history: {
    readonly cursor: number
    readonly accounts: HistoryAccounts
    readonly usedBytes: number
    /** Windows that came after their minute was closed. */
    readonly tooLate: number
  }
  readonly influx?: PumpState & { readonly cursor: number }
}

/** What may be asked: the history's queries, the sink's dead letters (newest first), and how things stand. */
export interface ArchiveQueries extends HistoryQueries {
  deadLetters(query: { limit: number; beforeId?: number }): readonly DeadLetter[]
  state(): ArchiveState
}

export interface Archive extends Part {
  /** The ledger is durable up to here, exclusive. Cheap enough for every group commit. */
  durable(end: number): void
  /** What the gateway tells of itself and the ledger does not hold: its own statuses and alarms, by topic. */
  append(topic: string, message: object, receivedAtMs: number): void
  /** @throws IG_ERR_ARCHIVE_UNAVAILABLE, IG_ERR_HISTORY_QUERY_INVALID */
  query<K extends keyof ArchiveQueries>(
    name: K,
    ...args: Parameters<ArchiveQueries[K]>
  ): Promise<ReturnType<ArchiveQueries[K]>>
  /** Minutes of all detectors, detector by detector. */
  training(range: Range): AsyncGenerator<TrainingRow>
  /** As of at most a second ago; undefined before the first report. */
  state(): ArchiveState | undefined
}

interface Told {
  readonly topic: string
  readonly payload: Uint8Array
  readonly receivedAtMs: number
}

type ThreadData = Pick<ArchiveOptions, 'ledgerDir' | 'dir' | 'influx' | 'retention'> & {
  readonly isArchive: true
}
type ToThread =
  | { readonly kind: 'durable'; readonly end: number }
  | { readonly kind: 'told'; readonly upTo: number; readonly messages: readonly Told[] }
type FromThread =
  | {
      readonly kind: 'cursor'
      readonly reader: ArchiveReader
      readonly cursor: number
      readonly rejected: number
    }
  | { readonly kind: 'confirmed'; readonly upTo: number }
  | {
      readonly kind: 'report'
      readonly state: ArchiveState
      readonly metrics: readonly RelayedValue[]
    }
  | { readonly kind: 'alarm'; readonly alarm: ArchiveAlarm }
  | { readonly kind: 'line'; readonly line: RelayedLine }

const tellEveryMs = 100 // Ends and told messages are put together; nobody sees an archive that is 100 ms older.
const toldMax = 100_000 // Unconfirmed in memory, about 50 MB: by then the thread has been dead for long.
const reportEveryMs = 1_000
const retryMs = 1_000

/** Allocates only; `start` begins. */
export function createArchive(options: ArchiveOptions): Archive {
  const { log } = options
  const clock = createSystemClock()
  let lastEnd: number | undefined
  let lastState: ArchiveState | undefined
  let unconfirmed: { readonly id: number; readonly told: Told }[] = []
  let lastTold = 0
  let sentTold = 0
  let isTelling = false
  const workerData: ThreadData = {
    isArchive: true,
    ledgerDir: options.ledgerDir,
    dir: options.dir,
    ...(options.influx ? { influx: options.influx } : {}),
    ...(options.retention ? { retention: options.retention } : {}),
  }
  const thread = createSupervisedThread<ToThread, FromThread>({
    url: new URL(import.meta.url),
    name: 'archive',
    workerData,
    log,
    clock,
    unavailable: (why) => ArchiveUnavailable(why),
    onOpened() {
      sentTold = 0 // What the thread before did not confirm is told again.
      tell()
    },
    onMessage: take,
  })

  function take(message: FromThread): void {
    switch (message.kind) {
      case 'cursor':
        options.onCursor?.(message.reader, message.cursor, message.rejected)
        break
      case 'confirmed':
        unconfirmed = unconfirmed.filter(({ id }) => id > message.upTo)
        break
      case 'report':
        lastState = message.state
        playValues(options.metrics as never, message.metrics)
        break
      case 'alarm':
        options.onAlarm?.(message.alarm)
        break
      case 'line':
        playLine(log, message.line)
    }
  }

  function tell(): void {
    isTelling = false
    const fresh = unconfirmed.filter(({ id }) => id > sentTold)
    if (fresh.length > 0) {
      sentTold = fresh.at(-1)!.id
      thread.post({ kind: 'told', upTo: sentTold, messages: fresh.map(({ told }) => told) })
    }
    if (lastEnd !== undefined) thread.post({ kind: 'durable', end: lastEnd })
  }

  function tellSoon(): void {
    if (isTelling) return
    isTelling = true
    clock.after(tellEveryMs, tell)
  }

  const archive: Archive = {
    name: 'archive',
    async start() {
      mkdirSync(options.dir, { recursive: true })
      await thread.start()
    },
    async stop(deadlineMs) {
      tell()
      await thread.stop(deadlineMs)
    },
    durable(end) {
      lastEnd = end
      tellSoon()
    },
    append(topic, message, receivedAtMs) {
      if (unconfirmed.length >= toldMax) {
        log.error({ code: ArchiveUnavailable.code }, 'a message of the gateway is not archived')
        return
      }
      lastTold += 1
      const payload = Buffer.from(JSON.stringify(message))
      unconfirmed.push({ id: lastTold, told: { topic, payload, receivedAtMs } })
      tellSoon()
    },
    query: (name, ...args) => thread.ask(name, args) as never,
    async *training(range) {
      let after: TrainingMark | undefined
      do {
        const page = await archive.query('training', after ? { ...range, after } : range)
        yield* page.rows
        after = page.next
      } while (after)
    },
    state: () => lastState,
  }
  return archive
}

/** @throws what opening the files or checking the options throws */
export async function startArchive(options: ArchiveOptions): Promise<Archive> {
  const archive = createArchive(options)
  await archive.start(new AbortController().signal)
  return archive
}

/** The thread. Its rooms are loaded here only, so that the main thread does not carry them. */
async function openArchive(
  data: ThreadData,
  say: (message: FromThread) => void,
): Promise<ThreadWork<ToThread>> {
  const { createRecordBlocks } = await import('./archive/record-blocks.ts')
  const { openHistory } = await import('./history/history.ts')
  const { createHistoryReader } = await import('./history/reader.ts')
  const { openInflux } = await import('./influx/influx.ts')
  const { openLedgerReader } = await import('./ledger/reader.ts')
  const clock = createSystemClock()
  const log = createRelayLog((line) => say({ kind: 'line', line }))
  const relay = createRelayMetrics()
  const ledger = openLedgerReader({ dir: data.ledgerDir })
  let end: number | undefined
  const durableEnd = () => end ?? 0

  const blocks = createRecordBlocks(ledger)
  /** Damage is told and tried again: a reader must not end because of it. */
  const read = (from: number) => {
    try {
      return blocks.read(from)
    } catch (err) {
      const code = isCodedError(err) ? err.code : 'IG_ERR_LEDGER_UNREADABLE'
      log.error({ code, err, offset: from }, 'the archive cannot read the ledger')
      return undefined
    }
  }
  const { retention } = data
  const path = join(data.dir, 'history.db')
  const history = openHistory(retention ? { path, log, retention } : { path, log })
  const reader = createHistoryReader({
    history,
    read,
    end: durableEnd,
    clock,
    log,
    onCursor: (cursor, rejected) => say({ kind: 'cursor', reader: 'history', cursor, rejected }),
    onAlarm: (alarm) => say({ kind: 'alarm', alarm }),
  })
  const influx =
    data.influx &&
    openInflux({
      options: data.influx,
      path: join(data.dir, 'sink.db'),
      read,
      end: durableEnd,
      clock,
      random: () => randomInt(2 ** 32) / 2 ** 32,
      log,
      metrics: {
        points: relay.counter('points'),
        writeSeconds: relay.histogram('writeSeconds'),
        retries: relay.counter('retries'),
        lagRecords: relay.gauge('lagRecords'),
        lagSeconds: relay.gauge('lagSeconds'),
      },
      onAlarm: (alarm) => say({ kind: 'alarm', alarm }),
      onCursor: (cursor, rejected) => say({ kind: 'cursor', reader: 'influx', cursor, rejected }),
    })

  /** The readers begin once it is known where the ledger ends. */
  function begin(at: number): void {
    end = at
    history.resume(at)
    say({ kind: 'cursor', reader: 'history', cursor: history.cursor(), rejected: 0 })
    reader.start()
    if (!influx) return
    influx.start().catch((err) => log.error({ err }, 'the sink could not be opened'))
    say({ kind: 'cursor', reader: 'influx', cursor: influx.cursor(), rejected: 0 })
  }

  /** What was told and is not kept yet, in its order: a confirmation speaks for all before it. */
  const told: { readonly upTo: number; readonly messages: readonly Told[] }[] = []
  let isRetrying = false

  /** A disk that is full holds back the confirmation; what is told again is the same rows and points. */
  function keepTold(): void {
    for (let next = told[0]; next !== undefined && !isRetrying; next = told[0]) {
      const { upTo, messages } = next
      try {
        history.append(messages)
        if (influx && !influx.append(messages))
          log.error({ messages: messages.length }, 'no room to keep what the gateway told')
        told.shift()
        say({ kind: 'confirmed', upTo })
      } catch (err) {
        log.error({ err }, 'what the gateway told could not be kept')
        isRetrying = true
        clock.after(retryMs, () => {
          isRetrying = false
          keepTold()
        })
      }
    }
  }

  function state(): ArchiveState {
    const accounts = history.accounts(durableEnd())
    return {
      history: {
        cursor: history.cursor(),
        accounts,
        usedBytes: history.usedBytes(),
        tooLate: history.tooLate(),
      },
      ...(influx ? { influx: { ...influx.state(), cursor: influx.cursor() } } : {}),
    }
  }

  const report = () => say({ kind: 'report', state: state(), metrics: relay.take() })
  const cancelReports = clock.every(reportEveryMs, report)
  return {
    handle(message) {
      if (message.kind === 'told') {
        told.push(message)
        keepTold()
      } else if (end === undefined) begin(message.end)
      else {
        end = message.end
        reader.notify()
        influx?.notify()
      }
    },
    answer(name, [query]) {
      if (name === 'state') return state()
      if (name === 'deadLetters') {
        const { limit, beforeId } = query as { limit: number; beforeId?: number }
        return influx?.deadLetters(limit, beforeId) ?? []
      }
      if (!Object.hasOwn(history.queries, name)) throw new Error(`no query ${name}`)
      reader.catchUp()
      return history.queries[name as keyof HistoryQueries](query as never)
    },
    async stop(deadlineMs) {
      cancelReports()
      await Promise.all([reader.stop(deadlineMs), influx?.stop(deadlineMs)])
      report()
      history.close()
      ledger.close()
    },
  }
}

if (!isMainThread && parentPort && (workerData as Partial<ThreadData> | null)?.isArchive) {
  const data = workerData as ThreadData
  await serveThread<ToThread, FromThread>(parentPort, (say) => openArchive(data, say))
}
