/**
 * The gateway's side of the model thread: keeps it alive, keeps what it should have loaded, asks it for forecasts.
 *
 * - A thread that ends is started again after a pause that doubles; its models are loaded again from the bytes that were
 *   checked, so a file that changed meanwhile cannot slip in.
 * - A thread that sits on one message for too long is left alone and another is started, without the model it hangs on:
 *   ending a thread from outside while native code runs in it takes the whole process with it.
 * - Requests under way then fail with IG_ERR_PREDICTION_WORKER_LOST; nobody waits for ever.
 */
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import type { Log } from '../../kit/log.ts'
import { ModelRefused, WorkerLost } from '../errors.ts'
import type { ModelFiles } from './model-card.ts'
import type { FromWorker, ToWorker } from './protocol.ts'
import { RequestQueue, type RunBatch } from './request-queue.ts'
import type { SessionReport } from './session.ts'

/** Longest a thread may work on one message before it counts as hung. */
const hungAfterMs = 10_000
/** How long a thread may take to end when told to. */
const endMs = 3_000
const restartPauseMsMin = 100
const restartPauseMsMax = 30_000
/** JavaScript heap of the thread; the network's own memory is bounded when it is let in. */
const heapMb = 128

type WithoutId<T> = T extends { id: number } ? Omit<T, 'id'> : never
type Answer = Exclude<FromWorker, { kind: 'ready' }>
type Pending = {
  /** The model it is about, which is to blame if the thread hangs. */
  readonly model: string | undefined
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: Error) => void
  timer: NodeJS.Timeout | undefined
}

export interface ModelHostOptions {
  /** Told of a model on which the thread hung; it is not loaded any more. */
  onHang?(model: string): void
  readonly hungAfterMs?: number
}

export class ModelHost {
  readonly queue: RequestQueue
  readonly #log: Log
  readonly #onHang: (model: string) => void
  readonly #hungAfterMs: number
  readonly #loaded = new Map<string, ModelFiles>()
  readonly #pending = new Map<number, Pending>()
  #worker: Worker | undefined
  #ready: Promise<void> = Promise.resolve()
  #nextId = 1
  #pauseMs = restartPauseMsMin
  #restart: NodeJS.Timeout | undefined
  #isClosing = false
  restarts = 0

  /** Threads left to themselves that have not ended yet. */
  abandoned = 0

  constructor(log: Log, options: ModelHostOptions = {}) {
    this.#log = log
    this.#onHang = options.onHang ?? (() => undefined)
    this.#hungAfterMs = options.hungAfterMs ?? hungAfterMs
    const run: RunBatch = async (request) => {
      const { model, features, series } = request
      const answer = await this.#call({ kind: 'run', model, features, series }, [
        features.buffer as ArrayBuffer,
      ])
      if (answer.kind !== 'answer') throw WorkerLost(`it answered ${answer.kind} to a batch`)
      return answer.forecast
    }
    this.queue = new RequestQueue(run)
  }

  start(): void {
    this.#spawn()
  }

  has(model: string): boolean {
    return this.#loaded.has(model)
  }

  /** @throws IG_ERR_PREDICTION_MODEL_REFUSED; what was loaded under that id before goes on then */
  async load(files: ModelFiles): Promise<SessionReport> {
    const answer = await this.#call({ kind: 'load', card: files.card, bytes: files.bytes })
    if (answer.kind !== 'loaded') throw WorkerLost(`it answered ${answer.kind} to a load`)
    this.#loaded.set(files.card.id, files)
    return answer.report
  }

  async unload(model: string): Promise<void> {
    this.#loaded.delete(model)
    await this.#call({ kind: 'unload', model })
  }

  /** Makes the thread fail, as a drill. */
  kill(): void {
    void this.#call({ kind: 'crash' }).catch(() => undefined)
  }

  async close(): Promise<void> {
    this.#isClosing = true
    clearTimeout(this.#restart)
    const worker = this.#worker
    if (!worker) return
    // From here on the process waits for the thread, but not for ever.
    worker.ref()
    const exited = once(worker, 'exit')
    // Waits behind whatever runs in the thread now.
    void this.#call({ kind: 'end' }).catch(() => undefined)
    const timeUp = new AbortController()
    const waited = wait(endMs, undefined, { signal: timeUp.signal }).catch(() => undefined)
    await Promise.race([exited, waited])
    timeUp.abort()
    worker.unref()
  }

  #call(message: WithoutId<ToWorker>, transfer: readonly ArrayBuffer[] = []): Promise<Answer> {
    const worker = this.#worker
    if (!worker) return Promise.reject(WorkerLost('it is being started again'))
    const id = this.#nextId++
    const model =
      message.kind === 'load' ? message.card.id : 'model' in message ? message.model : undefined
    return new Promise((resolve, reject) => {
      const pending: Pending = { model, resolve, reject, timer: undefined }
      this.#pending.set(id, pending)
      // A thread that is still starting up does not hang.
      void this.#ready.then(() => {
        if (this.#pending.get(id) !== pending) return
        pending.timer = setTimeout(() => this.#abandon(worker, model), this.#hungAfterMs)
        pending.timer.unref()
      })
      worker.postMessage({ ...message, id } as ToWorker, [...transfer])
    })
  }

  #spawn(): void {
    const worker = new Worker(new URL('./model-worker.ts', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: heapMb },
    })
    worker.unref()
    this.#worker = worker
    this.#ready = new Promise((resolve) => {
      worker.on('message', (answer: FromWorker) => {
        if (answer.kind === 'ready') resolve()
        else this.#settle(answer)
      })
    })
    worker.on('error', (error) => this.#lost(worker, error.message))
    worker.on('exit', (code) => this.#lost(worker, `exit code ${code}`))
  }

  #settle(answer: Answer): void {
    const pending = this.#pending.get(answer.id)
    if (!pending) return
    this.#pending.delete(answer.id)
    clearTimeout(pending.timer)
    if (answer.kind === 'failed') pending.reject(ModelRefused('in the thread', answer.message))
    else {
      this.#pauseMs = restartPauseMsMin
      pending.resolve(answer)
    }
  }

  /** Leaves a hung thread to itself; should it ever come back, it finds that it is to end. */
  #abandon(worker: Worker, model: string | undefined): void {
    if (this.#worker !== worker) return
    this.#log.error({ code: WorkerLost.code, model }, 'the model thread hangs')
    worker.postMessage({ kind: 'end', id: 0 } satisfies ToWorker)
    this.abandoned += 1
    worker.once('exit', () => {
      this.abandoned -= 1
    })
    if (model !== undefined) {
      this.#loaded.delete(model)
      this.#onHang(model)
    }
    this.#lost(worker, 'it hangs')
  }

  #lost(worker: Worker, why: string): void {
    if (this.#worker !== worker) return
    this.#worker = undefined
    for (const { reject, timer } of this.#pending.values()) {
      clearTimeout(timer)
      reject(WorkerLost(why))
    }
    this.#pending.clear()
    if (this.#isClosing) return
    this.restarts += 1
    this.#log.warn({ code: WorkerLost.code, why, pauseMs: this.#pauseMs }, 'model thread lost')
    this.#restart = setTimeout(() => void this.#revive(), this.#pauseMs)
    this.#restart.unref()
    this.#pauseMs = Math.min(restartPauseMsMax, this.#pauseMs * 2)
  }

  async #revive(): Promise<void> {
    this.#spawn()
    for (const files of [...this.#loaded.values()]) {
      try {
        await this.load(files)
      } catch (err) {
        this.#log.warn({ err, model: files.card.id }, 'a model could not be loaded again')
      }
    }
  }
}
