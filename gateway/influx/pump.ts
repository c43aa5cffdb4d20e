/**
 * The reader that carries the ledger into the database.
 *
 * - One batch in flight, the next one prepared meanwhile: two batches of memory, however long an outage.
 * - A batch leaves when it is full, or when its oldest point has waited the delay.
 * - The cursor moves after the database's yes, in one transaction with the accounts and the dead letters; what
 *   was in flight at a crash is written again, and is the same points.
 * - `stored = written + rejected + pending`, in records, per source, at any time.
 * - It tries for ever. Only `stop` ends it, and that leaves the rest in the ledger.
 */
import type { Cancel, Clock } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'
import { type BackoffOptions, pauseMs } from './backoff.ts'
import { type Batch, createBatch, fillBatch, type Source, withReadAhead } from './batch.ts'
import { SinkRejectedPoint } from './errors.ts'
import type { LineBuffer } from './line-buffer.ts'
import { batchDelayMsDefault, batchPointsMaxDefault } from './options.ts'
import { createPointMapper } from './points.ts'
import type { InfluxMetrics, Lines, Rejection, Sink, SinkAlarm, SinkFault } from './ports.ts'
import type { SinkStore, SourceAccount } from './sink-store.ts'

export interface InfluxPumpOptions {
  readonly sink: Sink
  readonly sources: readonly Source[]
  readonly store: SinkStore
  readonly clock: Clock
  /** 0 ≤ x < 1, for the jitter. */
  readonly random: () => number
  readonly log: Log
  readonly metrics: InfluxMetrics
  readonly onAlarm?: (alarm: SinkAlarm) => void
  /** Everything of the source before `cursor` is in the database or, `rejected` records of the latest, a dead letter. */
  readonly onCursor?: (source: string, cursor: number, rejected: number) => void
  readonly batchPointsMax?: number
  readonly batchDelayMs?: number
  readonly backoff?: BackoffOptions
  /** How long the database may be away before it is an alarm. */
  readonly unreachableAlarmMs?: number
}

export interface SinkAccounts {
  readonly stored: number
  readonly written: number
  readonly rejected: number
  readonly pending: number
  /** stored less the other three; other than 0 means that records are missing in the ledger. */
  readonly residual: number
}

export interface PumpState {
  readonly phase: 'idle' | 'writing' | 'waiting' | 'parked' | 'stopped'
  readonly accounts: Readonly<Record<string, SinkAccounts>>
  /** How old the oldest record is that is not written yet; 0 when there is none in work. */
  readonly lagMs: number
  readonly lastFault?: { readonly code: string; readonly message: string; readonly atMs: number }
}

export interface InfluxPump {
  /** To be called once it is known where the sources end. */
  start(): Promise<void>
  /** There is more to read. */
  notify(): void
  state(): PumpState
  /** Writes what there is while the database takes it, at most for `deadlineMs`; leaves the rest. */
  stop(deadlineMs: number): Promise<void>
}

const unreachableAlarmMsDefault = 30_000
const rereadMs = 1_000
const retrySettleMs = 1_000
const consumer = { consumer: 'influx' }

export function createInfluxPump(options: InfluxPumpOptions): InfluxPump {
  const { sink, store, clock, log, metrics } = options
  const sources = options.sources.map(withReadAhead)
  const pointsMax = options.batchPointsMax ?? batchPointsMaxDefault
  const delayMs = options.batchDelayMs ?? batchDelayMsDefault
  const mapper = createPointMapper()
  const accounts = sources.map((source) => store.load(source.name) ?? { ...nothingYet })
  const alarms = createAlarms(clock, options)
  let phase: PumpState['phase'] = 'idle'
  let lastFault: PumpState['lastFault']
  let oldestAtMs: number | undefined
  let isStopping = false
  let running: Promise<void> | undefined
  let wake: () => void = () => {}

  /** A length of time that is the same whatever becomes of the wall clock meanwhile; its end wakes us. */
  function begin(lengthMs: number): { isOver: boolean; readonly cancel: Cancel } {
    const span = {
      isOver: false,
      cancel: clock.after(lengthMs, () => {
        span.isOver = true
        wake()
      }),
    }
    return span
  }

  /** Until somebody wakes us, at most for `waitMs`. */
  function pause(waitMs?: number): Promise<void> {
    return new Promise((resolve) => {
      let cancel: Cancel = () => {}
      wake = () => {
        cancel()
        resolve()
      }
      if (waitMs !== undefined) cancel = clock.after(waitMs, wake)
    })
  }

  async function run(): Promise<void> {
    let batch = createBatch(accounts.map((account) => account.cursor))
    let spare: LineBuffer | undefined
    for (;;) {
      let isFull = fillBatch(batch, sources, mapper, pointsMax)
      if (batch.oldestAtMs === undefined) {
        phase = 'idle'
        oldestAtMs = undefined
        reportLag()
        if (isStopping) return
        // Behind without a record to read: the ledger could not be read just now.
        await pause(isBehind() ? rereadMs : undefined)
        continue
      }
      oldestAtMs = batch.oldestAtMs
      const delay = begin(delayMs)
      while (!isFull && !isStopping && !delay.isOver) {
        await pause()
        // In few large steps: each news of a commit or two would be a read of its own.
        if (delay.isOver || isStopping || mayFill(batch))
          isFull = fillBatch(batch, sources, mapper, pointsMax)
      }
      delay.cancel()
      phase = 'writing'
      const delivery = deliver(batch)
      const next = createBatch(batch.to, spare)
      fillBatch(next, sources, mapper, pointsMax)
      const rejections = await delivery
      if (rejections === undefined) return
      if (!(await settleInTheEnd(batch, rejections))) return
      spare = batch.lines
      batch = next
    }
  }

  /** So much has come that the batch may be full before its time. */
  function mayFill({ lines, to }: Batch): boolean {
    const waiting = sources.reduce((sum, source, at) => sum + source.end() - to[at]!, 0)
    return waiting >= Math.max(1, (pointsMax - lines.count) / 4)
  }

  /** What was refused for ever; undefined when we stop before the batch is through. */
  async function deliver(batch: Batch): Promise<ReadonlyMap<number, Rejection> | undefined> {
    const rejections = new Map<number, Rejection>()
    const { lines } = batch
    let rest = Array.from({ length: lines.count }, (_, index) => index)
    let attempt = 0
    while (rest.length > 0) {
      const startedAtMs = performance.now()
      const outcome = await sink.write(rest.length === lines.count ? lines : someOf(lines, rest))
      metrics.writeSeconds.observe((performance.now() - startedAtMs) / 1000)
      metrics.points.add(outcome.accepted.length, { outcome: 'written' })
      if (outcome.rejected.length > 0)
        metrics.points.add(outcome.rejected.length, { outcome: 'rejected' })
      if (!outcome.fault && outcome.accepted.length === rest.length) {
        alarms.clear()
        break // All of it, as nearly always: nothing is to be sorted out.
      }
      for (const { index, message } of outcome.rejected)
        rejections.set(rest[index]!, { index: rest[index]!, message })
      const isDone = new Set([...outcome.accepted, ...outcome.rejected.map(({ index }) => index)])
      rest = rest.filter((_, at) => !isDone.has(at))
      if (!outcome.fault) {
        alarms.clear()
        attempt = 0
        continue
      }
      attempt = isDone.size > 0 ? 1 : attempt + 1
      noteFault(outcome.fault, attempt)
      if (isStopping) return undefined
      await pauseAtLeast(pauseMs(outcome.fault, attempt, options.random(), options.backoff))
      if (isStopping) return undefined
      metrics.retries.add(1, consumer)
      phase = 'writing'
    }
    return rejections
  }

  function noteFault(fault: SinkFault, attempt: number): void {
    const { code, message } = fault.error
    phase = fault.kind === 'unauthorised' ? 'parked' : 'waiting'
    lastFault = { code, message, atMs: clock.nowMs() }
    log.warn({ code, attempt, reason: message }, 'the database did not take the batch')
    alarms.raise(fault)
    reportLag()
  }

  /** News from the ledger do not shorten a pause; stopping does. */
  async function pauseAtLeast(waitMs: number): Promise<void> {
    const span = begin(waitMs)
    while (!isStopping && !span.isOver) await pause()
    span.cancel()
  }

  /** While the disk takes nothing nobody moves on; false when we stop before it does. What is written stays written. */
  async function settleInTheEnd(
    batch: Batch,
    rejections: ReadonlyMap<number, Rejection>,
  ): Promise<boolean> {
    for (;;) {
      try {
        settle(batch, rejections)
        return true
      } catch (err) {
        log.error({ err }, 'how far the database has come could not be kept')
      }
      await pauseAtLeast(retrySettleMs)
      if (isStopping) return false
    }
  }

  function settle(batch: Batch, rejections: ReadonlyMap<number, Rejection>): void {
    const rejected = sources.map(() => new Set<number>())
    const letters = [...rejections.values()].map(({ index, message }) => {
      const source = batch.sourceOf[index]!
      const offset = batch.offsetOf[index]!
      rejected[source]!.add(offset)
      const { name } = sources[source]!
      const topic = topicOf(sources[source]!, offset)
      return {
        atMs: clock.nowMs(),
        source: name,
        offset,
        topic,
        line: batch.lines.line(index),
        message,
      }
    })
    const changed = new Map<string, SourceAccount>()
    for (const [at, { name }] of sources.entries()) {
      const first = batch.first[at]
      if (first === undefined) continue
      const account = accounts[at]!
      const isNew = account.written + account.rejected === 0
      if (first > batch.from[at]! && !isNew)
        log.error({ from: batch.from[at], offset: first }, 'records are missing in the ledger')
      changed.set(name, {
        cursor: batch.to[at]!,
        start: isNew ? first : account.start,
        written: account.written + batch.records[at]! - rejected[at]!.size,
        rejected: account.rejected + rejected[at]!.size,
      })
    }
    store.settle(changed, letters)
    for (const [at, { name }] of sources.entries())
      accounts[at] = changed.get(name) ?? accounts[at]!
    for (const { topic, offset, message } of letters.slice(0, 1)) {
      const error = SinkRejectedPoint(message)
      const facts = { code: error.code, offset, topic, reason: message, letters: letters.length }
      log.warn(facts, 'points are kept as dead letters')
    }
    for (const [at, { name }] of sources.entries()) {
      const account = changed.get(name)
      if (account) options.onCursor?.(name, account.cursor, rejected[at]!.size)
    }
    reportLag()
  }

  function isBehind(): boolean {
    return sources.some((source, at) => source.end() > accounts[at]!.cursor)
  }

  function reportLag(): void {
    const behind = sources.reduce((sum, source, at) => sum + source.end() - accounts[at]!.cursor, 0)
    metrics.lagRecords.set(behind, consumer)
    metrics.lagSeconds.set(lagMs() / 1000, consumer)
  }

  function lagMs(): number {
    return oldestAtMs === undefined ? 0 : Math.max(0, clock.nowMs() - oldestAtMs)
  }

  return {
    async start() {
      await sink.open()
      for (const [at, source] of sources.entries())
        accounts[at] = resumed(accounts[at]!, source, log)
      running = run().finally(() => {
        phase = 'stopped'
      })
      // Who stops us awaits it; a bug before that must not go unheard either.
      running.catch((err) => log.error({ err }, 'the sink ended by a bug'))
    },
    notify: () => {
      if (phase !== 'waiting' && phase !== 'parked') wake()
    },
    state() {
      const entries = sources.map((source, at) => {
        const { cursor, start, written, rejected } = accounts[at]!
        const end = Math.max(source.end(), cursor)
        const stored = end - start
        const pending = end - cursor
        return [
          source.name,
          { stored, written, rejected, pending, residual: stored - written - rejected - pending },
        ] as const
      })
      const state = { phase, accounts: Object.fromEntries(entries), lagMs: lagMs() }
      return lastFault ? { ...state, lastFault } : state
    },
    async stop(deadlineMs) {
      isStopping = true
      wake()
      const cancel = clock.after(deadlineMs, () => void sink.close())
      await running?.catch(() => {})
      cancel()
      await sink.close()
    },
  }
}

function someOf(lines: Lines, indexes: readonly number[]): Lines {
  const line = (index: number) => lines.line(indexes[index]!)
  return {
    count: indexes.length,
    line,
    text: (from, to) => Array.from({ length: to - from }, (_, at) => line(from + at)).join('\n'),
  }
}

/** For a dead letter; it is rare, so no batch carries topics. */
function topicOf(source: Source, offset: number): string {
  const block = source.read(offset)
  return block && offset >= block.firstOffset ? block.record(offset - block.firstOffset).topic : ''
}

const nothingYet: SourceAccount = { cursor: 0, start: 0, written: 0, rejected: 0 }

/** A ledger that ends before our cursor began anew; then so do we, since writing again changes nothing. */
function resumed(account: SourceAccount, source: Source, log: Log): SourceAccount {
  const { cursor } = account
  if (cursor <= source.end()) return account
  const facts = { source: source.name, cursor, end: source.end() }
  log.error(facts, 'the ledger began anew; writing it from its start')
  return nothingYet
}

function createAlarms(clock: Clock, options: InfluxPumpOptions) {
  const active = new Set<SinkAlarm['kind']>()
  const patienceMs = options.unreachableAlarmMs ?? unreachableAlarmMsDefault
  let failingSinceMs: number | undefined
  return {
    raise(fault: SinkFault): void {
      failingSinceMs ??= clock.nowMs()
      const kind = fault.kind === 'unauthorised' ? 'sink-unauthorised' : 'sink-unreachable'
      const isPatient = kind === 'sink-unreachable' && clock.nowMs() - failingSinceMs < patienceMs
      if (isPatient || active.has(kind)) return
      active.add(kind)
      options.onAlarm?.({ kind, isActive: true, text: fault.error.message })
    },
    clear(): void {
      failingSinceMs = undefined
      for (const kind of active) options.onAlarm?.({ kind, isActive: false, text: '' })
      active.clear()
    },
  }
}
