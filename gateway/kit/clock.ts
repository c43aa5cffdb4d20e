/**
 * The time, as everything that decides asks for it.
 *
 * - The system clock is the machine's; the event clock stands still until it is told to advance, and then
 *   fires what has fallen due in the order of its moments (ties in the order they were asked for).
 * - The same code runs on both, so a simulated hour decides exactly as a real one.
 * - Not for measuring: how long something took is `performance.now()`'s to say.
 */

export type Cancel = () => void

export interface Clock {
  /** Milliseconds since the epoch. */
  nowMs(): number
  /** Calls once, `delayMs` from now. */
  after(delayMs: number, fn: () => void): Cancel
  /** Calls every `periodMs`, first a period from now. */
  every(periodMs: number, fn: () => void): Cancel
}

/** The machine's clock. Its timers do not keep the process alive. */
export function createSystemClock(): Clock {
  return {
    nowMs: () => Date.now(),
    after(delayMs, fn) {
      const timer = setTimeout(fn, delayMs)
      timer.unref()
      return () => clearTimeout(timer)
    },
    every(periodMs, fn) {
      const timer = setInterval(fn, periodMs)
      timer.unref()
      return () => clearInterval(timer)
    },
  }
}

export interface EventClock extends Clock {
  /**
   * Moves the time on, never back, firing on the way all that falls due up to and including `toMs`. When that is several
   * of the usual steps away, nobody saw what lies between: as after a machine was asleep, each timer then fires once.
   */
  advanceTo(toMs: number, stepMs?: number): void
  /** False until it was first told the time, where it was made without one. */
  readonly isSet: boolean
}

/** Some steps at once may have been read late; more than these were not there to be read. */
const stepsSeen = 3

interface Due {
  atMs: number
  readonly order: number
  readonly periodMs: number | undefined
  readonly fn: () => void
}

/** Without `startMs` it stands at 0 until it is first told the time, and what was asked for before counts from then. */
export function createEventClock(startMs?: number): EventClock {
  let nowMs = startMs ?? 0
  let isSet = startMs !== undefined
  let order = 0
  const due = new Set<Due>()

  function add(delayMs: number, fn: () => void, periodMs?: number): Cancel {
    const entry: Due = { atMs: nowMs + Math.max(0, delayMs), order: order++, periodMs, fn }
    due.add(entry)
    return () => due.delete(entry)
  }

  function next(untilMs: number): Due | undefined {
    let best: Due | undefined
    for (const entry of due) {
      if (entry.atMs > untilMs) continue
      const isEarlier =
        best === undefined ||
        entry.atMs < best.atMs ||
        (entry.atMs === best.atMs && entry.order < best.order)
      if (isEarlier) best = entry
    }
    return best
  }

  /** Nobody is to look at what there was before the leap as if it were still so. */
  function leapTo(toMs: number) {
    nowMs = toMs
    for (const entry of due) {
      const missed = entry.periodMs && Math.floor((toMs - entry.atMs) / entry.periodMs)
      if (missed && missed > 0) entry.atMs += missed * (entry.periodMs ?? 0)
    }
  }

  return {
    nowMs: () => nowMs,
    after: (delayMs, fn) => add(delayMs, fn),
    every: (periodMs, fn) => add(periodMs, fn, Math.max(1, periodMs)),
    get isSet() {
      return isSet
    },
    advanceTo(toMs, stepMs = Number.POSITIVE_INFINITY) {
      if (!isSet) {
        isSet = true
        for (const entry of due) entry.atMs += toMs - nowMs
        nowMs = toMs
        return
      }
      if (toMs - nowMs > stepsSeen * stepMs) leapTo(toMs)
      for (let entry = next(toMs); entry; entry = next(toMs)) {
        nowMs = Math.max(nowMs, entry.atMs)
        if (entry.periodMs === undefined) due.delete(entry)
        else entry.atMs += entry.periodMs
        entry.fn()
      }
      nowMs = Math.max(nowMs, toMs)
    },
  }
}
