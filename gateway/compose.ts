/**
 * The house put together: the only place that knows all rooms, with the files in compose/ as its corners. It reads as the
 * way of one reading, from the door to the lamp, and ends with the order of starting and stopping.
 *
 * - Opening the ledger takes the data directory; whatever fails after that gives it back.
 * - The door opens last and closes first.
 */
import type { Archive } from './archive/archive.ts'
import { provideCertificates } from './compose/certificates.ts'
import { createClockWatch } from './compose/clock-watch.ts'
import { createDetectorFaults } from './compose/detector-faults.ts'
import { createDeviceWatch } from './compose/device-watch.ts'
import { createDoor } from './compose/door.ts'
import type { Foundation, GatewayEvent } from './compose/foundation.ts'
import { createFront } from './compose/front.ts'
import { createInstruments } from './compose/instruments.ts'
import { createLedgerWatch } from './compose/ledger-watch.ts'
import { createOwnNode, type OwnNode } from './compose/own-node.ts'
import { createArchiveReader, createForecaster, createLive } from './compose/readers.ts'
import { createSteering } from './compose/steering.ts'
import { chooseStrategies } from './compose/strategies.ts'
import { delayOf, type GatewaySummary, summarizeGateway } from './compose/summary.ts'
import type { GatewayConfig } from './config/gateway-config.ts'
import { readJunctions } from './control/junctions.ts'
import { createEventClock, createSystemClock } from './kit/clock.ts'
import type { Log } from './kit/log.ts'
import { type Part, startInOrder, stopInReverse } from './kit/part.ts'
import { checkTimeZone } from './kit/time-zone.ts'
import { openLedger } from './ledger/ledger.ts'

export interface Gateway {
  start(signal: AbortSignal): Promise<void>
  stop(deadlineMs: number): Promise<void>
  /** Ports it listens on; after start. */
  addresses(): { readonly mqtts: number; readonly web: number }
  /** The page with a fresh one-time token. */
  pageUrl(): string
  /** Told when a one-time address was used up: the next person needs another. */
  onPageOpened(listener: () => void): void
  summary(): GatewaySummary
  /** Simulated time, where there is some. */
  nowMs(): number
  /** Told of every decision and every step of a command. */
  onEvent(listener: (event: GatewayEvent) => void): void
}

const drainMs = 5_000 // What is left for orderly ends within the 10 s a stop may take.
const hourMs = 3_600_000

/** @throws coded errors for whatever an operator can mend: options, files, certificates, data directory */
export async function composeGateway(config: GatewayConfig, log: Log): Promise<Gateway> {
  const instruments = createInstruments()
  const strategies = chooseStrategies(config.control)
  checkTimeZone(config.forecast.timeZone, '--forecast-time-zone')
  const junctions = config.junctions ? readJunctions(config.junctions) : new Map()
  const tls = await provideCertificates(config, log)
  const eventClock = config.clock === 'event' ? createEventClock() : undefined
  const clock = eventClock ?? createSystemClock()
  const ledger = await openLedger({
    dir: config.dataDir,
    log: log.child({ room: 'ledger' }),
    metrics: instruments.ledger,
    limits: {
      bytesMax: config.ledger.bytesMax,
      reserveBytes: Math.min(config.ledger.reserveBytes, config.ledger.bytesMax / 2),
      retainMs: config.ledger.retainHours * hourMs,
      // A simulator waits for each commit; nobody else comes whom waiting could gather in.
      ...(eventClock ? { gatherMs: 0, gatherQuietMs: 0 } : {}),
    },
  })
  try {
    return furnish({
      config,
      log,
      instruments,
      strategies,
      junctions,
      tls,
      ledger,
      clock,
      eventClock,
    })
  } catch (error) {
    await ledger.close()
    throw error
  }
}

function furnish(foundation: Foundation): Gateway {
  const { config, log, junctions, ledger, clock, eventClock } = foundation
  const listeners = new Set<(event: GatewayEvent) => void>()
  const commandCounts = new Map<string, number>()
  let delay: GatewaySummary['delay'] | undefined

  function tell(event: GatewayEvent): void {
    if (event.kind === 'command') {
      commandCounts.set(event.what, (commandCounts.get(event.what) ?? 0) + 1)
    }
    for (const listener of listeners) listener(event)
  }

  const wall = createSystemClock()
  const own = createOwnNode(config.name, {
    publish: (topic, payload, options) => broker.publish(topic, payload, options),
    keep: (topic, message, atMs) => archive.append(topic, message, atMs),
    // Before a simulator has led the clock the gateway has only the wall's time to speak of.
    nowMs: () => (eventClock?.isSet === false ? wall : clock).nowMs(),
  })
  const faults = createDetectorFaults(foundation, own)
  const { broker, ingress, online } = createDoor(foundation, own, faults.plausibility)
  const archive = createArchiveReader(foundation, own)
  const forecaster = createForecaster(foundation, own)
  const { control, commands } = createSteering(foundation, { own, broker, forecaster, tell })
  const [keeper, live] = createLive(foundation, {
    own,
    forecaster,
    control,
    commands,
    queues: faults.queues,
    observeStreet(street) {
      delay = delayOf(street)
    },
  })
  const web = createFront(foundation, { broker, forecaster })

  const clockWatch = createClockWatch(
    () => ingress.nodes(),
    (node, offsetMs, isActive) => own.deviceClock(node, offsetMs, isActive),
  )
  const deviceWatch = createDeviceWatch(
    () => ingress.nodes(),
    (nodes) => own.status('gateway.devices', own.nowMs(), { nodes }, { qos: 1, keep: true }),
  )
  const parts: readonly Part[] = [
    createLedgerPart(foundation, archive),
    faults.part,
    archive,
    forecaster,
    keeper,
    commands,
    control,
    live,
    ingress,
    web,
    broker,
    createLedgerWatch(ledger, own, () => clock.nowMs()),
    deviceWatch,
    // In simulated time devices and gateway share one clock.
    ...(eventClock ? [] : [clockWatch]),
    createPresence(own),
  ]

  return {
    async start(signal) {
      await startInOrder(parts, signal)
      archive.durable(ledger.durableOffset)
      log.info({ ...this.addresses(), junctions: junctions.size }, 'the gateway is open')
    },
    async stop(deadlineMs) {
      await stopInReverse(parts, Math.min(deadlineMs, drainMs), (part, err) =>
        log.error({ part, err }, 'a part did not stop in order'),
      )
    },
    addresses: () => ({ mqtts: broker.address().port, web: web.address().port }),
    pageUrl: () => web.pageUrl(),
    onPageOpened: (listener) => web.onOpened(listener),
    summary: () =>
      summarizeGateway({
        devicesOnline: online.size,
        accounts: ledger.accounts(),
        commands: commandCounts,
        scores: forecaster.scores(),
        delay,
      }),
    nowMs: () => clock.nowMs(),
    onEvent: (listener) => void listeners.add(listener),
  }
}

/** The ledger is open before anything else; as a part it closes last. */
function createLedgerPart({ config, ledger }: Foundation, archive: Archive): Part {
  return {
    name: 'ledger',
    async start() {
      // Retention waits for every reader that is known, so they are known before anything is read.
      ledger.loadCursor('history')
      if (config.influx.url) ledger.loadCursor('influx')
      else ledger.forgetReader('influx')
      ledger.onDurable((end) => archive.durable(end))
    },
    stop: () => ledger.close(),
  }
}

function createPresence(own: OwnNode): Part {
  return {
    name: 'presence',
    async start() {
      own.presence('online')
    },
    async stop() {
      own.presence('shutdown')
    },
  }
}
