/**
 * Carries the ledger into the history: gathers a little, writes in one transaction, lets others have their turn.
 *
 * - A disk that fails or a ledger that cannot be read is tried again, for ever; the cursor has not moved. The disk is an
 *   alarm besides.
 * - It lags on purpose: a minute that goes on is then written once in three seconds and not with each second. Whoever asks
 *   the history something has it catch up first.
 * - Retention is done in between, a step at a time.
 */
import { setImmediate as yieldToOthers } from 'node:timers/promises'
import type { Cancel, Clock } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'
import type { History } from './history.ts'
import type { HistoryAlarm } from './ports.ts'
import type { RecordBlock } from './record-block.ts'

export interface HistoryReaderOptions {
  readonly history: History
  /** The block that holds `from`, or the next one; undefined where there is none. */
  read(from: number): RecordBlock | undefined
  /** End of what is durable, exclusive. */
  readonly end: () => number
  readonly clock: Clock
  readonly log: Log
  readonly onCursor?: (cursor: number, rejected: number) => void
  readonly onAlarm?: (alarm: HistoryAlarm) => void
  readonly gatherMs?: number
}

export interface HistoryReader {
  start(): void
  /** There is more to read. */
  notify(): void
  /** Reads what there is now, without waiting; not more than one batch, and not more often than once a second. */
  catchUp(): void
  /** Reads what there is, at most for `deadlineMs`. */
  stop(deadlineMs: number): Promise<void>
}

const recordsMax = 10_000 // Some thirty milliseconds of work at a time.
const gatherMsDefault = 3_000
const catchUpMs = 1_000
const retryMs = 1_000
const tendEveryMs = 60_000

export function createHistoryReader(options: HistoryReaderOptions): HistoryReader {
  const { history, end, clock, log } = options
  const gatherMs = options.gatherMs ?? gatherMsDefault
  let isStopping = false
  let isTooLate = false
  let tendAtMs = clock.nowMs() + tendEveryMs
  let wake: () => void = () => {}
  let running: Promise<void> | undefined
  let consumedAtMs = Number.NEGATIVE_INFINITY
  let isFailing = false

  function pause(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      let cancel: Cancel = () => {}
      wake = () => {
        cancel()
        resolve()
      }
      cancel = clock.after(waitMs, wake)
    })
  }

  async function run(): Promise<void> {
    while (!isTooLate) {
      const pending = end() - history.cursor()
      if (pending <= 0 && isStopping) return
      if (pending <= 0) {
        if (!tend()) await pause(tendEveryMs)
        continue
      }
      // News during the gathering do not end it; being asked to stop does.
      // A timer and no moment: the wall clock may be set back meanwhile.
      let isOver = false
      const cancel = clock.after(gatherMs, () => {
        isOver = true
        wake()
      })
      while (!isStopping && !isOver && end() - history.cursor() < recordsMax) {
        await pause(gatherMs)
      }
      cancel()
      if (!consume()) {
        if (isStopping) return
        await pause(retryMs)
      }
      tend()
      await yieldToOthers()
    }
  }

  /** False when it has to be tried again. */
  function consume(): boolean {
    consumedAtMs = performance.now()
    try {
      const blocks = gathered()
      if (blocks.length === 0) return false
      const rejected = history.consume(blocks)
      tell(false, 'written again')
      options.onCursor?.(history.cursor(), rejected)
      return true
    } catch (err) {
      const { code } = err as { code?: string }
      log.error({ code: code ?? 'unknown', err }, 'the history could not be written')
      tell(true, (err as Error).message)
      return false
    }
  }

  function tell(isActive: boolean, text: string): void {
    if (isActive === isFailing) return
    isFailing = isActive
    options.onAlarm?.({ kind: 'history-disk', isActive, text })
  }

  /** Whole blocks that are durable, until there are enough. */
  function gathered(): RecordBlock[] {
    const until = end()
    const blocks: RecordBlock[] = []
    let from = history.cursor()
    for (let records = 0; records < recordsMax && from < until; ) {
      const block = options.read(from)
      if (block === undefined || block.firstOffset + block.count > until) break
      blocks.push(block)
      records += block.count
      from = block.firstOffset + block.count
    }
    return blocks
  }

  /** True when there is more to do. */
  function tend(): boolean {
    if (clock.nowMs() < tendAtMs) return false
    try {
      if (history.tend()) return true
    } catch (err) {
      log.error({ err }, 'the history could not be thinned')
    }
    tendAtMs = clock.nowMs() + tendEveryMs
    return false
  }

  return {
    start() {
      running = run()
      running.catch((err) => log.error({ err }, 'the history reader ended by a bug'))
    },
    notify: () => wake(),
    catchUp() {
      const isBehind = running !== undefined && !isTooLate && end() > history.cursor()
      if (isBehind && performance.now() - consumedAtMs >= catchUpMs) consume()
    },
    async stop(deadlineMs) {
      isStopping = true
      const cancel = clock.after(deadlineMs, () => {
        isTooLate = true
        wake()
      })
      wake()
      await running?.catch(() => {})
      cancel()
    },
  }
}
