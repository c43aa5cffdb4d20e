/**
 * Entry of the outbox's thread: one batch in, one answer out, in order. All logic is in outbox-store.ts.
 */
import { parentPort, workerData } from 'node:worker_threads'
import type { FromOutbox, OutboxWorkerData, ToOutbox } from './outbox.ts'
import { openOutboxStore } from './outbox-store.ts'

const port = parentPort
if (!port) throw new Error('outbox-worker.ts runs as a worker thread')
const { dir, historyRowsMax } = workerData as OutboxWorkerData
const say = (message: FromOutbox) => port.postMessage(message)
const textOf = (error: unknown) => (error instanceof Error ? error.message : String(error))

try {
  const store = openOutboxStore(dir, historyRowsMax)
  say({ kind: 'opened', contents: store.load() })
  port.on('message', (message: ToOutbox) => {
    if (message.kind === 'close') {
      store.close()
      port.close()
      return
    }
    try {
      store.write(message.records)
      say({ kind: 'written' })
    } catch (error) {
      say({ kind: 'failed', reason: textOf(error) })
    }
  })
} catch (error) {
  say({ kind: 'unusable', reason: textOf(error) })
  port.close()
}
