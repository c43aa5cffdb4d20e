/**
 * How a device says something: numbers per code and channel, its own clock, and what it keeps while it cannot be heard.
 *
 * - Statuses marked `keep` go into a backlog of bounded length while there is no connection, and are replayed with
 *   quality `old` when it is back, oldest first, the last with `done`.
 * - A channel can be switched off, on, or paced by the gateway (`<node>/channel/<code>[/<channel>]`); the numbers go on
 *   without a gap, for what was not to be said is not missing.
 * - The faults that concern messages (wrong clock, damaged, sent twice) happen here.
 */
import type { Channel } from '../../schemas/generated/messages.ts'
import { decodePayload } from '../../schemas/payload.ts'
import { formatTimestamp } from '../../schemas/time.ts'
import { isTopic, parseTopic, topics } from '../../schemas/topics.ts'
import { validateMessage } from '../../schemas/validators.ts'
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

interface ChannelState {
  readonly isOn: boolean
  readonly intervalMs: number
  saidAtMs: number
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
  const channels = new Map<string, ChannelState>()
  let kept: Kept[] = []

  link.onMessage((text, payload) => {
    const topic = parseTopic(text)
    if (!isTopic(topic) || topic.type !== 'channel') return
    const decoded = decodePayload(payload)
    if ('error' in decoded || validateMessage('channel', topic.code, decoded.value)) return
    const { state, intervalMs = 0 } = decoded.value as Channel
    const saidAtMs = Number.NEGATIVE_INFINITY
    channels.set(`${topic.code}/${topic.channel}`, { isOn: state === 'on', intervalMs, saidAtMs })
  })

  /** Whether the channel is to be heard now. */
  function isWanted(stream: string, nowMs: number): boolean {
    const channel = channels.get(stream)
    if (!channel) return true
    if (!channel.isOn || nowMs - channel.saidAtMs < channel.intervalMs) return false
    channel.saidAtMs = nowMs
    return true
  }

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
      if (!isWanted(stream, nowMs)) return
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
