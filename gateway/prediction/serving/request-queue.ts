/**
 * Batches that wait for the model thread: bounded, control before shadow, late ones thrown away.
 *
 * - One batch is with the thread at a time, so that a batch for control never stands behind more than one other.
 * - A full queue gives up its newest shadow batch first; a batch for control is refused only when all are for control.
 * - A request whose deadline passes ends at once with IG_ERR_PREDICTION_LATE; an answer that comes later is dropped.
 */
import { AnswerLate, QueueFull } from '../errors.ts'

export const queueLengthMax = 64

export interface BatchRequest {
  readonly model: string
  readonly features: Float32Array
  readonly series: number
  readonly priority: 'control' | 'shadow'
  readonly deadlineMs: number
}

export interface QueueCounts {
  answered: number
  late: number
  refused: number
  failed: number
}

interface Waiting {
  readonly request: BatchRequest
  readonly resolve: (forecast: Float32Array) => void
  readonly reject: (error: Error) => void
  timer: NodeJS.Timeout | undefined
}

export type RunBatch = (request: BatchRequest) => Promise<Float32Array>

export class RequestQueue {
  readonly #run: RunBatch
  readonly #control: Waiting[] = []
  readonly #shadow: Waiting[] = []
  #isBusy = false
  readonly counts: QueueCounts = { answered: 0, late: 0, refused: 0, failed: 0 }

  constructor(run: RunBatch) {
    this.#run = run
  }

  get length(): number {
    return this.#control.length + this.#shadow.length
  }

  /** @throws IG_ERR_PREDICTION_QUEUE_FULL, IG_ERR_PREDICTION_LATE, or what the thread failed with */
  ask(request: BatchRequest): Promise<Float32Array> {
    return new Promise((resolve, reject) => {
      if (this.length >= queueLengthMax && !this.#makeRoom(request)) {
        this.counts.refused += 1
        reject(QueueFull(this.length, queueLengthMax))
        return
      }
      const waiting: Waiting = { request, resolve, reject, timer: undefined }
      // A deadline is wall time: it bounds how long control waits, whatever clock the street runs on.
      waiting.timer = setTimeout(() => this.#expire(waiting), request.deadlineMs)
      waiting.timer.unref()
      this.#listOf(request).push(waiting)
      void this.#next()
    })
  }

  #listOf(request: BatchRequest): Waiting[] {
    return request.priority === 'control' ? this.#control : this.#shadow
  }

  #makeRoom(request: BatchRequest): boolean {
    const victim = request.priority === 'control' ? this.#shadow.pop() : undefined
    if (!victim) return false
    clearTimeout(victim.timer)
    this.counts.refused += 1
    victim.reject(QueueFull(queueLengthMax, queueLengthMax))
    return true
  }

  #expire(waiting: Waiting): void {
    const list = this.#listOf(waiting.request)
    const at = list.indexOf(waiting)
    if (at >= 0) list.splice(at, 1)
    waiting.timer = undefined
    this.counts.late += 1
    waiting.reject(AnswerLate(waiting.request.model, waiting.request.deadlineMs))
  }

  async #next(): Promise<void> {
    if (this.#isBusy) return
    const waiting = this.#control.shift() ?? this.#shadow.shift()
    if (!waiting) return
    this.#isBusy = true
    try {
      const forecast = await this.#run(waiting.request)
      if (waiting.timer !== undefined) this.counts.answered += 1
      waiting.resolve(forecast)
    } catch (error) {
      if (waiting.timer !== undefined) this.counts.failed += 1
      waiting.reject(error as Error)
    } finally {
      clearTimeout(waiting.timer)
      this.#isBusy = false
      void this.#next()
    }
  }
}
