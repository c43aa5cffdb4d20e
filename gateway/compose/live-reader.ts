/**
 * The live reader: every record, in the ledger's order, to those who act on it now. Forecasts first, then control
 * and commands, so that a decision rests on what came before it.
 *
 * - May meet a record twice; everything it feeds must not mind.
 * - In simulated time it also leads the clock: a simulator's `sim.clock` moves it on, and the answer goes out when
 *   all that fell due is decided and delivered (docs/decisions/0004-simulated-time.md).
 * - What was in the ledger before the start is learned from and no longer acted on: nothing is decided in the past.
 */
import type {
  SimClock,
  SimStreet,
  TrafficCount,
  TrafficQueue,
} from '../../schemas/generated/messages.ts'
import { parseTimestamp } from '../../schemas/time.ts'
import { defaultIngressLimits } from '../ingress/limits.ts'
import type { EventClock } from '../kit/clock.ts'
import type { ParsedRecord } from '../ledger/record.ts'
import type { Reading } from '../prediction/ports.ts'

/** A message in ledger order, as control and commands take it. */
export interface LiveMessage {
  readonly node: ParsedRecord['message']['topic']['node']
  readonly type: ParsedRecord['message']['topic']['type']
  readonly code: string
  readonly channel: string
  readonly value: unknown
  readonly receivedAtMs: number
  readonly notes?: NonNullable<ParsedRecord['notes']>
}

export interface LivePorts {
  observeReading(reading: Reading): void
  observeMessage(message: LiveMessage): void
  /** Quality by lane where a queue cannot be right. */
  judgeQueues(node: string, value: TrafficQueue): NonNullable<ParsedRecord['notes']>['qualities']
  /** Resolves when no forecast is being made. */
  forecast(): Promise<void>
  /** Resolves when no command is on its way. */
  settled(): Promise<void>
  /** First record that is not of a former life. */
  readonly liveFrom: number
  /** The clock to lead, in simulated time. */
  readonly eventClock?: EventClock
  answerClock(upToMs: number): void
  observeStreet(street: SimStreet['entries'][number]['values']): void
}

export type LiveReader = (records: readonly ParsedRecord[]) => void | Promise<void>

export function createLiveReader(ports: LivePorts): LiveReader {
  return (records) => {
    for (let at = 0; at < records.length; at += 1) {
      const pending = take(records[at]!)
      if (pending) return pending.then(() => takeRest(records, at + 1))
    }
  }

  async function takeRest(records: readonly ParsedRecord[], from: number): Promise<void> {
    for (let at = from; at < records.length; at += 1) await take(records[at]!)
  }

  function take(record: ParsedRecord): Promise<void> | undefined {
    const { topic, value } = record.message
    if (topic.code === 'traffic.count') feedCounts(record)
    if (topic.type === 'status') {
      if (topic.code === 'sim.clock') {
        return record.offset < ports.liveFrom ? undefined : lead(value as SimClock)
      }
      if (topic.code === 'sim.street') feedStreet(value as SimStreet)
    }
    const notes = notesOf(record)
    ports.observeMessage({
      ...topic,
      value,
      receivedAtMs: record.receivedAtMs,
      ...(notes ? { notes } : {}),
    })
    return undefined
  }

  /** What the door noticed, and what it did not look for in a queue. */
  function notesOf({ message, notes }: ParsedRecord): ParsedRecord['notes'] {
    const { topic, value } = message
    if (topic.code !== 'traffic.queue' || topic.type !== 'status') return notes
    const qualities = ports.judgeQueues(topic.node, value as TrafficQueue)
    return qualities ? { ...notes, qualities: { ...notes?.qualities, ...qualities } } : notes
  }

  function feedCounts(record: ParsedRecord): void {
    for (const reading of readingsOf(record)) ports.observeReading(reading)
  }

  async function lead(message: SimClock): Promise<void> {
    const clock = ports.eventClock
    if (!clock) return
    for (const entry of message.entries) {
      const upToMs = parseTimestamp(entry.ts)
      if (upToMs === undefined) continue
      await ports.forecast()
      clock.advanceTo(upToMs, entry.values.stepMs)
      await ports.settled()
      ports.answerClock(upToMs)
    }
  }

  function feedStreet(message: SimStreet): void {
    for (const entry of message.entries) ports.observeStreet(entry.values)
  }
}

/**
 * The windows of every detector in a `traffic.count`, replayed ones too; nothing of any other message. What a clock that
 * runs ahead has dated into the future is none: a detector's time never runs back, so it would shut out all that comes
 * after the clock was put right. Rests on the record alone, so that a forecast made again sees the same.
 */
export function readingsOf(record: ParsedRecord): readonly Reading[] {
  const { topic, value } = record.message
  const isCount = topic.code === 'traffic.count' && ['status', 'replay'].includes(topic.type)
  if (!isCount) return []
  const readings: Reading[] = []
  for (const entry of (value as TrafficCount).entries) {
    const atMs = parseTimestamp(entry.ts)
    if (atMs === undefined || (record.notes?.future && liesAhead(atMs, record))) continue
    for (const [component, count] of Object.entries(entry.values.detectors)) {
      readings.push({
        node: topic.node,
        component,
        atMs,
        windowMs: entry.values.windowMs,
        vehicles: count.vehicles,
        occupancyPercent: count.occupancy ?? null,
        speedKmh: count.speed ?? null,
        quality:
          record.notes?.qualities?.[component] ??
          count.quality ??
          entry.quality ??
          (record.notes?.replay ? 'old' : 'recent'),
        offset: record.offset,
      })
    }
  }
  return readings
}

function liesAhead(atMs: number, { receivedAtMs }: ParsedRecord): boolean {
  return atMs - receivedAtMs > defaultIngressLimits.futureMs
}
