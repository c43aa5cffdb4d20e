/**
 * Loaded into a gateway's process before it starts (`node --import`), it does there what the world does and no test can
 * reach from outside: it sets the wall clock, and ends a thread.
 *
 * - It takes orders from a JSON file, looked at twenty times a second: `{clockOffsetMs?, terminate?}`.
 * - Every thread has the clock; only the main thread ends others, which tell it what file they run.
 * - It notes in `<file>.done` which orders to end a thread were carried out.
 * - The product knows nothing of it.
 */
import { subscribe } from 'node:diagnostics_channel'
import { appendFileSync, readFileSync } from 'node:fs'
import { BroadcastChannel, isMainThread, threadId, type Worker } from 'node:worker_threads'

export interface Orders {
  readonly clockOffsetMs?: number
  /** End of the name of the thread's file, and the number of the order: each is carried out once. */
  readonly terminate?: { readonly file: string; readonly order: number }
}

export const ordersVariable = 'INTERGREEN_TEST_ORDERS'

const lookEveryMs = 50
const channelName = 'saboteur'
const file = process.env[ordersVariable]

if (file) {
  const realNow = Date.now
  let orders: Orders = {}
  let lookedAtMs = Number.NEGATIVE_INFINITY
  let doneOrder = 0
  const look = () => {
    lookedAtMs = performance.now()
    try {
      orders = JSON.parse(readFileSync(file, 'utf8'))
    } catch {
      // Being written.
    }
  }
  Date.now = () => {
    if (performance.now() - lookedAtMs > lookEveryMs) look()
    return realNow() + (orders.clockOffsetMs ?? 0)
  }
  const channel = new BroadcastChannel(channelName)
  channel.unref()
  if (isMainThread) {
    const workers = new Set<Worker>()
    const files = new Map<number, string>()
    subscribe('worker_threads', (message) => {
      workers.add((message as { worker: Worker }).worker)
    })
    channel.onmessage = (message) => {
      const { id, path } = (message as { data: { id: number; path: string } }).data
      files.set(id, path)
    }
    setInterval(() => {
      look()
      const { terminate } = orders
      if (terminate === undefined || terminate.order === doneOrder) return
      for (const worker of workers) {
        // One that is just being started again is waited for.
        if (!files.get(worker.threadId)?.endsWith(terminate.file)) continue
        doneOrder = terminate.order
        void worker.terminate().then(() => appendFileSync(`${file}.done`, `${terminate.order}\n`))
      }
    }, lookEveryMs).unref()
  } else channel.postMessage({ id: threadId, path: process.argv[1] })
}
