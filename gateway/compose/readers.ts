/** Who reads the ledger: the archive on its own thread; forecasts, control and commands here, by the live reader. */
import { join } from 'node:path'
import type { SimStreet } from '../../schemas/generated/messages.ts'
import { formatTimestamp } from '../../schemas/time.ts'
import { type Archive, createArchive } from '../archive/archive.ts'
import type { Commands } from '../commands/commands.ts'
import type { Control } from '../control/loop.ts'
import { dayMs, retentionDefault } from '../history/retention.ts'
import type { QueueChecks } from '../ingress/queue-checks.ts'
import { createSystemClock } from '../kit/clock.ts'
import type { Part } from '../kit/part.ts'
import { createPump } from '../ledger/pump.ts'
import { createHouseForecaster, type HouseForecaster } from '../prediction/house-forecaster.ts'
import { createForecastKeeper } from './forecast-keeper.ts'
import type { Foundation } from './foundation.ts'
import { createLiveReader, readingsOf } from './live-reader.ts'
import { neighboursIn } from './neighbours.ts'
import type { OwnNode } from './own-node.ts'

/** Name of the live reader, as accounts and metrics show it. */
const liveReader = 'control'
/** The door finds what a window alone betrays; these two show only beside a forecast and neighbours. */
const foundByForecast: ReadonlySet<string> = new Set(['dead', 'drifting'])

export function createArchiveReader(foundation: Foundation, own: OwnNode): Archive {
  const { config, log, instruments, ledger } = foundation
  const { url, ...influx } = config.influx
  return createArchive({
    ledgerDir: config.dataDir,
    dir: config.dataDir,
    ...(url ? { influx: { url, ...influx } } : {}),
    retention: { ...retentionDefault, keepMs: config.history.retainDays * dayMs },
    log: log.child({ room: 'archive' }),
    metrics: {
      points: instruments.metrics.counter('intergreen_sink_points_total'),
      writeSeconds: instruments.metrics.histogram('intergreen_sink_write_seconds'),
      ...instruments.pump,
    },
    onCursor: (reader, cursor, rejected) => ledger.advanceCursor(reader, cursor, rejected),
    onAlarm: ({ kind, isActive, text }) => own.alarm('system.storage', kind, isActive, text),
  })
}

export function createForecaster(foundation: Foundation, own: OwnNode): HouseForecaster {
  const { config, log, clock, junctions } = foundation
  return createHouseForecaster({
    clock,
    log: log.child({ room: 'prediction' }),
    timeZone: config.forecast.timeZone,
    shippedFolder: join(import.meta.dirname, '../prediction/models'),
    modelFolders: [join(config.dataDir, 'models')],
    neighboursOf: neighboursIn(junctions),
    // The own node's time: models come before a simulator has told any.
    onAudit: ({ event, model, facts }) =>
      own.status('gateway.models', own.nowMs(), { event, model, facts }, { qos: 1, keep: true }),
    onFault(fault) {
      if (foundByForecast.has(fault.kind)) own.detectorFault(fault)
    },
  })
}

export interface LiveListeners {
  readonly own: OwnNode
  readonly forecaster: HouseForecaster
  readonly control: Control
  readonly commands: Commands
  readonly queues: QueueChecks
  observeStreet(street: SimStreet['entries'][number]['values']): void
}

/** The live reader, and before it in the order of starting what brings the forecaster up to its cursor. */
export function createLive(
  foundation: Foundation,
  listeners: LiveListeners,
): readonly [keeper: Part, live: Part] {
  const { config, log, instruments, ledger, eventClock } = foundation
  const { own, forecaster, control, commands, queues } = listeners
  const live = createPump({
    ledger,
    name: liveReader,
    clock: createSystemClock(),
    log: log.child({ room: 'live' }),
    metrics: instruments.pump,
    skipsQuiet: true,
    consume: createLiveReader({
      observeReading(reading) {
        forecaster.observe(reading)
        if (reading.quality === 'recent')
          queues.count(reading.node, reading.component, reading.vehicles)
      },
      judgeQueues: (node, value) => queues.judge(node, value.entries),
      observeMessage(message) {
        control.observe(message)
        commands.observe(message)
      },
      liveFrom: ledger.nextOffset,
      // A run that is to be repeated must not depend on how fast the network answered.
      forecast: () => forecaster.whenIdle(),
      settled: () => commands.settled(),
      ...(eventClock ? { eventClock } : {}),
      answerClock: (upToMs) =>
        own.status('gateway.clock', upToMs, { upTo: formatTimestamp(upToMs) }, { qos: 1 }),
      observeStreet: (street) => listeners.observeStreet(street),
    }),
  })
  const keeper = createForecastKeeper({
    dir: config.dataDir,
    ledger,
    log: log.child({ room: 'prediction' }),
    save: (file, offset) => forecaster.save(file, offset),
    load: (file) => forecaster.load(file),
    relearn: (record) => {
      for (const reading of readingsOf(record)) forecaster.relearn(reading)
    },
    position: () => live.position,
    reader: liveReader,
  })
  return [keeper, live]
}
