/**
 * Makes forecasts of the past again: the readings of the ledger in their order, the same online state, the same network.
 *
 * - Begins at a checkpoint or at the ledger's first record and goes as far as the forecast had seen; what came later
 *   cannot get in, because nobody reads it.
 * - The intervals are calibrated on the way as they were, so each forecast of the detectors asked for is made again, not
 *   the last alone. An answer that was late or lost then is made here all the same: p10 and p90 may differ by that, p50 not.
 */
import { silentLog } from '../kit/log.ts'
import { type Explanation, explain } from './explain.ts'
import { takeAnswer } from './judges/output-check.ts'
import { rawSize, Track } from './judges/track.ts'
import { Book, profileModel } from './online/book.ts'
import { createCalendar, slotMs } from './online/calendar.ts'
import type { Quantity, Reading } from './ports.ts'
import { readForecast } from './profile-forecaster.ts'
import { makeBatch } from './serving/batch.ts'
import type { ModelSession } from './serving/session.ts'
import { readState } from './state-file.ts'

export interface RebuildTarget {
  readonly node: string
  readonly component: string
  readonly quantity: Quantity
  readonly model: string
  /** Absent for the profile. */
  readonly network?: { readonly sha256: string; readonly session: ModelSession }
}

export interface RebuildOptions {
  readonly targets: readonly RebuildTarget[]
  readonly timeZone?: string
  neighboursOf(
    node: string,
    component: string,
  ): readonly { readonly node: string; readonly component: string }[]
}

export class Rebuild {
  readonly #options: RebuildOptions
  readonly #calendar: ReturnType<typeof createCalendar>
  #book: Book
  #roundEndMs = 0

  constructor(options: RebuildOptions) {
    this.#options = options
    this.#calendar = createCalendar(options.timeZone)
    this.#book = this.#newBook()
  }

  #newBook(): Book {
    return new Book(this.#calendar, (series, endMs, value) => {
      if (Number.isFinite(value))
        for (const track of series.tracks.values()) track.judge(endMs, value, 0)
    })
  }

  /** Takes up what the forecaster had learned when the file was written; false where that cannot be read. */
  async resume(file: string): Promise<boolean> {
    if ((await readState(file, this.#book, silentLog)) !== undefined) return true
    this.#book = this.#newBook() // What was read of it before it broke off is older than where the ledger begins.
    return false
  }

  async observe(reading: Reading): Promise<void> {
    const endMs = Math.ceil(reading.atMs / slotMs) * slotMs
    if (endMs > this.#roundEndMs) {
      // Everybody has told of the five minutes before: now the network was asked, before anybody moved on.
      for (const target of this.#options.targets) await this.#answer(target)
      this.#roundEndMs = endMs
    }
    this.#book.observe(reading)
  }

  /** The newest forecast of a target and what it rests on; undefined where there is not enough to go on. */
  async explain(target: RebuildTarget): Promise<Explanation | undefined> {
    const series = this.#book.find(target.node, target.component, target.quantity)
    if (!series) return undefined
    await this.#answer(target)
    const forecast = readForecast(series, target.model, series.newestMs, 1)
    return forecast && explain(series, forecast, target.network?.sha256)
  }

  async #answer({ node, component, quantity, model, network }: RebuildTarget): Promise<void> {
    const series = this.#book.find(node, component, quantity)
    if (!series || !network || model === profileModel || series.state.seen === 0) return
    const track = series.tracks.get(model) ?? new Track()
    if (track.holds(series.newestMs)) return
    series.tracks.set(model, track)
    const batch = makeBatch([series], {
      areaAt: (of, endMs) => this.#book.areaAt(of, endMs),
      calendar: this.#calendar,
      neighboursOf: () =>
        this.#options
          .neighboursOf(node, component)
          .map((key) => this.#book.find(key.node, key.component, quantity)),
      seenTo: this.#book.seenTo,
    })
    const answer = await network.session.run(batch.features, 1)
    const raw = new Float32Array(rawSize)
    if (takeAnswer(answer, 0, { quantity, scale: batch.scales[0]! }, raw))
      track.put(series.newestMs, raw, batch.seenTo)
  }
}
