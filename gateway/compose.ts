/**
 * The house put together: the only place that knows all rooms. It reads as the way of one reading, from the door
 * to the lamp, and ends with the order of starting and stopping.
 *
 * - Opening the ledger takes the data directory; whatever fails after that gives it back.
 * - The door opens last and closes first.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createBroker } from '../broker/broker.ts'
import { formatTimestamp } from '../schemas/time.ts'
import { topics } from '../schemas/topics.ts'
import { createArchive } from './archive-worker.ts'
import { createCommands } from './commands/commands.ts'
import { provideCertificates } from './compose/certificates.ts'
import { createForecastKeeper } from './compose/forecast-keeper.ts'
import { createInstruments } from './compose/instruments.ts'
import { createLedgerWatch } from './compose/ledger-watch.ts'
import { createLiveReader, readingsOf } from './compose/live-reader.ts'
import { neighboursIn } from './compose/neighbours.ts'
import { createOwnNode } from './compose/own-node.ts'
import { quietTopics } from './compose/quiet-topics.ts'
import { readMeters } from './compose/read-meters.ts'
import { chooseStrategies } from './compose/strategies.ts'
import { type GatewaySummary, summarizeGateway } from './compose/summary.ts'
import type { GatewayConfig } from './config/gateway-config.ts'
import { type Junctions, readJunctions } from './control/junctions.ts'
import { createControl } from './control/loop.ts'
import { dayMs, retentionDefault } from './history/retention.ts'
import { createIngress } from './ingress/ingress.ts'
import { createPlausibility } from './ingress/plausibility.ts'
import { createEventClock, createSystemClock } from './kit/clock.ts'
import type { Log } from './kit/log.ts'
import { type Part, startInOrder, stopInReverse } from './kit/part.ts'
import { createRandom } from './kit/random.ts'
import { type Ledger, openLedger } from './ledger/ledger.ts'
import { createPump } from './ledger/pump.ts'
import { createHealth } from './observe/health.ts'
import { createHouseForecaster } from './prediction/house-forecaster.ts'
import { createWeb } from './web/server.ts'

export interface Gateway {
  start(signal: AbortSignal): Promise<void>
  stop(deadlineMs: number): Promise<void>
  /** Ports it listens on; after start. */
  addresses(): { readonly mqtts: number; readonly web: number }
  /** The page with a fresh one-time token. */
  pageUrl(): string
  summary(): GatewaySummary
  /** Simulated time, where there is some. */
  nowMs(): number
  /** Told of every decision and every step of a command. */
  onEvent(listener: (event: GatewayEvent) => void): void
}

export interface GatewayEvent {
  readonly kind: 'decision' | 'command'
  readonly atMs: number
  readonly junction: string
  /** Decision, or state reached. */
  readonly what: string
  readonly why: string
}

/** The door finds what a window alone betrays; these two show only beside a forecast and neighbours. */
const foundByForecast: ReadonlySet<string> = new Set(['dead', 'drifting'])
/** Name of the live reader, as accounts and metrics show it. */
const liveReader = 'control'
const drainMs = 5_000 // What is left for orderly ends within the 10 s a stop may take.

/** In simulated time the simulator says what time it is, so no message can be too early or too late. */
const simulatedTimeLimits = {
  lateMs: Number.POSITIVE_INFINITY,
  futureMs: Number.POSITIVE_INFINITY,
  pastMsMax: Number.POSITIVE_INFINITY,
  replayPastMsMax: Number.POSITIVE_INFINITY,
  futureMsMax: Number.POSITIVE_INFINITY,
}

/** @throws coded errors for whatever an operator can mend: options, files, certificates, data directory */
export async function composeGateway(config: GatewayConfig, log: Log): Promise<Gateway> {
  const instruments = createInstruments()
  const strategies = chooseStrategies(config.control)
  const junctions = config.junctions ? readJunctions(config.junctions) : new Map()
  const tls = await provideCertificates(config, log)
  const ledger = await openLedger({
    dir: config.dataDir,
    log: log.child({ room: 'ledger' }),
    metrics: instruments.ledger,
    limits: {
      bytesMax: config.ledger.bytesMax,
      reserveBytes: Math.min(config.ledger.reserveBytes, config.ledger.bytesMax / 2),
      retainMs: config.ledger.retainHours * 3_600_000,
      // A simulator waits for each commit; nobody else comes whom waiting could gather in.
      ...(config.clock === 'event' ? { gatherMs: 0 } : {}),
    },
  })
  try {
    return furnish({ config, log, instruments, strategies, junctions, tls, ledger })
  } catch (error) {
    await ledger.close()
    throw error
  }
}

interface Foundation {
  readonly config: GatewayConfig
  readonly log: Log
  readonly instruments: ReturnType<typeof createInstruments>
  readonly strategies: ReturnType<typeof chooseStrategies>
  readonly junctions: Junctions
  readonly tls: Awaited<ReturnType<typeof provideCertificates>>
  readonly ledger: Ledger
}

function furnish(foundation: Foundation): Gateway {
  const { config, log, instruments, strategies, junctions, tls, ledger } = foundation
  const eventClock = config.clock === 'event' ? createEventClock() : undefined
  const clock = eventClock ?? createSystemClock()
  const roomLog = (room: string) => log.child({ room })
  const online = new Set<string>()
  const commandCounts = new Map<string, number>()
  const listeners = new Set<(event: GatewayEvent) => void>()
  let street: GatewaySummary['delay'] | undefined

  // The way in: door, gate, ledger.
  const own = createOwnNode(config.name, {
    publish: (topic, payload, options) => broker.publish(topic, payload, options),
    keep: (topic, message, atMs) => archive.append(topic, message, atMs),
    nowMs: () => clock.nowMs(),
  })
  const ingress = createIngress({
    ledger,
    clock,
    log: roomLog('ingress'),
    metrics: instruments.ingress,
    plausibility: createPlausibility({ onFault: (fault) => own.detectorFault(fault) }),
    isQuiet: quietTopics(junctions),
    notify: (node, payload) =>
      broker.publish(topics.reject(node), payload, { qos: 0, retain: false }),
    ...(eventClock ? { limits: simulatedTimeLimits } : {}),
  })
  const broker = createBroker({
    gate: ingress,
    observer: {
      clientReady: (clientId) => online.add(clientId),
      clientGone: (clientId) => online.delete(clientId),
    },
    clock,
    log: roomLog('broker'),
    metrics: instruments.broker,
    tls,
    host: config.mqtt.host,
    port: config.mqtt.port,
    limits: { connectionsMax: config.mqtt.connectionsMax },
  })

  // The readers: history and database on their own thread, forecasts and control here.
  const archive = createArchive({
    ledgerDir: config.dataDir,
    dir: config.dataDir,
    ...influxOf(config),
    retention: { ...retentionDefault, keepMs: config.history.retainDays * dayMs },
    log: roomLog('archive'),
    metrics: {
      points: instruments.metrics.counter('intergreen_sink_points_total'),
      writeSeconds: instruments.metrics.histogram('intergreen_sink_write_seconds'),
      ...instruments.pump,
    },
    onCursor: (reader, cursor, rejected) => ledger.advanceCursor(reader, cursor, rejected),
    onAlarm: ({ kind, isActive, text }) => own.alarm('system.storage', kind, isActive, text),
  })
  const forecaster = createHouseForecaster({
    clock,
    log: roomLog('prediction'),
    shippedFolder: join(import.meta.dirname, 'prediction/models'),
    modelFolders: [join(config.dataDir, 'models')],
    neighboursOf: neighboursIn(junctions),
    onFault(fault) {
      if (foundByForecast.has(fault.kind)) own.detectorFault(fault)
    },
  })
  const commands = createCommands({
    dir: config.dataDir,
    clock,
    outlet: {
      deliver: (node, topic, payload, timeoutMs) =>
        broker.deliver(node, topic, Buffer.from(payload), timeoutMs),
      isReachable: (node) => broker.isReachable(node),
    },
    log: roomLog('commands'),
    metrics: instruments.commands,
    lastWord: (record) => control.lastWord(record),
    ...(eventClock ? { random: createRandom(config.control.seed) } : {}),
  })
  const control = createControl({
    clock,
    junctions: config.control.isEnabled ? junctions : new Map(),
    strategyFor: (_junction, rung) => strategies[rung](),
    shadowsFor: () => strategies.shadows(),
    forecaster,
    commands,
    output: {
      decided({ atMs, values }) {
        own.status('gateway.control', atMs, values, { keep: true })
        if (values.isShadow) return
        tell({
          kind: 'decision',
          atMs,
          junction: values.junction,
          what: values.decision,
          why: values.why,
        })
      },
      answer: (operator, code, result) => own.tell(topics.result(operator, code), result, 1),
    },
    log: roomLog('control'),
    metrics: instruments.control,
  })
  commands.onTransition(({ record }) => {
    const { id, junction, code, state, issuer, reason } = record
    commandCounts.set(state, (commandCounts.get(state) ?? 0) + 1)
    const values = { id, junction, code, state, issuer, ...(reason ? { reason } : {}) }
    own.status('gateway.commands', record.changedAtMs, values, { keep: true })
    tell({
      kind: 'command',
      atMs: record.changedAtMs,
      junction,
      what: state,
      why: `${code} ${issuer}`,
    })
  })
  const live = createPump({
    ledger,
    name: liveReader,
    clock: createSystemClock(),
    log: roomLog('live'),
    metrics: instruments.pump,
    skipsQuiet: true,
    consume: createLiveReader({
      observeReading: (reading) => forecaster.observe(reading),
      observeMessage(message) {
        control.observe(message)
        commands.observe(message)
      },
      // A run that is to be repeated must not depend on how fast the network answered.
      forecast: () => forecaster.whenIdle(),
      settled: () => commands.settled(),
      ...(eventClock ? { eventClock } : {}),
      answerClock: (upToMs) =>
        own.status('gateway.clock', upToMs, { upTo: formatTimestamp(upToMs) }, { qos: 1 }),
      observeStreet(seen) {
        street = {
          controlS: seen.controlDelayS,
          localPlanS: seen.localPlanDelayS,
          vehicles: seen.vehicles,
          monitorViolations: seen.monitorViolations ?? 0,
        }
      },
    }),
  })
  const keeper = createForecastKeeper({
    dir: config.dataDir,
    ledger,
    log: roomLog('prediction'),
    save: (file, offset) => forecaster.save(file, offset),
    load: (file) => forecaster.load(file),
    relearn: (record) => {
      for (const reading of readingsOf(record)) forecaster.observe(reading)
    },
    position: () => live.position,
    reader: liveReader,
  })

  // What people and machines see.
  const health = createHealth()
  health.watch('ledger', () => {
    const refusal = ledger.refusal()
    return { isReady: refusal === undefined, reason: refusal?.message ?? 'takes messages' }
  })
  readMeters(instruments, { ledger, scores: () => forecaster.scores() })
  const web = createWeb({
    host: config.web.host,
    port: config.web.port,
    ...(config.web.tls
      ? {
          tls: { key: readFileSync(tls.keyFile, 'utf8'), cert: readFileSync(tls.certFile, 'utf8') },
        }
      : {}),
    files: {
      '/': join(import.meta.dirname, '../control-center/page'),
      '/vendor/': join(import.meta.dirname, '../node_modules/mqtt/dist'),
    },
    metrics: () => instruments.metrics.text(),
    health: () => health.report(),
    acceptCenter: (stream) =>
      broker.acceptStream(stream, {
        role: config.web.isOperator ? 'operator' : 'center',
        name: 'web',
        serial: randomBytes(8).toString('hex'),
      }),
    log: roomLog('web'),
  })

  function tell(event: GatewayEvent): void {
    for (const listener of listeners) listener(event)
  }

  const ledgerPart: Part = {
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
  const presence: Part = {
    name: 'presence',
    async start() {
      own.presence('online')
    },
    async stop() {
      own.presence('shutdown')
    },
  }
  const watch = createLedgerWatch(ledger, own, () => clock.nowMs())
  const parts = [
    ledgerPart,
    archive,
    forecaster,
    keeper,
    commands,
    control,
    live,
    ingress,
    web,
    broker,
    watch,
    presence,
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
    summary: () =>
      summarizeGateway({
        devicesOnline: online.size,
        accounts: ledger.accounts(),
        commands: commandCounts,
        scores: forecaster.scores(),
        delay: street,
      }),
    nowMs: () => clock.nowMs(),
    onEvent: (listener) => void listeners.add(listener),
  }
}

function influxOf(config: GatewayConfig) {
  const { url, org, bucket, tokenFile } = config.influx
  return url ? { influx: { url, org, bucket, ...(tokenFile ? { tokenFile } : {}) } } : {}
}
