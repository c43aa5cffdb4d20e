/**
 * Moves commands on by what the devices' own statuses show: in force, replaced, given back, gone.
 *
 * - The newest status of each kind counts; an older one that comes late says nothing about now.
 * - A command that has not left yet is in force only by its name: equal values were there without it.
 */
import type { Clock } from '../kit/clock.ts'
import type { Book } from './book.ts'
import { readBack, type SignalStatus } from './read-back.ts'
import { type CommandRecord, leaseEndsAtMs, slotOf } from './record.ts'
import type { CommandEvent } from './states.ts'

export interface StatusWatch {
  observe(node: string, status: SignalStatus, deviceAtMs: number): void
}

export interface StatusWatchOptions {
  readonly clock: Clock
  readonly book: Book
  readonly leaseToleranceMs: number
  hasLeft(id: string): boolean
  apply(id: string, event: CommandEvent, reason?: string): void
}

/** Controllers heard of, times three statuses. One zone's simulator could make up names without end; forgetting is harmless. */
const statusKeysMax = 30_000

export function createStatusWatch(options: StatusWatchOptions): StatusWatch {
  const { clock, book, hasLeft, apply } = options
  /** Newest status seen, by node and code. */
  const statusAtMs = new Map<string, number>()
  const reportsHeldStage = new Set<string>()

  function isRival(record: CommandRecord, id: string): boolean {
    if (id === record.id) return false
    const other = book.get(id) ?? book.ended(id)
    return other !== undefined && slotOf[other.code] === slotOf[record.code]
  }

  function notShown(record: CommandRecord) {
    const isOver = clock.nowMs() >= leaseEndsAtMs(record) - options.leaseToleranceMs
    // While stages change, the device already follows the newer command and shows neither.
    const newer = book.newest(record.junction, slotOf[record.code])
    if (newer && newer.epoch > record.epoch) apply(record.id, 'replaced', `by ${newer.id}`)
    else if (isOver) apply(record.id, 'givenBack', 'its lease has ended')
    else apply(record.id, 'gone', 'the device shows something else')
  }

  return {
    observe(node, status, deviceAtMs) {
      const key = `${node} ${status.code}`
      // A moment ahead of our clock is no yardstick: a device that was wrong once would never be heard again.
      if (deviceAtMs < Math.min(statusAtMs.get(key) ?? 0, clock.nowMs())) return
      if (statusAtMs.size >= statusKeysMax) statusAtMs.clear()
      statusAtMs.set(key, deviceAtMs)
      if (status.code === 'tlc.mode' && status.values.stage !== undefined) {
        reportsHeldStage.add(node)
      }
      const verdicts = book.live(node).map((record) => ({
        record,
        verdict: readBack(record, status, {
          isRival: (id) => isRival(record, id),
          reportsHeldStage: reportsHeldStage.has(node),
        }),
      }))
      // First what is shown, so that what it replaces ends as superseded and not as reverted.
      for (const { record, verdict } of verdicts) {
        const isNewer = deviceAtMs >= record.issuedAtMs
        const isEqualNow = verdict === 'equal' && isNewer && hasLeft(record.id)
        if (verdict === 'named' || isEqualNow) apply(record.id, 'shown')
      }
      for (const { record, verdict } of verdicts) {
        if (verdict === 'other') notShown(record)
      }
    },
  }
}
