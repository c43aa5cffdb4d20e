/**
 * The outbox as the main thread sees it: `write` resolves when the record is on disk.
 *
 * - Group commit: one batch is under way at a time; what comes meanwhile makes up the next one, so many
 *   junctions that decide at once share one fsync.
 * - Order is kept: a record written later is never on disk before one written earlier.
 * - A failed batch rejects its writers (IG_ERR_COMMAND_OUTBOX_FAILED); the next one is tried all the same.
 * - A thread that dies is started again, and its successor writes what was under way; while none can be started
 *   writers are rejected.
 */
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { CodedError } from '../../schemas/coded-error.ts'
import { CommandOutboxFailed, CommandStoreUnusable } from './errors.ts'
import type { OutboxContents } from './outbox-store.ts'
import type { CommandRecord } from './record.ts'

export interface OutboxWorkerData {
  readonly dir: string
  readonly historyRowsMax: number
}
export type ToOutbox =
  | { readonly kind: 'write'; readonly records: readonly CommandRecord[] }
  | { readonly kind: 'close' }
export type FromOutbox =
  | { readonly kind: 'opened'; readonly contents: OutboxContents }
  | { readonly kind: 'unusable'; readonly reason: string }
  | { readonly kind: 'written' }
  | { readonly kind: 'failed'; readonly reason: string }

export interface Outbox {
  readonly contents: OutboxContents
  write(record: CommandRecord): Promise<void>
  /** Writes what waits, then closes the file. */
  close(): Promise<void>
}

interface Waiting {
  readonly record: CommandRecord
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/** A bound on one transaction; the rest goes into the next. */
const batchRecordsMax = 1000
const restartDelayMs = 200 // A thread that dies at once is not started in a tight loop.

/** @throws IG_ERR_COMMAND_STORE_UNUSABLE */
export async function openOutbox(
  data: OutboxWorkerData,
  onThreadEnded: () => void = () => {},
): Promise<Outbox> {
  let worker: Worker | undefined
  let waiting: Waiting[] = []
  let underWay: Waiting[] = []
  /** No thread, and none could be started the last time. */
  let isGone = false
  let isClosing = false
  let restarting: Promise<void> | undefined
  let onIdle: (() => void) | undefined
  let onClosed = () => {}
  const contents = await start()

  async function start(): Promise<OutboxContents> {
    const started = new Worker(join(import.meta.dirname, 'outbox-worker.ts'), { workerData: data })
    const found = await opened(started, data.dir)
    worker = started
    started.on('error', () => {}) // `exit` follows.
    started.on('message', (message: FromOutbox) => {
      finish(message.kind === 'failed' ? message.reason : undefined)
    })
    started.once('exit', ended)
    return found
  }

  function ended() {
    worker = undefined
    if (isClosing && waiting.length + underWay.length === 0) {
      onClosed()
      return
    }
    // Written twice is written once: the newest state of a command is the one that is kept.
    waiting = [...underWay, ...waiting]
    underWay = []
    onThreadEnded()
    restarting = restart()
  }

  async function restart(): Promise<void> {
    await wait(restartDelayMs, undefined, { ref: false })
    try {
      await start()
      isGone = false
      restarting = undefined
      send()
    } catch (error) {
      isGone = true
      const reason = error instanceof Error ? error.message : String(error)
      for (const entry of waiting.splice(0)) entry.reject(CommandOutboxFailed(reason))
      onIdle?.()
      if (!isClosing) return restart()
    }
  }

  function send() {
    if (worker === undefined || underWay.length > 0) return
    if (waiting.length === 0) {
      onIdle?.()
      return
    }
    underWay = waiting.slice(0, batchRecordsMax)
    waiting = waiting.slice(batchRecordsMax)
    const records = underWay.map((entry) => entry.record)
    worker.postMessage({ kind: 'write', records } satisfies ToOutbox)
  }

  function finish(reason?: string) {
    const done = underWay
    underWay = []
    for (const entry of done) {
      if (reason === undefined) entry.resolve()
      else entry.reject(CommandOutboxFailed(reason))
    }
    send()
  }

  return {
    contents,
    write(record) {
      if (isGone || isClosing) return Promise.reject(CommandOutboxFailed('its thread has ended'))
      return new Promise((resolve, reject) => {
        waiting.push({ record, resolve, reject })
        // A microtask later, so that all who decide in this turn share the batch.
        if (underWay.length === 0) queueMicrotask(send)
      })
    },
    async close() {
      if (underWay.length + waiting.length > 0) {
        await new Promise<void>((resolve) => {
          onIdle = resolve
        })
      }
      isClosing = true
      await restarting
      if (worker === undefined) return
      const closed = new Promise<void>((resolve) => {
        onClosed = resolve
      })
      worker.postMessage({ kind: 'close' } satisfies ToOutbox)
      await closed
    },
  }
}

function opened(worker: Worker, dir: string): Promise<OutboxContents> {
  return new Promise((resolve, reject) => {
    const gone = () => reject(CommandStoreUnusable(dir, 'its thread ended'))
    worker.once('error', reject)
    worker.once('exit', gone)
    worker.once('message', (message: FromOutbox) => {
      worker.off('error', reject)
      worker.off('exit', gone)
      if (message.kind === 'opened') resolve(message.contents)
      else if (message.kind === 'unusable') {
        // The store's own words, made on the other side.
        reject(new CodedError(CommandStoreUnusable, message.reason))
      } else reject(CommandStoreUnusable(dir, 'its thread does not answer'))
    })
  })
}
