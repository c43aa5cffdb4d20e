/**
 * Models are swapped, poisoned and killed while a street is driven: forecasts go on, control steps down only as far as it
 * must and returns, and the books balance. Real processes, TLS, simulated time.
 *
 * What the detectors showed the days before is given to the forecaster as its own file, since a network forecasts for
 * control only what it has known for a day.
 */
import { cpSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createRandom } from '../../devices-sim/random.ts'
import { readJunctions } from '../../gateway/control/junctions.ts'
import { createEventClock } from '../../gateway/kit/clock.ts'
import { silentLog } from '../../gateway/kit/log.ts'
import { reportAccounts } from '../../gateway/ledger/tools/accounts.ts'
import { createHouseForecaster } from '../../gateway/prediction/house-forecaster.ts'
import { testSeed } from '../support/chance.ts'
import { eventually } from '../support/eventually.ts'
import { endProcess, startGateway } from '../support/gateway-process.ts'
import {
  type Client,
  connect,
  makeCertificates,
  root,
  runProgramFile,
  temporaryFolder,
} from '../support/house.ts'
import { readMetrics } from '../support/read-metrics.ts'
import { type Orders, ordersVariable } from '../support/saboteur.ts'

const zone = 'north'
const startMs = Date.parse('2026-11-23T07:00:00.000Z')
const minuteMs = 60_000
const fixtures = join(root, 'test/gateway/prediction/fixtures')

interface Audit {
  readonly event: string
  readonly model: string
  readonly facts: Readonly<Record<string, unknown>>
}

interface Decision {
  readonly atS: number
  readonly junction: string
  readonly rung: string
  readonly forecastModel?: string
}

/** A street under a gateway in whose forecasts `champion` has the seat for counts. */
async function openTown(champion: string, fault: readonly string[], durationS: number) {
  const dataDir = await temporaryFolder()
  const junctions = join(dataDir, 'junctions')
  const common = ['street', `--zone=${zone}`, '--seed=7', '--certificates=zone', '--log-level=warn']
  const describing = runProgramFile('devices-sim/main.ts', [
    ...[...common, '--describe', `--junctions-out=${junctions}`],
  ])
  expect(await describing.ended, describing.errors()).toBe(0)
  const certificates = await makeCertificates(join(dataDir, 'pki'))
  await certificates.of('simulator', zone)
  mkdirSync(join(dataDir, 'models'))
  await learnDays(join(dataDir, 'forecaster.jsonl'), junctions, champion)

  const models = join(dataDir, 'models')
  const drop = (name: string) => {
    const arriving = join(dataDir, `arriving-${name}`)
    cpSync(join(fixtures, name), arriving, { recursive: true })
    renameSync(arriving, join(models, name))
  }
  drop(champion)
  const orders = join(dataDir, 'orders.json')
  const gateway = await startGateway({
    dataDir,
    pkiDir: certificates.dir,
    args: ['--clock=event', `--junctions=${junctions}`],
    environment: {
      [ordersVariable]: orders,
      NODE_OPTIONS: `--import=${join(root, 'test/support/saboteur.ts')}`,
    },
  })
  onTestFinished(() => endProcess(gateway))
  const center = await connect(certificates, gateway.port, { role: 'center', name: 'center/desk' })
  const heard = listen(center)
  await center.subscribe('gateway/+/status/#', '+/sim/status/sim.clock')
  const street = runProgramFile('devices-sim/main.ts', [
    ...common,
    `--url=mqtts://localhost:${gateway.port}`,
    `--pki-dir=${certificates.dir}`,
    ...['--speed=max', '--no-twin', `--duration-s=${durationS}`],
    ...fault.map((each) => `--fault=${each}`),
  ])
  let killings = 0

  return {
    ...heard,
    drop,
    /** Ends the thread of the models from outside, in the middle of whatever it does. */
    async killThread() {
      killings += 1
      const order: Orders = {
        terminate: { file: 'gateway/prediction/serving/model-worker.ts', order: killings },
      }
      writeFileSync(orders, JSON.stringify(order))
      await eventually(() => {
        expect(gateway.child.exitCode ?? gateway.child.signalCode, gateway.errors()).toBeNull()
        expect(readFileSync(`${orders}.done`, 'utf8').split('\n')).toContain(`${killings}`)
      }, 20_000)
    },
    async metric(name: string, label = ''): Promise<number> {
      const text = await readMetrics(gateway.web)
      const lines = text.split('\n').filter((line) => line.startsWith(name) && line.includes(label))
      return lines.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' ') + 1)), 0)
    },
    /** The street ends, then the gateway; then the books. */
    async end() {
      street.child.kill('SIGTERM')
      expect(await street.ended, street.errors()).toBe(0)
      expect(JSON.parse(street.lines.at(-1)!)).toMatchObject({ monitorViolations: 0 })
      gateway.child.kill('SIGTERM')
      expect(await gateway.ended, gateway.errors()).toBe(0)
      expect(reportAccounts(dataDir)).toMatchObject({ findings: [], residual: 0 })
    },
  }
}

/** Two days as ordinary as can be, and who had the seat at their end. */
async function learnDays(file: string, junctions: string, champion: string): Promise<void> {
  const forecaster = createHouseForecaster({ clock: createEventClock(startMs), log: silentLog })
  const random = createRandom('the days before', testSeed)
  const windowMs = 5 * minuteMs
  for (let atMs = startMs - 2 * 24 * 60 * minuteMs + windowMs; atMs <= startMs; atMs += windowMs) {
    for (const { lanes } of readJunctions(junctions).values()) {
      for (const { detector } of Object.values(lanes)) {
        const vehicles = 10 + Math.floor(random() * 10)
        const values = { vehicles, occupancyPercent: vehicles, speedKmh: 40 }
        forecaster.observe({ ...detector!, ...values, atMs, windowMs, quality: 'recent' })
      }
    }
  }
  await forecaster.save(file, 0)
  const [header = '', ...detectors] = readFileSync(file, 'utf8').split('\n')
  const seated = { ...JSON.parse(header), champions: { vehiclesPer5Min: champion } }
  writeFileSync(file, [JSON.stringify(seated), ...detectors].join('\n'))
}

function listen(center: Client) {
  const audits: Audit[] = []
  const decisions: Decision[] = []
  const waiting = new Set<{ atS: number; wake: () => void }>()
  center.mqtt.on('message', (topic, payload) => {
    for (const { ts, values } of JSON.parse(String(payload)).entries) {
      const atS = (Date.parse(ts) - startMs) / 1000
      if (topic.endsWith('/gateway.models')) audits.push(values)
      else if (topic.endsWith('/gateway.control')) decisions.push({ ...values, atS })
      else if (topic.endsWith('/sim.clock')) {
        for (const one of waiting) if (atS >= one.atS) one.wake()
      }
    }
  })
  return {
    audits,
    decisions,
    /** Resolves when the street's clock shows so many seconds. */
    at: (atS: number) =>
      new Promise<void>((resolve) => void waiting.add({ atS, wake: () => resolve() })),
  }
}

/** The longest time a junction was without a decision that rests on a forecast. */
function longestGapS(decisions: readonly Decision[], fromS: number): number {
  let longest = 0
  for (const own of Map.groupBy(decisions, ({ junction }) => junction).values()) {
    const times = own.filter(({ forecastModel }) => forecastModel !== undefined)
    let before = fromS
    for (const { atS } of times) {
      longest = Math.max(longest, atS - before)
      before = Math.max(before, atS)
    }
  }
  return longest
}

const isSwap = ({ event, facts }: Audit) => event === 'seatChanged' && facts.from === 'still'

test('models come, are refused, die and are replaced under load, and every minute is decided on a forecast', async () => {
  const town = await openTown('still', [], 10_800)
  await town.at(300)
  town.drop('wide')
  town.drop('poison')
  for (const atS of [900, 1_260, 1_630]) {
    await town.at(atS)
    await town.killThread()
  }
  const answered = await town.metric('intergreen_prediction_batches', 'outcome="answered"')
  // It takes an hour and a half of pairs to be sure.
  await eventually(() => expect(town.audits.some(isSwap)).toBe(true), 500_000)
  const swappedAtS = town.decisions.at(-1)!.atS
  await town.at(swappedAtS + 400)
  // Each killing; on a busy machine an answer may take so long that the house ends the thread itself.
  expect(await town.metric('intergreen_prediction_thread_restarts')).toBeGreaterThanOrEqual(3)
  expect(await town.metric('intergreen_prediction_batches', 'outcome="answered"')).toBeGreaterThan(
    answered + 5,
  )
  await town.end()

  const refused = town.audits.find(({ event }) => event === 'modelRefused')
  expect(refused?.model).toMatch(/wide$/)
  expect(town.audits).toContainEqual(
    expect.objectContaining({ event: 'modelCame', model: 'poison' }),
  )
  expect(town.audits).toContainEqual(
    expect.objectContaining({ event: 'modelSuspended', model: 'poison' }),
  )
  expect(town.audits.find(isSwap)?.facts.why).toMatch(/better|landslide/)
  const rested = new Set(town.decisions.map(({ forecastModel }) => forecastModel))
  expect(rested).toContain('still')
  expect(rested).not.toContain('poison')
  expect(town.decisions.at(-1)?.forecastModel).not.toBe('still')
  expect(new Set(town.decisions.map(({ rung }) => rung))).toEqual(new Set(['predictive']))
  expect(longestGapS(town.decisions, 300)).toBeLessThanOrEqual(120)
}, 600_000)

test('a champion that answers no numbers is dismissed, and where detectors fall silent too, control goes down the ladder and returns', async () => {
  const town = await openTown('poison', ['offline:north/det-001@900-2100'], 10_800)
  await town.at(1_000)
  await town.killThread()
  await town.at(2_900)
  const steps = (label: string) => town.metric('intergreen_control_steps_total', label)
  const ups = await steps('trigger="healthy"')
  const downs = await steps('to="local"')
  await town.end()

  expect(town.audits).toContainEqual(
    expect.objectContaining({ event: 'modelSuspended', model: 'poison' }),
  )
  expect(town.audits).toContainEqual(
    expect.objectContaining({
      event: 'seatChanged',
      facts: expect.objectContaining({ from: 'poison', why: 'withdrawn' }),
    }),
  )
  expect(town.decisions.map(({ forecastModel }) => forecastModel)).not.toContain('poison')
  const rungsOf = (node: string) =>
    town.decisions
      .filter(({ junction }) => junction === node)
      .map(({ rung }) => rung)
      .filter((rung, at, all) => rung !== all[at - 1])
  expect(rungsOf('north/tlc-001')).toEqual(['predictive', 'plan', 'local', 'plan', 'predictive'])
  for (const node of ['north/tlc-002', 'north/tlc-003'])
    expect(rungsOf(node)).toEqual(['predictive'])
  const onPlan = town.decisions.filter(({ rung, atS }) => rung === 'plan' && atS < 1_500)
  expect(onPlan.some(({ forecastModel }) => forecastModel === 'profile')).toBe(true)
  expect({ isDown: downs > 0, isUp: ups > 0 }).toEqual({ isDown: true, isUp: true })
}, 400_000)
