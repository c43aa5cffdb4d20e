/**
 * The ledger's thread: takes one message at a time and answers it; the work is in store.ts.
 *
 * - A commit is answered as soon as it is durable; housekeeping is done after an answer, not after each.
 * - A fault of the disk is an answer, not the end of the thread.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { isCodedError } from '../../schemas/coded-error.ts'
import type { CommitRequest, Usage } from './commit.ts'
import {
  type Fault,
  type FromWorker,
  keepNothing,
  type Passed,
  type ToWorker,
  type WorkerData,
} from './protocol.ts'
import { openStore, type Store } from './store.ts'

const { dir, limits } = workerData as WorkerData
const port = parentPort
if (!port) throw new Error('worker.ts is a thread of the ledger, not a program')

const sqliteFull = 13

function say(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  port?.postMessage(message, transfer)
}

function start(): void {
  let store: Store
  let usage: Usage
  try {
    store = openStore(dir, limits)
    usage = store.usage(performance.now())
  } catch (error) {
    const code = isCodedError(error) ? error.code : 'IG_ERR_LEDGER_UNREADABLE'
    say({ kind: 'failed', code, message: (error as Error).message })
    return
  }
  port?.on('message', (message: ToWorker) => handle(store, message))
  say({ kind: 'opened', state: store.state, usage })
}

/** What the main thread takes for the oldest record. */
let toldFirstOffset = -1

function handle(store: Store, message: ToWorker): void {
  switch (message.kind) {
    case 'commit': {
      const fault = commit(store, message.request)
      const usage = store.usage(performance.now())
      toldFirstOffset = usage.firstOffset
      say({ kind: 'committed', usage, ...(fault && { fault }) })
      tend(store, message)
      return
    }
    case 'tend': {
      tend(store, message)
      const usage = store.usage(performance.now())
      if (usage.firstOffset !== toldFirstOffset) say({ kind: 'tended', usage })
      toldFirstOffset = usage.firstOffset
      return
    }
    case 'read':
      read(store, message.id, message.from, message.bytesMax)
      return
    case 'close':
      store.close()
      say({ kind: 'closed' })
      port?.close()
  }
}

function commit(store: Store, request: CommitRequest): Fault | undefined {
  try {
    store.commit(request)
  } catch (error) {
    const code = ((error as { errcode?: number }).errcode ?? 0) & 0xff
    return { kind: code === sqliteFull ? 'full' : 'disk', text: (error as Error).message }
  }
}

/** Longest housekeeping between two commits, a checkpoint apart. */
const tendingMsMax = 3
/** Seldom, while there is room. */
const tendEveryMs = 100
let tendAtMs = Number.NEGATIVE_INFINITY

/** What fails here (a full disk) is tried again after the next commit, and shows there. */
function tend(store: Store, { passed, keepFromMs }: Passed): void {
  const nowMs = performance.now()
  if (nowMs < tendAtMs && keepFromMs !== keepNothing) return
  try {
    let hasMore = true
    while (hasMore && performance.now() < nowMs + tendingMsMax)
      hasMore = store.tend(passed, keepFromMs)
    if (!hasMore) tendAtMs = nowMs + tendEveryMs
    const items = store.resubmitted()
    if (items.length > 0) say({ kind: 'resubmitted', items })
  } catch {}
}

function read(store: Store, id: number, from: number, bytesMax: number): void {
  try {
    const rows = store.read(from, bytesMax)
    say(
      { kind: 'read', id, rows },
      rows.map((row) => row.bytes.buffer as ArrayBuffer),
    )
  } catch (error) {
    say({ kind: 'read', id, error: (error as Error).message })
  }
}

start()
