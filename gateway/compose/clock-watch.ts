/**
 * Whose clock is off? Once a minute the door's estimates are looked at; an alarm is raised and ended per device, with a gap
 * between the two bounds so that a clock at the edge does not chatter.
 */
import { createSystemClock } from '../kit/clock.ts'
import type { Part } from '../kit/part.ts'

export interface ClockReport {
  readonly node: string
  /** Device clock less ours; undefined until there is enough to go on. */
  readonly clockOffsetMs: number | undefined
}

const lookEveryMs = 60_000
/** Beyond this a minute's window is counted into the wrong minute often enough to matter. */
export const raiseOffsetMs = 5_000
export const endOffsetMs = 2_000

export interface ClockAlarm {
  readonly node: string
  readonly offsetMs: number
  readonly isActive: boolean
}

/** Which alarms begin and end, given who has one. Pure. */
export function clockAlarms(
  reports: readonly ClockReport[],
  raised: ReadonlySet<string>,
): readonly ClockAlarm[] {
  return reports.flatMap(({ node, clockOffsetMs: offsetMs }): ClockAlarm[] => {
    if (offsetMs === undefined) return []
    const size = Math.abs(offsetMs)
    if (!raised.has(node) && size > raiseOffsetMs) return [{ node, offsetMs, isActive: true }]
    if (raised.has(node) && size < endOffsetMs) return [{ node, offsetMs, isActive: false }]
    return []
  })
}

export function createClockWatch(
  reports: () => readonly ClockReport[],
  tell: (node: string, offsetMs: number, isActive: boolean) => void,
): Part {
  const raised = new Set<string>()
  let cancel: (() => void) | undefined
  return {
    name: 'clock watch',
    async start() {
      cancel = createSystemClock().every(lookEveryMs, () => {
        for (const { node, offsetMs, isActive } of clockAlarms(reports(), raised)) {
          if (isActive) raised.add(node)
          else raised.delete(node)
          tell(node, Math.round(offsetMs), isActive)
        }
      })
    },
    async stop() {
      cancel?.()
    },
  }
}
