/**
 * The thread of the archive: history and the way to InfluxDB put together, reading the ledger read-only.
 *
 * - Its readers begin once the main thread has told where the ledger ends.
 * - What the gateway tells is confirmed when it is durable; a disk that is full holds the confirmation back.
 * - Where there are more threads than cores the door and the ledger go first: nobody waits for the archive.
 */
import { randomInt } from 'node:crypto'
import { join } from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { isCodedError } from '../../schemas/coded-error.ts'
import { openHistory } from '../history/history.ts'
import type { HistoryQueries } from '../history/queries.ts'
import { createHistoryReader } from '../history/reader.ts'
import { openInflux } from '../influx/influx.ts'
import { createSystemClock } from '../kit/clock.ts'
import { archiveNiceness, giveWay } from '../kit/niceness.ts'
import { createRelayLog, createRelayMetrics } from '../kit/relay.ts'
import { serveThread, type ThreadWork } from '../kit/supervised-thread.ts'
import { openLedgerReader } from '../ledger/reader.ts'
import type { ArchiveState, FromThread, ThreadData, Told, ToThread } from './protocol.ts'
import { createRecordBlocks } from './record-blocks.ts'

const reportEveryMs = 1_000
const retryMs = 1_000

async function openArchive(
  data: ThreadData,
  say: (message: FromThread) => void,
): Promise<ThreadWork<ToThread>> {
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
      influx?.close()
      history.close()
      ledger.close()
    },
  }
}

giveWay(archiveNiceness)

await serveThread<ToThread, FromThread>(parentPort!, (say) =>
  openArchive(workerData as ThreadData, say),
)
