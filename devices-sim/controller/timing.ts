/**
 * A fixed-time plan as windows of a cycle, and how a junction that is out of step finds back into it.
 *
 *   0        end₁      start₂   end₂          cycle
 *   | stage 1 | change | stage 2 | change back |        position = (now − offset) modulo cycle, from the epoch
 *
 * Surplus time, where greens and intergreens do not fill the cycle, is green of the last stage. A stage that
 * begins late is shortened, one that begins early is lengthened, both within bounds, until the plan is met.
 */
import { type Envelope, type Stage, wholeMs } from './envelope.ts'

export interface Timing {
  /** Number of the plan it is based on. */
  readonly plan: number
  readonly cycleS: number
  readonly offsetS: number
  readonly greensS: Readonly<Record<string, number>>
  /** Stages in the order they are served, each once: a stage's number says where in the cycle it is. */
  readonly stages: readonly number[]
}

/** A stage is never held longer than this many times its planned green to wait for the plan. */
const stretchMax = 1.6
const shrinkMin = 0.5

/** Why the controller will not run it, or undefined. */
export function refuseTiming(envelope: Envelope, timing: Timing): string | undefined {
  const { min, max } = envelope.junction.cycleS
  if (timing.cycleS < min || timing.cycleS > max) {
    return `cycle of ${timing.cycleS} s is outside ${min} to ${max} s`
  }
  const named = Object.keys(timing.greensS).map(Number)
  const unknown = named.find((number) => !timing.stages.includes(number))
  if (unknown !== undefined) return `stage ${unknown} is not in plan ${timing.plan}`
  let usedMs = 0
  for (const [index, number] of timing.stages.entries()) {
    const stage = stageOf(envelope, number)
    const greenS = timing.greensS[number]
    if (greenS === undefined) return `stage ${number} of plan ${timing.plan} has no green`
    if (wholeMs(greenS) < stage.minGreenMs) {
      return `green of ${greenS} s for stage ${number} is below its minimum of ${stage.minGreenMs / 1000} s`
    }
    usedMs += wholeMs(greenS) + envelope.changeMs(stage, following(envelope, timing, index))
  }
  const toleranceMs = 500 // Half a second is rounding; more is a plan that does not fit.
  if (usedMs > wholeMs(timing.cycleS) + toleranceMs) {
    return `greens and intergreens take ${usedMs / 1000} s, the cycle is ${timing.cycleS} s`
  }
  return refuseReds(envelope, timing)
}

/** Each group must come back within its maximum red. */
function refuseReds(envelope: Envelope, timing: Timing): string | undefined {
  const windows = windowsOf(envelope, timing)
  const cycleMs = wholeMs(timing.cycleS)
  for (const [index, group] of envelope.groups.entries()) {
    const greens = windows.filter(({ stage }) => stage.greens[index])
    for (const [at, window] of greens.entries()) {
      const next = greens[(at + 1) % greens.length]
      if (!next) continue
      const gapMs = next.startMs - window.endMs + (at + 1 === greens.length ? cycleMs : 0)
      if (gapMs > group.maxRedMs) {
        return `${group.name} would be red for ${gapMs / 1000} s, its maximum is ${group.maxRedMs / 1000} s`
      }
    }
  }
  return undefined
}

interface Window {
  readonly stage: Stage
  /** Positions in the cycle, in ms; the end may lie beyond the cycle's by rounding only. */
  readonly startMs: number
  readonly endMs: number
}

function windowsOf(envelope: Envelope, timing: Timing): readonly Window[] {
  const windows: Window[] = []
  let startMs = 0
  for (const [index, number] of timing.stages.entries()) {
    const stage = stageOf(envelope, number)
    const changeMs = envelope.changeMs(stage, following(envelope, timing, index))
    const isLast = index === timing.stages.length - 1
    const greenMs = wholeMs(timing.greensS[number] ?? 0)
    const endMs = isLast
      ? Math.max(startMs + greenMs, wholeMs(timing.cycleS) - changeMs)
      : startMs + greenMs
    windows.push({ stage, startMs, endMs })
    startMs = endMs + changeMs
  }
  return windows
}

/** A timing made ready to run. */
export interface Program {
  readonly timing: Timing
  /** The first stage of a cycle. */
  readonly firstStage: number
  /** When stage `number`, green since `sinceMs`, is to end; undefined when the plan does not serve it. */
  endAtMs(number: number, sinceMs: number): number | undefined
  /** Which stage comes after `number`; for one that is not in the plan, the one whose turn it is at `nowMs`. */
  next(number: number, nowMs: number): Stage
}

export function createProgram(envelope: Envelope, timing: Timing): Program {
  const windows = windowsOf(envelope, timing)
  const cycleMs = wholeMs(timing.cycleS)
  const position = (atMs: number) => mod(atMs - wholeMs(timing.offsetS), cycleMs)
  const windowOf = (number: number) => windows.find(({ stage }) => stage.number === number)

  return {
    timing,
    firstStage: timing.stages[0] ?? 0,
    endAtMs(number, sinceMs) {
      const window = windowOf(number)
      if (!window) return undefined
      const greenMs = window.endMs - window.startMs
      // Late is positive, early negative; half a cycle decides which.
      const lateMs = mod(position(sinceMs) - window.startMs + cycleMs / 2, cycleMs) - cycleMs / 2
      const shortestMs = Math.max(window.stage.minGreenMs, greenMs * shrinkMin)
      const longestMs = Math.max(greenMs, greenMs * stretchMax)
      return sinceMs + Math.min(longestMs, Math.max(shortestMs, greenMs - lateMs))
    },
    next(number, nowMs) {
      const index = windows.findIndex(({ stage }) => stage.number === number)
      if (index >= 0) return windows[(index + 1) % windows.length]?.stage as Stage
      const at = position(nowMs)
      const due = windows.find(({ endMs }) => at < endMs) ?? windows[0]
      return due?.stage as Stage
    },
  }
}

const mod = (value: number, by: number) => ((value % by) + by) % by

function stageOf(envelope: Envelope, number: number): Stage {
  return envelope.stages.get(number) as Stage
}

function following(envelope: Envelope, timing: Timing, index: number): Stage {
  return stageOf(envelope, timing.stages[(index + 1) % timing.stages.length] as number)
}
