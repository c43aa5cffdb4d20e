/**
 * Local time of a place by its IANA name (`Europe/Berlin`), summer time included. Asks Intl, which knows the rules; the
 * answers are remembered, because Intl is slow and the questions are always about the same few moments.
 */
import { CommandLineInvalid } from '../../schemas/errors.ts'

/** Local time less UTC at a moment, in ms. */
export type LocalOffset = (atMs: number) => number

/** Moments are put together by this much: no clock is changed between two of them. */
const stepMs = 300_000
const rememberedMax = 4_096 // A fortnight of steps.

/** @throws IG_ERR_COMMAND_LINE_INVALID, naming the option */
export function checkTimeZone(timeZone: string, option: string): void {
  try {
    new Intl.DateTimeFormat('en', { timeZone })
  } catch (cause) {
    const text = `${JSON.stringify(timeZone)} is no time zone; it is an IANA name such as Europe/Berlin`
    throw CommandLineInvalid.from(cause, option, text)
  }
}

/** @throws RangeError for a name that is no time zone */
export function localOffset(timeZone: string): LocalOffset {
  const format = new Intl.DateTimeFormat('en-US', {
    ...{ timeZone, hourCycle: 'h23', calendar: 'gregory', numberingSystem: 'latn' },
    ...{ year: 'numeric', month: 'numeric', day: 'numeric' },
    ...{ hour: 'numeric', minute: 'numeric', second: 'numeric' },
  })
  if (format.resolvedOptions().timeZone === 'UTC') return () => 0
  const known = new Map<number, number>()

  function ask(atMs: number): number {
    const part: Record<string, number> = {}
    for (const { type, value } of format.formatToParts(atMs)) part[type] = Number(value)
    const { year, month, day, hour, minute, second } = part as Record<string, number>
    return Date.UTC(year!, month! - 1, day, hour, minute, second) - atMs
  }

  return (atMs) => {
    const step = Math.floor(atMs / stepMs)
    const found = known.get(step)
    if (found !== undefined) return found
    if (known.size >= rememberedMax) known.clear()
    const offsetMs = ask(step * stepMs)
    known.set(step, offsetMs)
    return offsetMs
  }
}
