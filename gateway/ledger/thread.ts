/**
 * The main thread's end of the ledger's thread: starts it, talks to it, starts it again when it dies.
 *
 * - A thread that died opens the same file anew and says where the ledger ends; whoever waits for a commit compares.
 * - Reads that were under way when it died, or come before it is open again, are answered with the error; readers try again.
 */
import { Worker } from 'node:worker_threads'
import { CodedError, declaredErrors } from '../../schemas/coded-error.ts'
import type { Log } from '../kit/log.ts'
import type { StoredRow, StoreState, Usage } from './commit.ts'
import { LedgerDisk, LedgerUnreadable } from './errors.ts'
import type { FromWorker, ToWorker, WorkerData } from './protocol.ts'
import type { KeptItem } from './quarantine.ts'
import type { LogOffset } from './record.ts'

type Opened = Extract<FromWorker, { kind: 'opened' }>
type Committed = Extract<FromWorker, { kind: 'committed' }>

export interface ThreadEvents {
  committed(answer: Committed): void
  tended(usage: Usage): void
  resubmitted(items: readonly KeptItem[]): void
  /** Died; it is being started again. */
  lost(error: CodedError): void
  /** Started again; this is what it found on the disk. */
  reopened(state: StoreState, usage: Usage): void
}

export interface LedgerThread {
  readonly opened: Opened
  post(message: ToWorker): void
  read(from: LogOffset, bytesMax: number): Promise<readonly StoredRow[]>
  close(): Promise<void>
}

const restartDelayMs = 200 // A thread that dies at once is not started in a tight loop.

interface Reading {
  resolve(rows: readonly StoredRow[]): void
  reject(error: CodedError): void
}

/** @throws IG_ERR_LEDGER_VERSION, IG_ERR_LEDGER_CORRUPT, IG_ERR_LEDGER_UNREADABLE */
export async function startThread(
  data: WorkerData,
  log: Log,
  events: ThreadEvents,
): Promise<LedgerThread> {
  const readings = new Map<number, Reading>()
  let nextReading = 0
  let worker: Worker
  /** The thread that answers, if there is one: what is posted to one that has ended is lost without a word. */
  let open: Worker | undefined
  let isClosing = false
  let onClosed = () => {}

  function spawn(): Promise<Opened> {
    const started = new Worker(new URL('./worker.ts', import.meta.url), { workerData: data })
    worker = started
    return new Promise((resolve, reject) => {
      started.on('message', (message: FromWorker) => {
        if (message.kind === 'opened') {
          open = started
          resolve(message)
        } else if (message.kind === 'failed') reject(openingError(message))
        else take(message)
      })
      started.on('error', (error) => {
        if (started !== open) reject(LedgerUnreadable.from(error, data.dir, error.message))
        log.error({ err: error }, 'the ledger thread failed')
      })
      started.on('exit', () => {
        if (started === open) died()
        if (isClosing) onClosed()
      })
    })
  }

  function take(message: Exclude<FromWorker, { kind: 'opened' | 'failed' }>): void {
    switch (message.kind) {
      case 'committed':
        events.committed(message)
        return
      case 'tended':
        events.tended(message.usage)
        return
      case 'read': {
        const reading = readings.get(message.id)
        readings.delete(message.id)
        if ('rows' in message) reading?.resolve(message.rows)
        else reading?.reject(LedgerDisk(message.error))
        return
      }
      case 'resubmitted':
        events.resubmitted(message.items)
        return
      case 'closed':
    }
  }

  function died(): void {
    open = undefined
    const error = noThread()
    for (const reading of readings.values()) reading.reject(error)
    readings.clear()
    if (isClosing) return
    events.lost(error)
    setTimeout(restart, restartDelayMs)
  }

  function restart(): void {
    if (isClosing) {
      onClosed()
      return
    }
    spawn().then(
      (found) => events.reopened(found.state, found.usage),
      (error) => {
        log.error({ err: error }, 'the ledger cannot be opened again')
        setTimeout(restart, restartDelayMs)
      },
    )
  }

  const opened = await spawn()
  return {
    opened,
    post: (message) => worker.postMessage(message),
    read(from, bytesMax) {
      if (!open) return Promise.reject(noThread())
      return new Promise((resolve, reject) => {
        const id = nextReading++
        readings.set(id, { resolve, reject })
        worker.postMessage({ kind: 'read', id, from, bytesMax } satisfies ToWorker)
      })
    },
    close() {
      isClosing = true
      return new Promise((resolve) => {
        onClosed = resolve
        worker.postMessage({ kind: 'close' } satisfies ToWorker)
      })
    },
  }
}

const noThread = () => LedgerDisk('its thread ended; it is being started again')

function openingError({ code, message }: { code: string; message: string }): CodedError {
  const definition = declaredErrors().find((error) => error.code === code) ?? LedgerUnreadable
  return new CodedError(definition, message)
}
