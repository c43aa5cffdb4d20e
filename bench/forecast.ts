/**
 * Question: what does one forecast for many detectors cost, and does the gateway's event loop feel it?
 *
 * 1. Inference alone: the shipped networks on `--detectors` series, four horizons each, one core, in this thread; in batches
 *    as the house asks, and in one.
 * 2. What the main thread pays for it: features of as many series.
 * 3. Two whole houses in this process, one with the networks on their thread and one without, in turn fed five minutes of all
 *    detectors within a second, as real detectors do once in five minutes: delay of the event loop in those seconds alone
 *    (5 ms timer). Over the whole five minutes they are half a percent, so p99 of a real street's day does not show them.
 * Figures hold for one machine and its load; compare only within one run. The least time of many is the cost, the rest is
 * the machine's: `loadAverage` says how quiet it was.
 */
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as sleep } from 'node:timers/promises'
import { createEventClock } from '../gateway/kit/clock.ts'
import { silentLog } from '../gateway/kit/log.ts'
import { createHouseForecaster } from '../gateway/prediction/house-forecaster.ts'
import { areaOf } from '../gateway/prediction/online/area.ts'
import { slotMs, steadyAhead } from '../gateway/prediction/online/calendar.ts'
import { featureCount, writeFeatures } from '../gateway/prediction/online/features.ts'
import { SeriesState } from '../gateway/prediction/online/series-state.ts'
import { readModel } from '../gateway/prediction/serving/model-card.ts'
import { type ModelSession, openSession } from '../gateway/prediction/serving/session.ts'
import { benchOptions, count } from './stand/options.ts'

const options = benchOptions<{ detectors: number; rounds: number; bursts: number; models: string }>(
  import.meta.filename,
  {
    detectors: count(1_000, 'series in a batch'),
    rounds: count(200, 'repetitions'),
    bursts: count(30, 'buckets per house, for the event loop'),
    models: {
      type: 'string',
      default: join(import.meta.dirname, '../gateway/prediction/models'),
      description: 'folder of the networks',
    },
  },
)
const { detectors, rounds, bursts } = options
const startMs = Date.UTC(2026, 2, 2)
/** As gateway/prediction/serving/dispatcher.ts asks. */
const batchSeriesMax = 250
/** Buckets a house has seen before it is watched: it forecasts, and its code is compiled. */
const warmUpBuckets = 24
const readingsPerTick = 10
const tickMs = 10
/** After the last reading: the networks have answered long before. */
const afterMs = 500

function quantiles(times: readonly number[]) {
  const sorted = [...times].sort((a, b) => a - b)
  const at = (share: number) => round(sorted[Math.floor(share * (sorted.length - 1))]!)
  return { leastMs: at(0), medianMs: at(0.5), p99Ms: at(0.99) }
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}

/** Day after day of a plain curve; what is in it does not change the cost. */
function flowAt(detector: number, step: number): number {
  return Math.round(20 + 15 * Math.sin((step % 288) / 46) + ((detector * 7 + step * 13) % 11))
}

const states = Array.from({ length: detectors }, () => new SeriesState())
for (let step = 0; step < 2 * 288; step++)
  for (const [detector, state] of states.entries())
    state.update(flowAt(detector, step), step % 288, 0)

const features = new Float32Array(detectors * featureCount)
const featureTimes: number[] = []
for (let i = 0; i < rounds; i++) {
  const startedAt = performance.now()
  const area = areaOf(states)
  for (const [at, state] of states.entries()) {
    const neighbours = [states[at - 1], states[at + 1]]
    writeFeatures(features, at * featureCount, state, {
      ahead: steadyAhead(i % 288, 0),
      neighbours,
      area,
    })
  }
  featureTimes.push(performance.now() - startedAt)
}

const inference: Record<string, unknown> = {}
for (const name of ['flow', 'speed']) {
  const files = await readModel(join(options.models, name))
  const { session, report } = await openSession(files.card, files.bytes)
  const inService = await timesOf(session, batchSeriesMax)
  const atOnce = await timesOf(session, detectors)
  await session.close()
  inference[name] = {
    inService,
    atOnce,
    loadMs: round(report.loadMs),
  }
}

/** Time for all series, in batches of `size`, again and again. */
async function timesOf(session: ModelSession, size: number) {
  const times: number[] = []
  const before = process.cpuUsage()
  for (let i = 0; i < rounds; i++) {
    const startedAt = performance.now()
    for (let from = 0; from < detectors; from += size) {
      const to = Math.min(detectors, from + size)
      await session.run(features.subarray(from * featureCount, to * featureCount), to - from)
    }
    times.push(performance.now() - startedAt)
  }
  const { user, system } = process.cpuUsage(before)
  // Processor time does not grow with what others do meanwhile, or not as much.
  return { ...quantiles(times), meanCpuMs: round((user + system) / 1000 / rounds) }
}

/** A house, and a way to watch the event loop while all its detectors tell of five minutes. */
async function openWatched(withModels: boolean) {
  const clock = createEventClock(startMs)
  const house = createHouseForecaster({
    clock,
    log: silentLog,
    knownAfterValues: 1,
    ...(withModels ? { shippedFolder: options.models } : {}),
  })
  await house.start(new AbortController().signal)
  const delay = monitorEventLoopDelay({ resolution: 5 })
  let step = 0
  async function bucket(pauseMs: number): Promise<void> {
    const atMs = startMs + (step + 1) * slotMs
    for (let detector = 0; detector < detectors; detector++) {
      house.observe({
        node: `north/det-${detector}`,
        component: 'dl/1',
        atMs,
        windowMs: slotMs,
        vehicles: flowAt(detector, step),
        occupancyPercent: 10,
        speedKmh: 50,
        quality: 'recent',
      })
      if (detector % readingsPerTick === readingsPerTick - 1) await sleep(pauseMs)
    }
    step += 1
    clock.advanceTo(atMs)
    await house.whenIdle()
  }
  for (let i = 0; i < warmUpBuckets; i++) await bucket(0)
  return {
    async burst() {
      delay.enable()
      await bucket(tickMs)
      await sleep(afterMs)
      delay.disable()
    },
    async close() {
      const counts = house.counts()
      await house.stop(1_000)
      const ms = (nanoseconds: number) => round(nanoseconds / 1e6)
      return { p50Ms: ms(delay.percentile(50)), p99Ms: ms(delay.percentile(99)), ...counts }
    },
  }
}

const plain = await openWatched(false)
const forecasting = await openWatched(true)
for (let i = 0; i < bursts; i++) {
  await plain.burst()
  await forecasting.burst()
}
const eventLoop = { without: await plain.close(), withNetworks: await forecasting.close() }
process.stdout.write(
  `${JSON.stringify({
    bench: 'forecast',
    detectors,
    horizons: 4,
    rounds,
    inference,
    features: quantiles(featureTimes),
    eventLoop,
  })}\n`,
)
process.exit(0)
