/**
 * The outbox as the main thread sees it: `write` resolves when the record is on disk.
 *
 * - Group commit: one batch is under way at a time; what comes meanwhile makes up the next one, so many
 *   junctions that decide at once share one fsync.
 * - Order is kept: a record written later is never on disk before one written earlier.
 * - A failed batch rejects its writers (IG_ERR_COMMAND_OUTBOX_FAILED); the next one is tried all the same.
 */
import { join } from 'node:path'
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

/** @throws IG_ERR_COMMAND_STORE_UNUSABLE */
export async function openOutbox(data: OutboxWorkerData): Promise<Outbox> {
  const worker = new Worker(join(import.meta.dirname, 'outbox-worker.ts'), { workerData: data })
  const contents = await opened(worker, data.dir)
  let waiting: Waiting[] = []
  let underWay: Waiting[] = []
  let isGone = false
  let onIdle: (() => void) | undefined

  function send() {
    if (underWay.length > 0) return
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

  worker.on('message', (message: FromOutbox) => {
    finish(message.kind === 'failed' ? message.reason : undefined)
  })
  const exited = new Promise<void>((resolve) => {
    worker.once('exit', () => {
      isGone = true
      const lost = [...underWay, ...waiting]
      underWay = []
      waiting = []
      for (const entry of lost) entry.reject(CommandOutboxFailed('its thread has ended'))
      onIdle?.()
      resolve()
    })
  })
  worker.on('error', () => {}) // `exit` follows and rejects who waits.

  return {
    contents,
    write(record) {
      if (isGone) return Promise.reject(CommandOutboxFailed('its thread has ended'))
      return new Promise((resolve, reject) => {
        waiting.push({ record, resolve, reject })
        // A microtask later, so that all who decide in this turn share the batch.
        if (underWay.length === 0) queueMicrotask(send)
      })
    },
    async close() {
      if (!isGone && underWay.length + waiting.length > 0) {
        await new Promise<void>((resolve) => {
          onIdle = resolve
        })
      }
      if (!isGone) worker.postMessage({ kind: 'close' } satisfies ToOutbox)
      await exited
    },
  }
}

function opened(worker: Worker, dir: string): Promise<OutboxContents> {
  return new Promise((resolve, reject) => {
    worker.once('error', reject)
    worker.once('message', (message: FromOutbox) => {
      worker.off('error', reject)
      if (message.kind === 'opened') resolve(message.contents)
      else if (message.kind === 'unusable') {
        // The store's own words, made on the other side.
        reject(new CodedError(CommandStoreUnusable, message.reason))
      } else reject(CommandStoreUnusable(dir, 'its thread does not answer'))
    })
  })
}
