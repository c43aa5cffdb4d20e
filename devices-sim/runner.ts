/**
 * Runs a world with its devices against a gateway. One step is:
 *
 *   controllers decide ─▶ monitors look ─▶ lamps to the world ─▶ world and twin move ─▶ devices report
 *     ─▶ all acknowledged ─▶ lock-step with the gateway ─▶ pace
 *
 * Commands arrive while the gateway is waited for, and take effect when the controllers decide next. A gateway that is
 * gone stops nothing: the street goes on alone, at a pace of its own.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type NodeId, parseNodeId } from '../schemas/ids.ts'
import { formatTimestamp } from '../schemas/time.ts'
import { createController } from './controller/controller.ts'
import { type ControllerDevice, createControllerDevice } from './device/controller-device.ts'
import { certificateNameFor, createCredentialStore } from './device/credentials.ts'
import { createDetectorDevice, type SimDevice } from './device/detector-device.ts'
import { faultsOf, parseFault } from './device/faults.ts'
import { createLink, type Link } from './device/link.ts'
import { OutputUnwritable } from './errors.ts'
import { createLocalRun } from './local-run.ts'
import { createLockStep, gatewayClockFilter } from './lock-step.ts'
import type { SimLog } from './log.ts'
import { createMonitor, type Monitor } from './monitor.ts'
import { type CommonOptions, speedOf } from './options.ts'
import { createOutageLog, type Outage } from './outages.ts'
import { createPace } from './pace.ts'
import { createRandom } from './random.ts'
import type { OpenedWorld, StreetFigures } from './world.ts'

export interface RunContext {
  readonly worldName: string
  readonly signal: AbortSignal
  readonly log: SimLog
  /** One line on stdout. */
  print(line: string): void
}

export interface RunSummary {
  readonly event: 'summary'
  readonly world: string
  readonly seed: number
  readonly simulatedS: number
  readonly wallS: number
  /** Mean delay per vehicle; localPlanS null without a twin. */
  readonly delay: { readonly controlS: number; readonly localPlanS: number | null }
  readonly street: StreetFigures
  readonly monitorViolations: number
  readonly violations: readonly string[]
  readonly worstRedS: number
  readonly messages: { readonly published: number; readonly acknowledged: number }
  readonly connects: number
  readonly commandsReceived: number
  readonly outages: readonly Outage[]
}

export const stepMs = 1_000
/** How often `sim.street` is told. */
const streetPeriodMs = 5_000
/** The longest a timer of the runtime can be set to. */
const timerMsMax = 2 ** 31 - 1
/** TLS handshakes begun together; more would only wait for each other. */
const connectTogether = 32

export async function runSimulation(
  { world, twin }: OpenedWorld,
  options: CommonOptions,
  context: RunContext,
): Promise<RunSummary> {
  const { signal, log } = context
  const startedAt = performance.now()
  const startMs = world.nowMs()
  const faults = options.fault.map(parseFault)
  for (const note of world.notes ?? []) log.warn({ note }, 'this street is not wholly ours')
  if (options.junctionsOut) writeJunctions(options.junctionsOut, world.junctions)

  const credentials = createCredentialStore(options.pkiDir)
  const linkOf = (node: NodeId, kind: 'tlc' | 'det' | 'sim') =>
    createLink({
      url: options.url,
      node,
      kind,
      credentials: credentials.of(certificateNameFor(options.certificates, node, kind)),
      nowMs: () => world.nowMs(),
      ...(kind === 'sim' && { subscriptions: [gatewayClockFilter] }),
    })
  const controllers: ControllerDevice[] = world.junctions.map((junction) => {
    const controller = createController(junction, { startMs, stepMs })
    return createControllerDevice({
      controller,
      link: linkOf(parseNodeId(junction.node), 'tlc'),
      faults: faultsOf(faults, junction.node, startMs),
      random: createRandom('device', options.seed, junction.node),
      startMs,
      nowMs: () => world.nowMs(),
    })
  })
  const detectors: SimDevice[] = world.sensors.map((sensor) =>
    createDetectorDevice({
      sensor,
      link: linkOf(parseNodeId(sensor.node), 'det'),
      faults: faultsOf(faults, sensor.node, startMs),
      random: createRandom('device', options.seed, sensor.node),
      startMs,
      read: () => world.readSensor(sensor.node),
      stepMs: () => stepMs,
    }),
  )
  const devices = [...controllers, ...detectors]
  const monitors = world.junctions.map(createMonitor)
  const twinRun = twin && options.twin ? createLocalRun(twin, stepMs) : undefined
  const simLink = linkOf(parseNodeId(`${options.zone}/sim`), 'sim')
  const gatewayTimeoutMs = options.gatewayTimeoutS * 1000 || Number.POSITIVE_INFINITY
  const lockStep = createLockStep({
    link: simLink,
    deviceLinks: devices.map(({ link }) => link),
    log,
    gatewayTimeoutMs,
    isLocked: options.clock === 'event',
  })
  const links = [...devices.map(({ link }) => link), simLink]
  const outages = createOutageLog(controllers.map(({ controller }) => controller))
  const pace = createPace()
  const speed = speedOf(options)
  let steps = 0

  function meanDelayS(): number {
    const { delayS, demandVehicles } = world.figures()
    return demandVehicles === 0 ? 0 : delayS / demandVehicles
  }

  function moveControllers(): void {
    const nowMs = world.nowMs()
    for (const [index, device] of controllers.entries()) {
      device.advance(nowMs)
      const lamps = device.controller.lamps()
      monitors[index]?.observe(nowMs, lamps)
      world.showLamps(device.node, lamps)
    }
  }

  function breakConnections(nowMs: number): void {
    for (const { link } of devices) {
      const own = faultsOf(faults, link.node, startMs)
      const everyS = own.active('drop', nowMs)?.value ?? 60
      const isDue = (nowMs - startMs) % (everyS * 1000) === 0
      if (isDue && own.active('drop', nowMs)) link.cut()
      link.setAway(own.active('offline', nowMs) !== undefined)
    }
  }

  function reportStreet(nowMs: number): void {
    const values = {
      vehicles: world.figures().enteredVehicles,
      controlDelayS: round(meanDelayS()),
      localPlanDelayS: twinRun ? round(twinRun.meanDelayS()) : null,
      monitorViolations: countViolations(monitors),
    }
    lockStep.status('sim.street', values, nowMs)
  }

  async function step(): Promise<void> {
    moveControllers()
    await world.step(stepMs)
    await twinRun?.step(stepMs)
    const nowMs = world.nowMs()
    steps += 1
    if (faults.length > 0) breakConnections(nowMs)
    for (const device of devices) device.report(nowMs)
    if ((nowMs - startMs) % streetPeriodMs === 0) reportStreet(nowMs)
    await lockStep.finishStep(nowMs, stepMs, isOver())
    outages.observe(nowMs, lockStep.isAlone())
    const paced = lockStep.isAlone() ? Math.min(speed, options.aloneSpeed) : speed
    await pace.hold(stepMs, paced, signal)
  }

  const stepsMax = options.durationS > 0 ? (options.durationS * 1000) / stepMs : Infinity
  const isOver = () => steps >= stepsMax || world.hasEnded()

  try {
    await connectAll(links, Math.min(gatewayTimeoutMs, timerMsMax), signal)
    const at = formatTimestamp(startMs)
    const ready = { world: context.worldName, zone: options.zone, devices: devices.length, at }
    context.print(JSON.stringify({ event: 'ready', ...ready }))
    log.info(ready, 'the street is connected')
    while (!signal.aborted && !isOver()) await step()
  } finally {
    await Promise.all(links.map((link) => link.end()))
  }
  const localPlanS = twinRun ? round(twinRun.meanDelayS()) : null
  await twin?.close()
  const street = await world.close()
  const sum = (of: (link: Link) => number) => links.reduce((total, link) => total + of(link), 0)
  return {
    event: 'summary',
    world: context.worldName,
    seed: options.seed,
    simulatedS: (steps * stepMs) / 1000,
    wallS: round((performance.now() - startedAt) / 1000),
    delay: { controlS: round(street.delayS / Math.max(1, street.demandVehicles)), localPlanS },
    street,
    monitorViolations: countViolations(monitors),
    violations: monitors.flatMap(({ violations }) => violations.map(textOf)).slice(0, 20),
    worstRedS: Math.max(0, ...monitors.map((monitor) => monitor.worstRedMs() / 1000)),
    messages: {
      published: sum(({ counts }) => counts.published),
      acknowledged: sum(({ counts }) => counts.acknowledged),
    },
    connects: sum(({ counts }) => counts.connects),
    commandsReceived: controllers.reduce((total, each) => total + each.commandsReceived(), 0),
    outages: outages.list(),
  }
}

const round = (value: number) => Math.round(value * 100) / 100

const countViolations = (monitors: readonly Monitor[]) =>
  monitors.reduce((total, monitor) => total + monitor.count(), 0)

const textOf = ({ node, kind, atMs, text }: Monitor['violations'][number]) =>
  `${formatTimestamp(atMs)} ${node} ${kind}: ${text}`

async function connectAll(
  links: readonly Link[],
  timeoutMs: number,
  signal: AbortSignal,
): Promise<void> {
  for (let from = 0; from < links.length && !signal.aborted; from += connectTogether) {
    const together = links.slice(from, from + connectTogether)
    await Promise.all(together.map((link) => link.connect(timeoutMs)))
  }
}

export function writeJunctions(dir: string, junctions: OpenedWorld['world']['junctions']): void {
  try {
    mkdirSync(dir, { recursive: true })
    for (const junction of junctions) {
      const path = join(dir, `${junction.node.replaceAll('/', '_')}.json`)
      writeFileSync(path, `${JSON.stringify(junction, null, 2)}\n`)
    }
  } catch (cause) {
    throw OutputUnwritable.from(cause, dir, (cause as Error).message)
  }
}
