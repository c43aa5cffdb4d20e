/**
 * The gateway is killed at a chance moment while it controls a street: no junction waits for it. Each is back on its own
 * plan when its lease ends, and under control again when the gateway is back. Both worlds, real processes, TLS.
 */
import { join } from 'node:path'
import { expect, onTestFinished, type TestContext, test } from 'vitest'
import { createRandom } from '../../devices-sim/random.ts'
import { readJunctions } from '../../gateway/control/junctions.ts'
import { reportAccounts } from '../../gateway/ledger/tools/accounts.ts'
import { testSeed } from '../support/chance.ts'
import { endProcess, type GatewayProcess, startGateway } from '../support/gateway-process.ts'
import {
  type Certificates,
  connect,
  makeCertificates,
  type RunningProgram,
  runProgramFile,
  temporaryFolder,
} from '../support/house.ts'
import { isSumoMissing, makeGrid } from '../support/sumo-scenario.ts'

interface Summary {
  readonly delay: { readonly controlS: number; readonly localPlanS: number }
  readonly monitorViolations: number
  readonly outages: readonly {
    readonly simulatedS: number
    readonly junctions: number
    readonly localAfterS: number | null
    readonly controlledAfterS: number | null
  }[]
}

interface Town {
  readonly dataDir: string
  readonly longestCycleS: number
  start(port?: number): Promise<GatewayProcess>
  drive(gateway: GatewayProcess, more: readonly string[]): RunningProgram
  /** Kills it as soon as the street's clock shows this much. @returns how long the commands of then may last at most */
  killAt(gateway: GatewayProcess, simulatedS: number): Promise<number>
}

const zone = 'north'
const startMs = Date.parse('2026-11-23T07:00:00.000Z')
/** Falling back costs the time it takes to find into the plan again, and other vehicles meet other reds. */
const fellBackShare = 1.05
/** A lease begins when its command is carried out, which may take the way from one green to the next. */
const beginS = 15

async function openTown(world: readonly string[]): Promise<Town> {
  const dataDir = await temporaryFolder()
  const junctions = join(dataDir, 'junctions')
  const common = [...world, `--zone=${zone}`, '--seed=7', '--certificates=zone', '--log-level=warn']
  const describing = runProgramFile('devices-sim/main.ts', [
    ...[...common, '--describe', `--junctions-out=${junctions}`],
  ])
  expect(await describing.ended, describing.errors()).toBe(0)
  const certificates = await makeCertificates(join(dataDir, 'pki'))
  await certificates.of('simulator', zone)
  const cycles = [...readJunctions(junctions).values()].map(
    ({ plans, localPlan }) => plans[String(localPlan)]!.cycleS,
  )
  return {
    dataDir,
    longestCycleS: Math.max(...cycles),
    async start(port = 0) {
      const gateway = await startGateway({
        dataDir,
        pkiDir: certificates.dir,
        args: ['--clock=event', `--junctions=${junctions}`, `--mqtt-port=${port}`],
      })
      onTestFinished(() => endProcess(gateway))
      return gateway
    },
    drive: (gateway, more) =>
      runProgramFile('devices-sim/main.ts', [
        ...common,
        `--url=mqtts://localhost:${gateway.port}`,
        `--pki-dir=${certificates.dir}`,
        '--speed=max',
        ...more,
      ]),
    killAt: (gateway, simulatedS) => killAt(certificates, gateway, simulatedS),
  }
}

async function killAt(certificates: Certificates, gateway: GatewayProcess, simulatedS: number) {
  const center = await connect(certificates, gateway.port, { role: 'center', name: 'center/desk' })
  const leaseEndsMs: number[] = []
  const isTime = new Promise<number>((resolve) => {
    center.mqtt.on('message', (topic, payload) => {
      const message = JSON.parse(String(payload))
      if (topic.includes('/command/')) {
        leaseEndsMs.push(Date.parse(message.ts) + message.holdForMs)
        return
      }
      const atMs = Date.parse(message.entries.at(-1).ts)
      if (atMs >= startMs + simulatedS * 1000) resolve(atMs)
    })
  })
  await center.subscribe('+/sim/status/sim.clock', '+/+/command/#')
  const atMs = await isTime
  gateway.child.kill('SIGKILL')
  await gateway.ended
  return (Math.max(...leaseEndsMs) - atMs) / 1000
}

async function summaryOf(street: RunningProgram): Promise<Summary> {
  expect(await street.ended, street.errors()).toBe(0)
  return JSON.parse(street.lines.at(-1)!)
}

/** Within so many simulated seconds chance says when. */
interface Moment {
  readonly fromS: number
  readonly toS: number
}

/** Killed, started again at once on what it left behind. */
async function killAndReturn(context: TestContext, world: readonly string[], moment: Moment) {
  const town = await openTown(world)
  const first = await town.start()
  // Quick, and slow enough for a busy machine to start a gateway before the street has ended.
  const street = town.drive(first, ['--alone-speed=20'])
  const leaseS = await town.killAt(first, chanceIn(moment))
  const second = await town.start(first.port)
  const summary = await summaryOf(street)
  second.child.kill('SIGTERM')
  expect(await second.ended, second.errors()).toBe(0)

  expect(summary.outages).toHaveLength(1)
  const [outage] = summary.outages
  expect(outage!.controlledAfterS).not.toBeNull()
  expect(outage!.controlledAfterS).toBeLessThanOrEqual(2 * town.longestCycleS)
  await judge(context, town, summary, leaseS)
}

/** Killed, and nobody starts it again. */
async function killForGood(context: TestContext, world: readonly string[], moment: Moment) {
  const town = await openTown(world)
  const gateway = await town.start()
  const street = town.drive(gateway, ['--gateway-timeout-s=0', '--alone-speed=1000'])
  const leaseS = await town.killAt(gateway, chanceIn(moment))
  const summary = await summaryOf(street)
  await judge(context, town, summary, leaseS)
}

function chanceIn({ fromS, toS }: Moment): number {
  return fromS + createRandom('gateway killed', testSeed)() * (toS - fromS)
}

async function judge(context: TestContext, town: Town, summary: Summary, leaseS: number) {
  const { delay, outages, monitorViolations } = summary
  await context.annotate(JSON.stringify({ delay, monitorViolations, leaseS, outages }))
  expect(monitorViolations).toBe(0)
  expect(delay.controlS).toBeLessThanOrEqual(delay.localPlanS * fellBackShare)
  const [outage] = outages
  expect(outage!.junctions).toBeGreaterThan(0)
  expect(outage!.localAfterS).not.toBeNull()
  expect(outage!.localAfterS).toBeLessThanOrEqual(leaseS + beginS)
  expect(reportAccounts(town.dataDir)).toMatchObject({ findings: [], residual: 0 })
}

const soon: Moment = { fromS: 100, toS: 250 }

test('the built-in street goes on without its gateway, and is in step again with the one that follows', async (context) => {
  await killAndReturn(context, ['street', '--duration-s=900'], soon)
}, 120_000)

test.skipIf(isSumoMissing)(
  'the same with SUMO behind the devices (needs sumo and netgenerate)',
  async (context) => {
    const scenario = makeGrid(await temporaryFolder(), { flowEndS: 800, endS: 900 })
    await killAndReturn(context, ['sumo', `--scenario=${scenario}`], soon)
  },
  120_000,
)

test.skipIf(isSumoMissing)(
  'a gateway that never returns costs drivers no more than the local plans (needs sumo and netgenerate)',
  async (context) => {
    const scenario = makeGrid(await temporaryFolder(), { flowEndS: 800, endS: 900 })
    await killForGood(context, ['sumo', `--scenario=${scenario}`], soon)
  },
  120_000,
)

/** A scenario of one's own, asked for by name: INTERGREEN_TEST_SCENARIO=FILE.sumocfg. It takes minutes. */
const own = process.env.INTERGREEN_TEST_SCENARIO

if (own !== undefined) {
  test.skipIf(isSumoMissing)(
    "the same in the middle of a real scenario's hour (needs sumo)",
    async (context) => {
      const world = ['sumo', `--scenario=${own}`]
      const moment: Moment = { fromS: 900, toS: 2_700 }
      await killForGood(context, world, moment)
      await killAndReturn(context, world, moment)
    },
    900_000,
  )
}
