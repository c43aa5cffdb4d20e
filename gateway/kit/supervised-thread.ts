/**
 * A worker thread that may die: it is started again, asked questions, and ended in order. Both ends of the wire.
 *
 * - `start` fails with what the thread says is wrong; once it has opened, it is started again for ever.
 * - What is posted while it is not running is dropped: `onOpened` is the place to say again what it must know.
 * - A question that is open when it dies is refused with `unavailable`.
 */
import { type MessagePort, type Transferable, Worker } from 'node:worker_threads'
import type { Clock } from './clock.ts'
import type { Log } from './log.ts'
import { errorOf, type PlainError, plainError } from './plain-error.ts'

export interface SupervisedThread<To> {
  /** Resolves when the thread has opened what it needs. */
  start(): Promise<void>
  post(message: To): void
  ask(name: string, args: readonly unknown[]): Promise<unknown>
  /** Asks it to end in order; after the deadline it is ended. */
  stop(deadlineMs: number): Promise<void>
}

export interface SupervisedThreadOptions<From> {
  readonly url: URL
  readonly name: string
  readonly workerData: object
  readonly log: Log
  readonly clock: Clock
  readonly unavailable: (why: string) => Error
  readonly onOpened: () => void
  readonly onMessage: (message: From) => void
}

type Wire =
  | { readonly wire: 'opened' }
  | { readonly wire: 'failed'; readonly error: PlainError }
  | { readonly wire: 'answer'; readonly id: number; readonly value?: unknown }
  | { readonly wire: 'refusal'; readonly id: number; readonly error: PlainError }
  | { readonly wire: 'message'; readonly message: unknown }
type Order =
  | { readonly wire: 'ask'; readonly id: number; readonly name: string; readonly args: unknown[] }
  | { readonly wire: 'stop'; readonly deadlineMs: number }
  | { readonly wire: 'message'; readonly message: unknown }

const restartMsFirst = 200
const restartMsMost = 10_000
const provenMs = 60_000 // A thread that lived this long is started again at once.
const stopMarginMs = 300 // To close its files after the work it may still do.

export function createSupervisedThread<To, From>(
  options: SupervisedThreadOptions<From>,
): SupervisedThread<To> {
  const { clock, log, unavailable } = options
  const open = new Map<number, PromiseWithResolvers<unknown>>()
  let thread: Worker | undefined
  let lastId = 0
  let isStopping = false
  let onEnded: () => void = () => {}
  let restartMs = restartMsFirst

  function post(order: Order): void {
    thread?.postMessage(order)
  }

  function spawn(): Promise<void> {
    const { url, name, workerData } = options
    const started = new Worker(url, { workerData, name })
    const bornAtMs = clock.nowMs()
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    let isOpen = false
    thread = started
    started.on('message', (wire: Wire) => {
      switch (wire.wire) {
        case 'opened':
          isOpen = true
          options.onOpened()
          resolve()
          break
        case 'failed':
          reject(errorOf(wire.error, unavailable))
          break
        case 'answer':
          settle(wire.id)?.resolve(wire.value)
          break
        case 'refusal':
          settle(wire.id)?.reject(errorOf(wire.error, unavailable))
          break
        case 'message':
          options.onMessage(wire.message as From)
      }
    })
    started.on('error', (err) => {
      log.error({ err, thread: name }, 'a thread failed')
      reject(err)
    })
    started.on('exit', () => {
      if (thread === started) thread = undefined
      reject(unavailable('its thread ended'))
      for (const question of open.values()) question.reject(unavailable('its thread ended'))
      open.clear()
      if (isStopping) onEnded()
      else if (isOpen) respawn(clock.nowMs() - bornAtMs)
    })
    return promise
  }

  function settle(id: number): PromiseWithResolvers<unknown> | undefined {
    const question = open.get(id)
    open.delete(id)
    return question
  }

  function respawn(livedMs: number): void {
    if (livedMs > provenMs) restartMs = restartMsFirst
    log.error({ thread: options.name, restartMs }, 'a thread ended and is started again')
    clock.after(restartMs, () => {
      if (isStopping) return
      spawn().catch((err) => {
        log.error({ err, thread: options.name }, 'a thread could not be started again')
        if (thread === undefined) respawn(0)
        else thread.once('exit', () => respawn(0))
      })
    })
    restartMs = Math.min(restartMs * 2, restartMsMost)
  }

  return {
    start: spawn,
    post: (message) => post({ wire: 'message', message }),
    ask(name, args) {
      if (thread === undefined) return Promise.reject(unavailable('it is not running'))
      const question = Promise.withResolvers<unknown>()
      lastId += 1
      open.set(lastId, question)
      post({ wire: 'ask', id: lastId, name, args: [...args] })
      return question.promise
    },
    async stop(deadlineMs) {
      isStopping = true
      const running = thread
      if (running === undefined) return
      const ended = new Promise<void>((resolve) => {
        onEnded = resolve
      })
      post({ wire: 'stop', deadlineMs: Math.max(0, deadlineMs - stopMarginMs) })
      const cancel = clock.after(deadlineMs, () => void running.terminate())
      await ended
      cancel()
    },
  }
}

export interface ThreadWork<To> {
  handle(message: To): void
  /** Answers a question, or throws. */
  answer(name: string, args: readonly unknown[]): unknown
  stop(deadlineMs: number): Promise<void>
}

/** The thread's end. `open` prepares everything; what it throws ends the thread and is told. */
export async function serveThread<To, From>(
  port: MessagePort,
  open: (say: (message: From, transfer?: Transferable[]) => void) => Promise<ThreadWork<To>>,
): Promise<void> {
  const tell = (wire: Wire, transfer: Transferable[] = []) => port.postMessage(wire, transfer)
  try {
    const work = await open((message, transfer) => tell({ wire: 'message', message }, transfer))
    port.on('message', async (order: Order) => {
      if (order.wire === 'message') work.handle(order.message as To)
      else if (order.wire === 'ask') tell(answerOf(work, order))
      else {
        await work.stop(order.deadlineMs)
        port.close()
      }
    })
    tell({ wire: 'opened' })
  } catch (error) {
    tell({ wire: 'failed', error: plainError(error) })
    port.close()
  }
}

function answerOf<To>(work: ThreadWork<To>, { id, name, args }: Order & { wire: 'ask' }): Wire {
  try {
    return { wire: 'answer', id, value: work.answer(name, args) }
  } catch (error) {
    return { wire: 'refusal', id, error: plainError(error) }
  }
}
