/**
 * An independent witness: watches the lamps of one junction step by step and counts what must never happen.
 *
 * It shares no code with the controller. It knows the conflict matrix, minimum greens, intergreens, yellows
 * and maximum reds of the junction document, and nothing of stages, plans or commands.
 *
 * - Times are those of the observations: a lamp shown at two observations was shown all the time between.
 * - Dark lamps (`O`) are no red; when they end, everybody counts as having been green until then.
 */
import type { Junction } from '../schemas/generated/messages.ts'
import type { LampState, Lamps } from './world.ts'

export type ViolationKind =
  | 'conflict' // Two groups in conflict, both protected green.
  | 'intergreen' // A green began too soon after a conflicting one ended.
  | 'minimum-green'
  | 'maximum-red'
  | 'yellow' // Yellow or red-yellow cut short or left out.

export interface Violation {
  readonly kind: ViolationKind
  readonly node: string
  readonly atMs: number
  readonly text: string
}

export interface Monitor {
  observe(atMs: number, lamps: Lamps): void
  readonly violations: readonly Violation[]
  /** All that were counted; `violations` keeps the first ones only. */
  count(): number
  /** Longest red seen of any group, the running ones included. */
  worstRedMs(): number
}

interface Watched {
  lamp: LampState
  lampSinceMs: number
  greenSinceMs: number
  greenEndedAtMs: number | undefined
  redSinceMs: number | undefined
  isRedCounted: boolean
}

const violationsKept = 100

export function createMonitor(junction: Junction): Monitor {
  const names = Object.keys(junction.groups)
  const rules = junction.groups
  const watched = new Map<string, Watched>()
  const intergreenMs = new Map<string, number>()
  for (const { from, to, s } of junction.intergreensS) intergreenMs.set(`${from}>${to}`, toMs(s))
  const rivals = new Map<string, string[]>(names.map((name) => [name, []]))
  for (const [a = '', b = ''] of junction.conflicts) {
    rivals.get(a)?.push(b)
    rivals.get(b)?.push(a)
  }
  const violations: Violation[] = []
  let count = 0
  let worstRedMs = 0

  function report(kind: ViolationKind, atMs: number, text: string): void {
    count += 1
    if (violations.length < violationsKept) {
      violations.push({ kind, node: junction.node, atMs, text })
    }
  }

  function begin(name: string, lamp: LampState, atMs: number): void {
    watched.set(name, {
      lamp,
      lampSinceMs: atMs,
      greenSinceMs: atMs,
      greenEndedAtMs: undefined,
      redSinceMs: isGreen(lamp) || lamp === 'O' ? undefined : atMs,
      isRedCounted: false,
    })
  }

  function greenBegins(name: string, atMs: number, lamps: Lamps): void {
    for (const rival of rivals.get(name) ?? []) {
      const other = watched.get(rival)
      if (!other || isGreen(lamps[rival] as LampState)) continue
      const endedAtMs = isGreen(other.lamp) ? atMs : other.greenEndedAtMs
      const neededMs = intergreenMs.get(`${rival}>${name}`) ?? 0
      if (endedAtMs !== undefined && atMs - endedAtMs < neededMs) {
        const text = `${name} is green ${atMs - endedAtMs} ms after ${rival}, needs ${neededMs} ms`
        report('intergreen', atMs, text)
      }
    }
  }

  function changed(name: string, seen: Watched, lamp: LampState, atMs: number, lamps: Lamps): void {
    const rule = rules[name]
    if (!rule) return
    const lastedMs = atMs - seen.lampSinceMs
    const wasGreen = isGreen(seen.lamp)
    if (wasGreen && isGreen(lamp)) return
    if (wasGreen) {
      const greenMs = atMs - seen.greenSinceMs
      if (greenMs < toMs(rule.minGreenS)) {
        report('minimum-green', atMs, `${name} was green for ${greenMs} ms`)
      }
      if (lamp !== 'y' && rule.yellowS > 0) report('yellow', atMs, `${name} has no yellow`)
    }
    if (seen.lamp === 'y' && lastedMs < toMs(rule.yellowS)) {
      report('yellow', atMs, `${name} was yellow for ${lastedMs} ms`)
    }
    if (seen.lamp === 'u' && lastedMs < toMs(rule.redYellowS)) {
      report('yellow', atMs, `${name} was red-yellow for ${lastedMs} ms`)
    }
    if (isGreen(lamp)) {
      if (seen.lamp !== 'u' && rule.redYellowS > 0) {
        report('yellow', atMs, `${name} has no red-yellow`)
      }
      if (seen.lamp === 'y') report('yellow', atMs, `${name} went from yellow to green`)
      if (seen.lamp === 'O') report('intergreen', atMs, `${name} went from dark to green`)
      greenBegins(name, atMs, lamps)
    }
  }

  function checkRed(name: string, seen: Watched, atMs: number): void {
    if (seen.redSinceMs === undefined) return
    const redMs = atMs - seen.redSinceMs
    worstRedMs = Math.max(worstRedMs, redMs)
    const maxMs = toMs(rules[name]?.maxRedS ?? Number.POSITIVE_INFINITY)
    if (redMs <= maxMs || seen.isRedCounted) return
    seen.isRedCounted = true
    report('maximum-red', atMs, `${name} is red for more than ${maxMs} ms`)
  }

  function follow(seen: Watched, lamp: LampState, atMs: number): void {
    if (isGreen(seen.lamp) || seen.lamp === 'O') {
      if (!isGreen(lamp) && lamp !== seen.lamp) seen.greenEndedAtMs = atMs
    }
    if (isGreen(lamp) && !isGreen(seen.lamp)) seen.greenSinceMs = atMs
    const isRed = !isGreen(lamp) && lamp !== 'O'
    if (!isRed) {
      seen.redSinceMs = undefined
      seen.isRedCounted = false
    } else {
      seen.redSinceMs ??= atMs
    }
    if (seen.lamp !== lamp) seen.lampSinceMs = atMs
    seen.lamp = lamp
  }

  return {
    violations,
    count: () => count,
    worstRedMs: () => worstRedMs,
    observe(atMs, lamps) {
      for (const name of names) {
        const lamp = lamps[name]
        if (lamp === undefined) continue
        const seen = watched.get(name)
        if (!seen) continue
        // Before what is shown now counts as red or green, the red that lasted until now is judged.
        checkRed(name, seen, atMs)
        if (seen.lamp !== lamp) changed(name, seen, lamp, atMs, lamps)
      }
      for (const name of names) {
        const lamp = lamps[name]
        if (lamp === undefined) continue
        const seen = watched.get(name)
        if (seen) follow(seen, lamp, atMs)
        else begin(name, lamp, atMs)
      }
      for (const [a = '', b = ''] of junction.conflicts) {
        if (lamps[a] === 'G' && lamps[b] === 'G') {
          report('conflict', atMs, `${a} and ${b} are both green`)
        }
      }
    },
  }
}

/** In whole milliseconds, as observations come: 36.99999999999999 s in a document means 37 s. */
const toMs = (seconds: number) => Math.round(seconds * 1000)

const isGreen = (lamp: LampState) => lamp === 'G' || lamp === 'g'
