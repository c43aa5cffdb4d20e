/**
 * How a device says something: numbers per code and channel, its own clock, and what it keeps while it cannot be heard.
 *
 * - Statuses marked `keep` go into a backlog of bounded length while there is no connection, and are replayed with
 *   quality `old` when it is back, oldest first, the last with `done`.
 * - The faults that concern messages (wrong clock, damaged, sent twice) happen here.
 */
import { formatTimestamp } from '../../schemas/time.ts'
import { topics } from '../../schemas/topics.ts'
import type { Random } from '../random.ts'
import type { DeviceFaults } from './faults.ts'
import type { Link } from './link.ts'

export interface StatusOptions {
  readonly channel?: string
  /** Worth telling later when it cannot be told now. */
  readonly keep?: boolean
}

export interface Reporter {
  status(code: string, values: object, nowMs: number, options?: StatusOptions): void
  alarm(code: string, active: boolean, values: object, nowMs: number): void
  result(code: string, values: object, nowMs: number): void
  /** Sends what was kept. Called when the connection is back. */
  replay(): void
}

interface Kept {
  readonly code: string
  readonly channel: string | undefined
  readonly entry: object
}

const keptMax = 1_440 // A day of minutes.
const replayEntriesMax = 60
const defaultShare = 0.1

export function createReporter(link: Link, faults: DeviceFaults, random: Random): Reporter {
  const seqs = new Map<string, number>()
  let kept: Kept[] = []

  function deviceTime(nowMs: number): string {
    const offsetS = faults.active('clock', nowMs)?.value ?? 0
    return formatTimestamp(nowMs + offsetS * 1000)
  }

  function isHit(kind: 'malformed' | 'duplicate', nowMs: number): boolean {
    const fault = faults.active(kind, nowMs)
    return fault !== undefined && random() < (fault.value ?? defaultShare)
  }

  return {
    status(code, values, nowMs, { channel, keep = false } = {}) {
      const stream = `${code}/${channel ?? ''}`
      const seq = (seqs.get(stream) ?? -1) + 1
      seqs.set(stream, seq)
      const entry = { ts: deviceTime(nowMs), seq, values }
      const topic = topics.status(link.node, code, channel)
      if (!link.isConnected()) {
        if (!keep) return
        kept.push({ code, channel, entry: { ...entry, quality: 'old' } })
        if (kept.length > keptMax) kept.shift()
        return
      }
      const message: object | Buffer = isHit('malformed', nowMs)
        ? damaged({ entries: [entry] }, random)
        : { entries: [entry] }
      link.publish(topic, message)
      if (isHit('duplicate', nowMs)) link.publish(topic, message)
    },
    alarm(code, active, values, nowMs) {
      const entry = { ts: deviceTime(nowMs), active, values }
      link.publish(topics.alarm(link.node, code), { entries: [entry] })
    },
    result(code, values, nowMs) {
      link.publish(topics.result(link.node, code), { ts: deviceTime(nowMs), ...values })
    },
    replay() {
      const streams = Map.groupBy(kept, ({ code, channel }) =>
        topics.replay(link.node, code, channel),
      )
      kept = []
      for (const [topic, entries] of streams) {
        for (let from = 0; from < entries.length; from += replayEntriesMax) {
          const part = entries.slice(from, from + replayEntriesMax).map(({ entry }) => entry)
          const isLast = from + replayEntriesMax >= entries.length
          link.publish(topic, { entries: part, ...(isLast && { done: true }) })
        }
      }
    },
  }
}

/** The message in one of the ways in which messages go wrong. */
function damaged(message: object, random: Random): Buffer {
  const text = JSON.stringify(message)
  const way = Math.floor(random() * 4)
  if (way === 0) return Buffer.from(text.slice(0, Math.floor(text.length * random())))
  if (way === 1) return Buffer.from(text.replace(/"ts":"[^"]*"/, '"ts":"yesterday"'))
  if (way === 2) return Buffer.from(text.replace(/"values":/, '"valuse":'))
  return Buffer.from(Uint8Array.from({ length: 40 }, () => Math.floor(random() * 256)))
}
