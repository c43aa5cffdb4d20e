/**
 * From series that have something new to forecasts in their tracks: gathers, asks every network, takes the answers.
 *
 * - A round goes out when as many series as in the round before have closed their bucket, or a moment after the first.
 *   Who comes later waits for company in the same way: asked for one by one, the late of a city would cost a batch each.
 * - In parts, with the event loop free in between and few of them ahead of the network; the champion's batches are asked
 *   for with priority.
 * - An answer is looked at before it is kept; without one the series simply has no forecast of that model.
 */
import { setImmediate } from 'node:timers/promises'
import type { Clock } from '../../kit/clock.ts'
import type { Log } from '../../kit/log.ts'
import { isForeign } from '../judges/input-check.ts'
import { takeAnswer } from '../judges/output-check.ts'
import { rawSize, Track } from '../judges/track.ts'
import { quantities, type Series } from '../online/book.ts'
import { featureCount } from '../online/features.ts'
import type { Quantity } from '../ports.ts'
import { type Batch, type BatchSurroundings, makeBatch } from './batch.ts'
import type { Lineup } from './lineup.ts'
import { outputSize } from './model-card.ts'
import type { RequestQueue } from './request-queue.ts'

/** How long a round waits for detectors that report a little later than the first. */
const graceMs = 1_500
/** Longest control's batch and a shadow batch may take; wall time. */
const controlDeadlineMs = 2_000
const shadowDeadlineMs = 10_000
/** Series in one batch: about 3 ms of the model thread, and less than one of this. */
const batchSeriesMax = 250
/** Questions of a round that may wait at once: the thread never idles, and a city's 240 batches do not fill its queue. */
const aheadMax = 8

export interface DispatcherOptions
  extends Pick<BatchSurroundings, 'calendar' | 'areaAt' | 'neighboursOf'> {
  readonly clock: Clock
  readonly log: Log
  readonly queue: RequestQueue
  readonly lineup: Lineup
  /** First record of the ledger that no series has seen; -1 where there is none. */
  seenTo(): number
}

export class Dispatcher {
  readonly #options: DispatcherOptions
  readonly #fresh = new Map<Quantity, Set<Series>>(
    quantities.map((quantity) => [quantity, new Set()]),
  )
  readonly #underWay = new Set<Promise<void>>()
  readonly #raw = new Float32Array(rawSize)
  #cancelGrace: (() => void) | undefined
  #roundEndMs = 0
  #steps = 0
  /** Steps of the round before; unknown in the first. */
  #stepsBefore = Number.POSITIVE_INFINITY
  /** All who were in the round before have been asked for; who comes now is late or new. */
  #isComplete = false

  constructor(options: DispatcherOptions) {
    this.#options = options
  }

  /** A series has moved on to the bucket that ended at `endMs`. */
  add(series: Series, endMs: number): void {
    if (endMs > this.#roundEndMs) {
      if (this.#roundEndMs > 0) this.#stepsBefore = this.#steps
      this.#steps = 0
      this.#isComplete = false
      this.#roundEndMs = endMs
    }
    this.#steps += 1
    this.#fresh.get(series.quantity)!.add(series)
  }

  /** All series of a detector have been added. */
  closed(): void {
    if (!this.#isComplete && this.#steps >= this.#stepsBefore) {
      this.#isComplete = true
      this.#flush()
    } else this.#cancelGrace ??= this.#options.clock.after(graceMs, () => this.#flush())
  }

  /** Resolves when nothing waits and nothing is under way. */
  async whenIdle(): Promise<void> {
    if (this.#cancelGrace) this.#flush()
    while (this.#underWay.size > 0) await Promise.allSettled([...this.#underWay])
  }

  stop(): void {
    this.#cancelGrace?.()
  }

  #flush(): void {
    this.#cancelGrace?.()
    this.#cancelGrace = undefined
    for (const [quantity, set] of this.#fresh) {
      const fresh = [...set].filter((series) => series.state.seen > 0)
      set.clear()
      if (fresh.length > 0 && this.#options.lineup.networksFor(quantity).length > 0)
        this.#follow(this.#sendOut(quantity, fresh))
    }
  }

  #follow(work: Promise<void>): void {
    this.#underWay.add(work)
    void work.finally(() => this.#underWay.delete(work))
  }

  async #sendOut(quantity: Quantity, fresh: readonly Series[]): Promise<void> {
    const { calendar, lineup, areaAt, neighboursOf, seenTo } = this.#options
    const ahead: Promise<void>[] = []
    await setImmediate()
    for (let from = 0; from < fresh.length; from += batchSeriesMax) {
      // Each batch by itself shows one moment of the ledger, so that it can be made again from there.
      const around = { calendar, areaAt, neighboursOf, seenTo: seenTo() }
      const batch = makeBatch(fresh.slice(from, from + batchSeriesMax), around)
      for (const model of lineup.networksFor(quantity)) {
        const asked = this.#ask(model, quantity, batch)
        this.#follow(asked)
        ahead.push(asked)
      }
      await setImmediate()
      while (ahead.length > aheadMax) await ahead.shift()
    }
  }

  async #ask(model: string, quantity: Quantity, batch: Batch): Promise<void> {
    const { lineup, queue, log } = this.#options
    const isControl = lineup.contest(quantity).champion === model
    const check = lineup.inputCheck(model)
    const outside = batch.series.map(
      (_, row) => check?.outside(batch.features, row * featureCount) ?? 0,
    )
    let forecast: Float32Array
    try {
      forecast = await queue.ask({
        model,
        // A copy each: it is moved to the thread.
        features: batch.features.slice(),
        series: batch.series.length,
        priority: isControl ? 'control' : 'shadow',
        deadlineMs: isControl ? controlDeadlineMs : shadowDeadlineMs,
      })
    } catch (err) {
      log.debug({ err, model, series: batch.series.length }, 'a batch went without an answer')
      return
    }
    const refused = this.#take(model, quantity, batch, forecast)
    if (isControl)
      batch.series.forEach((series, row) => {
        series.isForeign = isForeign(outside[row]!)
      })
    await lineup.note(model, batch.series.length, refused)
  }

  /** How many answers had to be thrown away. */
  #take(model: string, quantity: Quantity, batch: Batch, forecast: Float32Array): number {
    let refused = 0
    for (const [row, series] of batch.series.entries()) {
      const facts = { quantity, scale: batch.scales[row]! }
      if (takeAnswer(forecast, row * outputSize, facts, this.#raw))
        trackOf(series, model).put(batch.endsMs[row]!, this.#raw, batch.seenTo)
      else refused += 1
    }
    return refused
  }
}

function trackOf(series: Series, model: string): Track {
  let track = series.tracks.get(model)
  if (!track) {
    track = new Track()
    series.tracks.set(model, track)
  }
  return track
}
