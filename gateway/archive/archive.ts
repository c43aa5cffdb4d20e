/**
 * The archive: history and the way to InfluxDB on a thread of their own (worker.ts). This is the main thread's end.
 *
 * - The main thread tells how far the ledger is durable; the archive tells how far each of its readers is.
 * - A thread that dies is started again and goes on at its cursors; what was told and not confirmed is told again.
 * - The archive lives in real time, also beside a simulated street.
 */
import { mkdirSync } from 'node:fs'
import { ArchiveUnavailable } from '../history/errors.ts'
import type { TrainingRow } from '../history/ports.ts'
import type { Range, TrainingMark } from '../history/queries.ts'
import type { InfluxMetrics } from '../influx/ports.ts'
import { createSystemClock } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'
import type { Part } from '../kit/part.ts'
import { playLine, playValues } from '../kit/relay.ts'
import { createSupervisedThread } from '../kit/supervised-thread.ts'
import type {
  ArchiveAlarm,
  ArchiveQueries,
  ArchiveReader,
  ArchiveState,
  FromThread,
  ThreadData,
  Told,
  ToThread,
} from './protocol.ts'

export interface ArchiveOptions extends ThreadData {
  readonly log: Log
  readonly metrics: InfluxMetrics
  /** Everything before `cursor` is kept by this reader; `rejected` of the latest records could not be. */
  readonly onCursor?: (reader: ArchiveReader, cursor: number, rejected: number) => void
  readonly onAlarm?: (alarm: ArchiveAlarm) => void
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

const tellEveryMs = 100 // Ends and told messages are put together; nobody sees an archive that is 100 ms older.
const toldMax = 100_000 // Unconfirmed in memory, about 50 MB: by then the thread has been dead for long.

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
    ledgerDir: options.ledgerDir,
    dir: options.dir,
    ...(options.influx ? { influx: options.influx } : {}),
    ...(options.retention ? { retention: options.retention } : {}),
  }
  const thread = createSupervisedThread<ToThread, FromThread>({
    url: new URL('./worker.ts', import.meta.url),
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
