/**
 * Question: what does one forecast for many detectors cost, and does the gateway's event loop feel it?
 *
 * 1. Inference alone: the shipped network on a batch of `--detectors` series, four horizons each, one core, in this thread.
 * 2. What the main thread pays for it: features of as many series.
 * 3. The whole house, network on its thread, fed five minutes of all detectors every second or less: delay of the event loop with
 *    and without it (5 ms timer, p99).
 * Figures hold for one machine and its load; compare only within one run. The least time of many is the cost, the rest is
 * the machine's.
 */
import { execFileSync } from 'node:child_process'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createEventClock } from '../gateway/kit/clock.ts'
import { silentLog } from '../gateway/kit/log.ts'
import { createHouseForecaster } from '../gateway/prediction/house-forecaster.ts'
import { slotMs } from '../gateway/prediction/online/calendar.ts'
import { areaOf, featureCount, writeFeatures } from '../gateway/prediction/online/features.ts'
import { SeriesState } from '../gateway/prediction/online/series-state.ts'
import { readModel } from '../gateway/prediction/serving/model-card.ts'
import { openSession } from '../gateway/prediction/serving/session.ts'
import { benchOptions, count } from './stand/options.ts'

const options = benchOptions<{ detectors: number; rounds: number; models: string }>(
  import.meta.filename,
  {
    detectors: count(1_000, 'series in a batch'),
    rounds: count(200, 'repetitions'),
    models: {
      type: 'string',
      default: join(import.meta.dirname, '../gateway/prediction/models'),
      description: 'folder of the networks',
    },
  },
)
const { detectors, rounds } = options
const startMs = Date.UTC(2026, 2, 2)
/** Pause between buckets: a street that runs some 400 times faster than a real one. */
const paceMs = 700

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
      slot: i % 288,
      dayOfWeek: 0,
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
  const times: number[] = []
  for (let i = 0; i < rounds; i++) {
    const startedAt = performance.now()
    await session.run(features, detectors)
    times.push(performance.now() - startedAt)
  }
  await session.close()
  inference[name] = {
    ...quantiles(times),
    loadMs: round(report.loadMs),
  }
}

/** Event loop delay over `buckets` buckets of all detectors. */
async function loopDelay(withModels: boolean, buckets: number) {
  const clock = createEventClock(startMs)
  const house = createHouseForecaster({
    clock,
    log: silentLog,
    ...(withModels ? { shippedFolder: options.models } : {}),
  })
  await house.start(new AbortController().signal)
  const delay = monitorEventLoopDelay({ resolution: 5 })
  for (let step = 0; step < buckets; step++) {
    if (step === 20) delay.enable()
    const atMs = startMs + (step + 1) * slotMs
    // As over MQTT: a message at a time, the loop free in between.
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
      if (detector % 10 === 9) await new Promise((resolve) => setImmediate(resolve))
    }
    clock.advanceTo(atMs)
    await house.whenIdle()
    await new Promise((resolve) => setTimeout(resolve, paceMs))
  }
  delay.disable()
  const counts = house.counts()
  await house.stop(1_000)
  const ms = (nanoseconds: number) => round(nanoseconds / 1e6)
  return { p50Ms: ms(delay.percentile(50)), p99Ms: ms(delay.percentile(99)), ...counts }
}

const without = await loopDelay(false, 50)
const withNetworks = await loopDelay(true, 50)
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim()
process.stdout.write(
  `${JSON.stringify(
    {
      bench: 'forecast',
      detectors,
      horizons: 4,
      rounds,
      inference,
      features: quantiles(featureTimes),
      eventLoop: { without, withNetworks },
      machine: { cpu: cpus()[0]?.model, cores: cpus().length, node: process.version },
      commit,
    },
    null,
    1,
  )}\n`,
)
process.exit(0)
