/**
 * One reader of the ledger on the main thread: hands it every durable record, in order, at least once.
 *
 * - Live it takes records from memory, with the message the door has parsed; behind it reads from the disk.
 * - The cursor moves when `consume` has returned or its promise is fulfilled; one batch at a time.
 * - A consumer that fails is asked again with growing pauses. When the reason says that waiting helps
 *   (`retry: 'later'`), for ever; else the batch is taken apart and the one poison record is put aside
 *   (dead-lettered, counted as rejected), so that it never blocks what comes after it.
 * - It knows nothing of what its consumer does.
 */
import { isCodedError } from '../../schemas/coded-error.ts'
import type { Clock } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'
import type { Part } from '../kit/part.ts'
import type { Ledger } from './ledger.ts'
import { type PumpMetrics, silentPumpMetrics } from './metrics.ts'
import type { LogOffset, ParsedRecord } from './record.ts'
import type { ReadBounds } from './tail.ts'

export interface PumpOptions {
  readonly ledger: Ledger
  /** The reader's name: of its cursor, in metrics and accounts. */
  readonly name: string
  consume(records: readonly ParsedRecord[]): void | Promise<void>
  readonly clock: Clock
  readonly log: Log
  readonly metrics?: PumpMetrics
  /** Where a reader that is new begins. */
  readonly start?: 'oldest' | 'end'
  readonly bounds?: ReadBounds
  /** While it keeps up it is not shown what the door calls quiet; behind it is, and must not mind. */
  readonly skipsQuiet?: boolean
  /** How often a failing batch or record is tried before it counts as poison. */
  readonly attemptsMax?: number
}

export interface Pump extends Part {
  /** The next record it will hand out. */
  readonly position: LogOffset
  readonly lagRecords: number
  readonly isPaused: boolean
  pause(): void
  resume(): void
  /** Resolves when all that is durable now has been consumed. */
  drained(): Promise<void>
}

const defaultBounds: ReadBounds = { recordsMax: 512, bytesMax: 512 * 1024 }
const defaultAttemptsMax = 3
const backoffMsMin = 50
const backoffMsMax = 5_000
const lagEveryMs = 1_000

type Outcome = 'taken' | 'stopping'

export function createPump(options: PumpOptions): Pump {
  const { ledger, name, consume, clock, log, metrics = silentPumpMetrics } = options
  const { bounds = defaultBounds, attemptsMax = defaultAttemptsMax, start = 'oldest' } = options
  let position: LogOffset = 0
  let isRunning = false
  let isPaused = false
  let isStopping = false
  let newestAtMs = 0
  let wake: (() => void) | undefined
  let running: Promise<void> | undefined
  const waitingForEnd = new Set<{ end: LogOffset; resolve: () => void }>()
  const cancels: (() => void)[] = []

  /** Called when there is something new; one run at a time takes all there is. */
  function pump(): void {
    if (running !== undefined || !isRunning || !hasWork()) return
    running = takeAll().finally(() => {
      running = undefined
      if (hasWork()) pump()
    })
  }

  const hasWork = () => !isPaused && !isStopping && position < ledger.durableOffset

  async function takeAll(): Promise<void> {
    while (hasWork()) {
      const live = options.skipsQuiet ? ledger.readLive(position, bounds.recordsMax) : undefined
      const records = live?.records ?? ledger.readTail(position, bounds) ?? (await readBehind())
      if (records === undefined || (live === undefined && records.length === 0)) continue
      if (records.length > 0) {
        const offered = offer(records)
        if (offered !== undefined && (await offered) === 'stopping') return
      }
      advance(records, live?.next)
      if (hasWork()) await nextTurn() // Others are to have their turn while a reader catches up.
    }
  }

  async function readBehind(): Promise<readonly ParsedRecord[] | undefined> {
    try {
      const records = await ledger.read(position, bounds)
      if (records.length === 0) position = Math.max(position, ledger.firstOffset)
      return records
    } catch (error) {
      log.warn({ err: error, offset: position }, 'a reader could not read the ledger')
      await pausing(backoffMsMin)
      return undefined
    }
  }

  /** Undefined when the consumer took them at once. */
  function offer(records: readonly ParsedRecord[]): Promise<Outcome> | undefined {
    try {
      const taken = consume(records)
      if (taken === undefined) return undefined
      return taken.then(
        () => 'taken',
        (error) => insist(records, error),
      )
    } catch (error) {
      return insist(records, error)
    }
  }

  /** The consumer has failed once with `error`. */
  async function insist(records: readonly ParsedRecord[], error: unknown): Promise<Outcome> {
    let reason = error
    for (let attempt = 1; ; attempt++) {
      const isWorldly = isCodedError(reason) && reason.retry === 'later'
      if (!isWorldly && attempt >= attemptsMax) return takeApart(records, reason)
      metrics.retries.add(1, { consumer: name })
      if (attempt === 1) log.warn({ err: reason, offset: records[0]?.offset }, 'a reader failed')
      await pausing(Math.min(backoffMsMax, backoffMsMin * 2 ** Math.min(attempt, 10)))
      if (isStopping) return 'stopping'
      try {
        await consume(records)
        return 'taken'
      } catch (again) {
        reason = again
      }
    }
  }

  async function takeApart(records: readonly ParsedRecord[], reason: unknown): Promise<Outcome> {
    const [first] = records
    if (first === undefined) return 'taken'
    if (records.length === 1) {
      reject(first, reason)
      return 'taken'
    }
    for (const record of records) {
      const outcome = await (offer([record]) ?? 'taken')
      if (outcome === 'stopping') return outcome
      if (position <= record.offset) advance([record])
    }
    return 'taken'
  }

  function reject(record: ParsedRecord, reason: unknown): void {
    const text = reason instanceof Error ? reason.message : String(reason)
    log.error({ err: reason, offset: record.offset }, 'a reader cannot take a record')
    ledger.deadLetter(name, record.offset, clock.nowMs(), text)
    position = record.offset + 1
    ledger.advanceCursor(name, position, 1)
  }

  /** Past the last of them, and past what is quiet after it. */
  function advance(records: readonly ParsedRecord[], next: LogOffset = 0): void {
    const last = records[records.length - 1]
    if (last !== undefined) newestAtMs = last.receivedAtMs
    const to = Math.max(next, last === undefined ? 0 : last.offset + 1)
    if (to > position) {
      position = to
      ledger.advanceCursor(name, position)
    }
    for (const waiting of waitingForEnd) {
      if (position < waiting.end) continue
      waitingForEnd.delete(waiting)
      waiting.resolve()
    }
  }

  function pausing(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(done, delayMs)
      function done() {
        clearTimeout(timer)
        wake = undefined
        resolve()
      }
      wake = done
    })
  }

  function reportLag(): void {
    const lagRecords = ledger.durableOffset - position
    metrics.lagRecords.set(lagRecords, { consumer: name })
    const lagMs = lagRecords === 0 || newestAtMs === 0 ? 0 : clock.nowMs() - newestAtMs
    metrics.lagSeconds.set(Math.max(0, lagMs) / 1_000, { consumer: name })
  }

  return {
    name: `pump ${name}`,
    get position() {
      return position
    },
    get lagRecords() {
      return ledger.durableOffset - position
    },
    get isPaused() {
      return isPaused
    },
    async start() {
      position = ledger.loadCursor(name, start)
      ledger.keepMessagesFor(name)
      isRunning = true
      cancels.push(
        ledger.onDurable(() => void pump()),
        clock.every(lagEveryMs, reportLag),
      )
      void pump()
    },
    pause() {
      isPaused = true
    },
    resume() {
      isPaused = false
      pump()
    },
    drained() {
      const end = ledger.durableOffset
      if (position >= end) return Promise.resolve()
      return new Promise((resolve) => waitingForEnd.add({ end, resolve }))
    },
    /** Takes what is durable now as far as the deadline allows; the cursor tells where the next run goes on. */
    async stop(deadlineMs) {
      for (const cancel of cancels.splice(0)) cancel()
      await atMost(deadlineMs, running)
      isStopping = true
      wake?.()
      isRunning = false
    },
  }
}

async function atMost(delayMs: number, promise: Promise<void> | undefined): Promise<void> {
  if (promise === undefined) return
  const late = Promise.withResolvers<void>()
  const timer = setTimeout(late.resolve, delayMs)
  await Promise.race([promise, late.promise])
  clearTimeout(timer)
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
