/**
 * The forecaster of the house: networks where they have earned their seat, the profile everywhere else.
 *
 *   reading ─▶ book ─▶ profile forecast, at once
 *                └─▶ batch ─▶ model thread ─▶ output check ─▶ track ─▶ forecast()
 *                judged five minutes, … an hour later ─▶ scoreboard, calibration, contest
 *
 * - `forecast` is synchronous and reads memory; no network, thread or disk can hold it up. Without a fresh network
 *   forecast it answers the profile's, and says so in `model`.
 * - A batch goes out when every detector that reports has closed its bucket, or a moment after the first has.
 */
import type { Clock } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'
import type { Part } from '../kit/part.ts'
import { type DetectorFault, endWatch, watchBucket } from './faults/fault-watch.ts'
import type { ContestEntry } from './judges/contest.ts'
import { pinballOf, type Score, Scoreboard } from './judges/scoreboard.ts'
import { Book, profileModel, type Series } from './online/book.ts'
import { createCalendar, slotMs, slotsPerDay, timeZoneDefault } from './online/calendar.ts'
import type { Forecast, Forecaster, Reading } from './ports.ts'
import { type ForecasterSnapshot, readForecast } from './profile-forecaster.ts'
import { Dispatcher } from './serving/dispatcher.ts'
import { type AuditEntry, Lineup } from './serving/lineup.ts'
import { ModelHost } from './serving/model-host.ts'
import type { QueueCounts } from './serving/request-queue.ts'
import { readState, writeState } from './state-file.ts'

/** How long the network's forecast of the bucket before may stand in for the one under way. */
const previousStandsMs = 30_000
const checkPeriodMs = slotMs
const scanPeriodMs = 60_000
const scanWallMsMin = 2_000
/**
 * Values after which a series is known well enough for a network: a day. On a street nobody knows the profile does better
 * half an hour and an hour ahead; a contest held there would cost a network the seat for the days it is good at.
 */
const knownAfterValuesDefault = slotsPerDay
/** What a model's forecast of a series unlike anything it has learned from is worth. */
const foreignTrust = 0.5

export interface NeighbourKey {
  readonly node: string
  readonly component: string
}

export interface HouseForecasterOptions {
  readonly clock: Clock
  readonly log: Log
  /** Where the detectors stand (IANA name), for time of day and day of week; UTC without. */
  readonly timeZone?: string
  /** Models that came with the house; its first takes an empty seat. */
  readonly shippedFolder?: string
  /** Folders in which a user puts models, a folder each. */
  readonly modelFolders?: readonly string[]
  /** Detectors up and down the road, strongest influence first. */
  neighboursOf?(node: string, component: string): readonly NeighbourKey[]
  /** Values a series must have shown before a network forecasts it for control. */
  readonly knownAfterValues?: number
  onAudit?(entry: AuditEntry): void
  /** A detector's values cannot be right any more, or are again. */
  onFault?(fault: DetectorFault): void
}

export interface HouseForecaster extends Forecaster, Part {
  /** Learns from a reading that was observed before a restart: its faults have been told. */
  relearn(reading: Reading): void
  scores(): readonly Score[]
  /** Models that take part now; scores may be of others that have left. */
  models(): readonly string[]
  contests(): readonly ContestEntry[]
  counts(): Readonly<QueueCounts> & { readonly queued: number; readonly restarts: number }
  /** Detectors followed, and what the bounds have cost since the start (online/book.ts). */
  detectors(): {
    readonly known: number
    readonly forgotten: number
    readonly readingsLeftOut: { readonly full: number; readonly notNewer: number }
  }
  /** Looks at the model folders now instead of within the minute. */
  rescan(): Promise<void>
  /** Resolves when no batch is waiting or under way: for tools that must not run ahead of the network. */
  whenIdle(): Promise<void>
  /** Makes the model thread fail; it comes back by itself. For drills. */
  killThread(): void
  /** All that was learned, as plain data, and back: for a small house. */
  snapshot(): HouseSnapshot
  restore(snapshot: HouseSnapshot): void
  /**
   * The same to a file and back, some detectors at a time, so that a large house does not hold up the event loop.
   * `offset` is kept beside it: the first record of the ledger it may not have seen. Feeding later ones twice is harmless.
   */
  save(file: string, offset: number): Promise<void>
  load(file: string): Promise<number | undefined>
}

export interface HouseSnapshot extends ForecasterSnapshot {
  readonly champions?: Readonly<Record<string, string>>
}

export function createHouseForecaster(options: HouseForecasterOptions): HouseForecaster {
  const { clock, log, knownAfterValues = knownAfterValuesDefault } = options
  const { timeZone = timeZoneDefault } = options
  const calendar = createCalendar(timeZone)
  const scoreboard = new Scoreboard()
  const host = new ModelHost(log, { onHang: (model) => lineup.hung(model) })
  const lineup: Lineup = new Lineup({
    host,
    log,
    shippedFolder: options.shippedFolder,
    modelFolders: options.modelFolders ?? [],
    onAudit(event, model, facts) {
      log.info({ room: 'prediction', event, model, ...facts }, 'model lineup')
      const told = event === 'seatChanged' ? { ...facts, scores: scoresBehind(facts) } : facts
      options.onAudit?.({ atMs: clock.nowMs(), event, model, facts: told })
    },
  })
  const cancels: (() => void)[] = []
  let isStarted = false
  let isRelearning = false
  let lastScanAt = Number.NEGATIVE_INFINITY

  const book = new Book(
    calendar,
    (series, endMs, value) => {
      if (Number.isFinite(value)) judge(series, endMs, value)
      dispatcher.add(series, endMs)
    },
    {
      onBucket(detector, bucket) {
        const { node, component } = detector.series[0]!
        const known = options.neighboursOf?.(node, component) ?? []
        const neighbours =
          known.length > 0
            ? known.map((key) => book.detector(key.node, key.component))
            : book.detectorsOf(node).filter((other) => other !== detector)
        tell(watchBucket(detector, bucket, neighbours))
      },
      onForget: (detector, atMs) => tell(endWatch(detector, atMs)),
    },
  )

  function tell(faults: readonly DetectorFault[]): void {
    if (isRelearning) return
    for (const fault of faults) {
      log.info({ ...fault }, 'detector fault')
      options.onFault?.(fault)
    }
  }

  const dispatcher = new Dispatcher({
    clock,
    log,
    calendar,
    queue: host.queue,
    lineup,
    areaAt: (quantity, endMs) => book.areaAt(quantity, endMs),
    neighboursOf: ({ node, component, quantity }) =>
      (options.neighboursOf?.(node, component) ?? []).map((key) =>
        book.find(key.node, key.component, quantity),
      ),
    seenTo: () => book.seenTo,
  })

  function judge(series: Series, endMs: number, value: number): void {
    const contest = lineup.contest(series.quantity)
    const champion = series.tracks.get(contest.champion)?.judge(endMs, value, 0) ?? []
    for (const one of champion) scoreboard.add(contest.champion, series.quantity, one)
    for (const [model, track] of series.tracks) {
      if (model === contest.champion) continue
      if (!lineup.has(model)) {
        // It has left the house; before the start, it has only not come yet.
        if (isStarted) series.tracks.delete(model)
        continue
      }
      for (const one of track.judge(endMs, value, 0)) {
        scoreboard.add(model, series.quantity, one)
        // Who is better is settled on series a network may forecast.
        if (series.state.seen < knownAfterValues) continue
        const pair = champion.find((other) => other.horizonMin === one.horizonMin)
        const scale = series.state.scale
        if (pair) contest.add(model, pinballOf(pair) / scale, pinballOf(one) / scale)
      }
    }
  }

  function forecastOf(series: Series, nowMs: number): Forecast | undefined {
    // What a detector that cannot be right shows, nobody should steer by.
    const { kinds } = book.detector(series.node, series.component)!.faults
    if (kinds.some((kind) => kind !== 'drifting')) return undefined
    const faultTrust = kinds.length > 0 ? foreignTrust : 1
    const contest = lineup.contest(series.quantity)
    const { champion } = contest
    if (champion !== profileModel && series.state.seen >= knownAfterValues) {
      const drift = lineup.inputCheck(champion)?.drift ?? 0
      const trust =
        faultTrust *
        contest.trust() *
        (series.isForeign ? foreignTrust : 1) *
        (1 - (1 - foreignTrust) * drift)
      const isWaiting = nowMs - series.newestMs < previousStandsMs
      const forecast =
        readForecast(series, champion, nowMs, trust) ??
        (isWaiting
          ? readForecast(series, champion, nowMs, trust, series.newestMs - slotMs)
          : undefined)
      if (forecast) return forecast
    }
    return readForecast(series, profileModel, nowMs, faultTrust)
  }

  async function scan(): Promise<void> {
    if (performance.now() - lastScanAt < scanWallMsMin) return
    lastScanAt = performance.now()
    await lineup.scan().catch((err) => log.warn({ err }, 'model folders could not be read'))
  }

  /** Of the two models a change of seat is about, in their quantity. */
  function scoresBehind({ quantity, from, to }: AuditEntry['facts']): readonly Score[] {
    return scoreboard
      .scores()
      .filter(
        (score) => score.quantity === quantity && (score.model === from || score.model === to),
      )
  }

  const championsNow = () =>
    Object.fromEntries(lineup.entries.map((entry) => [entry.quantity, entry.champion]))

  return {
    name: 'prediction',
    async start() {
      host.start()
      isStarted = true
      await scan()
      cancels.push(
        clock.every(checkPeriodMs, () => lineup.checkSeats()),
        clock.every(scanPeriodMs, () => void scan()),
      )
    },
    async stop() {
      dispatcher.stop()
      for (const cancel of cancels.splice(0)) cancel()
      await host.close()
    },
    observe(reading) {
      if (book.observe(reading) && isStarted) dispatcher.closed()
    },
    relearn(reading) {
      isRelearning = true
      if (book.observe(reading)) dispatcher.closed()
      isRelearning = false
    },
    forecast(node, component, quantity, nowMs) {
      const series = book.find(node, component, quantity)
      const forecast = series && forecastOf(series, nowMs)
      if (!forecast) return undefined
      const sha256 = lineup.checksumOf(forecast.model)
      return sha256 ? { ...forecast, input: { sha256, ...forecast.input } } : forecast
    },
    scores: () => scoreboard.scores(),
    models: () => lineup.models,
    contests: () => lineup.entries,
    counts: () => ({ ...host.queue.counts, queued: host.queue.length, restarts: host.restarts }),
    detectors: () => ({
      known: book.detectorCount,
      forgotten: book.forgotten,
      readingsLeftOut: { ...book.readings },
    }),
    async rescan() {
      lastScanAt = Number.NEGATIVE_INFINITY
      await scan()
    },
    whenIdle: () => dispatcher.whenIdle(),
    killThread: () => host.kill(),
    snapshot: () => ({
      version: 1,
      detectors: [...book.snapshots()],
      scores: scoreboard.scores(),
      champions: championsNow(),
    }),
    restore(snapshot) {
      for (const detector of snapshot.detectors) book.restore(detector)
      scoreboard.restore(snapshot.scores)
      lineup.remember(snapshot.champions ?? {})
    },
    save(file, offset) {
      const scores = scoreboard.scores()
      return writeState(file, { offset, timeZone, champions: championsNow(), scores, book })
    },
    async load(file) {
      const state = await readState(file, book, log)
      const { timeZone: before = timeZoneDefault } = state ?? { timeZone }
      if (before !== timeZone)
        log.warn(
          { before, timeZone },
          'the usual day was learned in another time zone; it relearns',
        )
      scoreboard.restore(state?.scores ?? [])
      lineup.remember(state?.champions ?? {})
      return state?.offset
    },
  }
}
