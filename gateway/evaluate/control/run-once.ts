/**
 * One run of the whole system: a gateway process in simulated time, a simulator process with SUMO behind it, MQTT over
 * TLS between them, every device with a certificate of its own. Nothing is shared between runs but the certificates.
 */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { ensureDevelopmentPki } from '../../../broker/pki/development.ts'
import type { Outage } from '../../../devices-sim/outages.ts'
import type { StreetFigures } from '../../../devices-sim/world.ts'
import { readJunctions } from '../../control/junctions.ts'
import { type Child, startChild } from './child.ts'
import { decideLatency, type Latency } from './latency.ts'
import { readShadows, type ShadowFigures } from './shadow.ts'

export interface HouseOptions {
  readonly scenario: string
  readonly folder: string
  readonly sumo: string
  readonly sumoHome: string
  readonly durationS: number
  readonly signal: AbortSignal
}

export interface House extends HouseOptions {
  readonly pkiDir: string
  readonly junctionsDir: string
}

export interface RunChoice {
  readonly strategy: string
  readonly seed: number
  readonly shadow: readonly string[]
}

export interface RunResult {
  readonly strategy: string
  readonly seed: number
  readonly delayS: number
  readonly waitingS: number
  readonly stops: number
  readonly demandVehicles: number
  readonly finishedVehicles: number
  readonly neverInsertedVehicles: number
  readonly worstRedS: number
  readonly monitorViolations: number
  readonly violations: readonly string[]
  readonly commands: {
    readonly issued: number
    readonly applied: number
    readonly rejected: number
  }
  readonly decision: Latency
  /** Times in which the street went on without its gateway: then the figures are not the strategy's. */
  readonly outages: readonly Outage[]
  readonly shadows: readonly ShadowFigures[]
  readonly wallS: number
}

export interface SimSummary {
  readonly delay: { readonly controlS: number }
  readonly street: StreetFigures
  readonly monitorViolations: number
  readonly violations: readonly string[]
  readonly worstRedS: number
  readonly outages: readonly Outage[]
}

const root = join(import.meta.dirname, '../../..')
const zone = 'sumo'

/** Junction documents and certificates, once for all runs of a scenario. */
export async function prepare(options: HouseOptions): Promise<House> {
  const pkiDir = join(options.folder, 'pki')
  const junctionsDir = join(options.folder, 'junctions')
  mkdirSync(junctionsDir, { recursive: true })
  const house = { ...options, pkiDir, junctionsDir }
  const describing = startSimulator(house, 1, ['--describe'])
  await describing.ended()
  const nodes = new Set<string>()
  for (const junction of readJunctions(junctionsDir).values()) {
    nodes.add(junction.node)
    for (const { sensor, detector } of Object.values(junction.lanes)) {
      for (const source of [sensor, detector]) if (source) nodes.add(source.node)
    }
  }
  await ensureDevelopmentPki(pkiDir, {
    certificates: [
      { role: 'simulator', name: zone },
      ...[...nodes].map((name) => ({ role: 'device' as const, name })),
    ],
  })
  return house
}

export async function runOnce(house: House, choice: RunChoice): Promise<RunResult> {
  const startedAt = performance.now()
  const gateway = startGateway(house, choice)
  let simulator: Child | undefined
  try {
    const ready = await gateway.line((line) => line.event === 'ready')
    const own = startSimulator(house, choice.seed, [
      `--url=mqtts://127.0.0.1:${ready.mqtts}`,
      `--duration-s=${house.durationS}`,
    ])
    simulator = own
    const summary = (await own.line((line) => line.event === 'summary')) as unknown as SimSummary
    const decision = await decideLatency(Number(ready.web))
    gateway.stop()
    const stopped = await gateway.line((line) => line.event === 'stopped')
    await Promise.all([gateway.ended(), own.ended()])
    const wallS = (performance.now() - startedAt) / 1000
    const shadows = readShadows(join(dataDirOf(house, choice), 'history.db'), choice.shadow)
    return resultOf(choice, { summary, stopped, decision, shadows, wallS })
  } finally {
    simulator?.kill()
    gateway.kill()
  }
}

const dataDirOf = (house: House, { strategy, seed }: RunChoice) =>
  join(house.folder, `${strategy}-${seed}`)

function startGateway(house: House, choice: RunChoice): Child {
  return startChild({
    args: [
      join(root, 'gateway/main.ts'),
      ...[
        `--data-dir=${dataDirOf(house, choice)}`,
        `--pki-dir=${house.pkiDir}`,
        `--junctions=${house.junctionsDir}`,
      ],
      ...['--clock=event', '--mqtt-port=0', '--web-port=0', '--log-level=error'],
      ...[`--control-strategy=${choice.strategy}`, `--control-seed=${choice.seed}`],
      ...choice.shadow.map((name) => `--control-shadow=${name}`),
    ],
    signal: house.signal,
  })
}

function startSimulator(house: House, seed: number, more: readonly string[]): Child {
  return startChild({
    args: [
      ...[join(root, 'devices-sim/main.ts'), 'sumo'],
      ...[`--scenario=${house.scenario}`, `--sumo=${house.sumo}`, `--sumo-home=${house.sumoHome}`],
      ...[`--zone=${zone}`, `--seed=${seed}`, '--speed=max', '--no-twin', '--certificates=own'],
      ...[
        `--pki-dir=${house.pkiDir}`,
        `--junctions-out=${house.junctionsDir}`,
        '--log-level=error',
      ],
      ...more,
    ],
    signal: house.signal,
  })
}

export interface RunEnd {
  readonly summary: SimSummary
  /** The gateway's last line. */
  readonly stopped: Readonly<Record<string, unknown>>
  readonly decision: Latency
  readonly shadows: readonly ShadowFigures[]
  readonly wallS: number
}

export function resultOf(choice: RunChoice, end: RunEnd): RunResult {
  const { summary, stopped, decision, shadows, wallS } = end
  const { street } = summary
  const entered = Math.max(1, street.enteredVehicles)
  const states = (stopped.commands ?? {}) as Readonly<Record<string, number>>
  return {
    strategy: choice.strategy,
    seed: choice.seed,
    delayS: street.delayS / Math.max(1, street.demandVehicles),
    waitingS: street.waitingS / entered,
    stops: street.stops / entered,
    demandVehicles: street.demandVehicles,
    finishedVehicles: street.arrivedVehicles,
    neverInsertedVehicles: street.demandVehicles - street.enteredVehicles,
    worstRedS: summary.worstRedS,
    monitorViolations: summary.monitorViolations,
    violations: summary.violations,
    commands: {
      issued: states.issued ?? 0,
      applied: states.applied ?? 0,
      rejected: states.rejected ?? 0,
    },
    decision,
    outages: summary.outages,
    shadows,
    wallS,
  }
}
