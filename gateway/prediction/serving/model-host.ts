/**
 * The gateway's side of the model thread: keeps it alive, keeps what it should have loaded, asks it for forecasts.
 *
 * - A thread that ends, or that sits on one batch for too long, is replaced after a pause that doubles; its models are
 *   loaded again from the bytes that were checked, so a file that changed meanwhile cannot slip in.
 * - Requests under way then fail with IG_ERR_PREDICTION_WORKER_LOST; nobody waits for ever.
 */
import { Worker } from 'node:worker_threads'
import type { Log } from '../../kit/log.ts'
import { ModelRefused, WorkerLost } from '../errors.ts'
import type { ModelFiles } from './model-card.ts'
import type { FromWorker, ToWorker } from './protocol.ts'
import { RequestQueue, type RunBatch } from './request-queue.ts'
import type { SessionReport } from './session.ts'

/** Longest a thread may work on one message before it counts as hung. */
const hungAfterMs = 10_000
const restartPauseMsMin = 100
const restartPauseMsMax = 30_000
/** JavaScript heap of the thread; the network's own memory is bounded when it is let in. */
const heapMb = 128

type WithoutId<T> = T extends { id: number } ? Omit<T, 'id'> : never
type Pending = {
  readonly resolve: (answer: FromWorker) => void
  readonly reject: (error: Error) => void
  readonly timer: NodeJS.Timeout
}

export class ModelHost {
  readonly queue: RequestQueue
  readonly #log: Log
  readonly #loaded = new Map<string, ModelFiles>()
  readonly #pending = new Map<number, Pending>()
  #worker: Worker | undefined
  #nextId = 1
  #pauseMs = restartPauseMsMin
  #restart: NodeJS.Timeout | undefined
  #isClosing = false
  restarts = 0

  constructor(log: Log) {
    this.#log = log
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

  /** Ends the thread; for tests of what happens then, too. */
  async kill(): Promise<void> {
    await this.#worker?.terminate()
  }

  async close(): Promise<void> {
    this.#isClosing = true
    clearTimeout(this.#restart)
    await this.kill()
  }

  #call(message: WithoutId<ToWorker>, transfer: readonly ArrayBuffer[] = []): Promise<FromWorker> {
    const worker = this.#worker
    if (!worker) return Promise.reject(WorkerLost('it is being started again'))
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#log.warn({ room: 'prediction', kind: message.kind }, 'the model thread hangs')
        void worker.terminate()
      }, hungAfterMs)
      timer.unref()
      this.#pending.set(id, { resolve, reject, timer })
      worker.postMessage({ ...message, id } as ToWorker, [...transfer])
    })
  }

  #spawn(): void {
    const worker = new Worker(new URL('./model-worker.ts', import.meta.url), {
      resourceLimits: { maxOldGenerationSizeMb: heapMb },
    })
    worker.unref()
    this.#worker = worker
    worker.on('message', (answer: FromWorker) => this.#settle(answer))
    worker.on('error', (error) => this.#lost(worker, error.message))
    worker.on('exit', (code) => this.#lost(worker, `exit code ${code}`))
  }

  #settle(answer: FromWorker): void {
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
