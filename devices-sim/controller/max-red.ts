/**
 * Keeps every group within its maximum red, whatever is asked: before the controller stays or goes where it
 * is told to, it asks whether afterwards everybody could still be served in time.
 *
 * The proof is a rescue: serve the group whose red must end first, at minimum green, and so on until all are
 * served. While the rescue works after the next move, the move is free. When it would not, the rescue itself
 * is the next move, and it worked a step ago. All times are rounded up to the step the controller is driven with (`stepMs`, the longest).
 */
import type { Envelope, Stage } from './envelope.ts'
import type { LampBox } from './lamps.ts'

export interface MaxRed {
  /**
   * The stage that must be begun now (the green one itself: stay); undefined when the move is free. `move` is
   * the stage to change to, or undefined for staying another step in the stage that is green.
   */
  forced(move: Stage | undefined, nowMs: number): Stage | undefined
}

interface Waiting {
  readonly index: number
  readonly deadlineMs: number
}

export function createMaxRed(envelope: Envelope, box: LampBox, stepMs: number): MaxRed {
  const { groups } = envelope
  const stages = [...envelope.stages.values()]
  // What takes a while is noticed up to a step late.
  const up = (ms: number) => (ms === 0 ? 0 : ms + stepMs)
  // A round that serves every group by a stage of its own is never longer than this.
  const roundMs =
    groups.length *
    (up(Math.max(...stages.map((stage) => stage.minGreenMs))) + 2 * up(envelope.clearMs) + stepMs)

  /** Who is red now or will be when `move` has begun; most pressing first. */
  function waitingWith(stage: Stage, move: Stage | undefined, nowMs: number): Waiting[] {
    const waiting: Waiting[] = []
    groups.forEach((group, index) => {
      if (stage.greens[index] && (!move || move.greens[index])) return
      const endsNow = stage.greens[index] !== undefined
      const sinceMs = endsNow ? nowMs : box.notGreenSinceMs(index)
      waiting.push({ index, deadlineMs: sinceMs + group.maxRedMs })
    })
    return waiting.sort((a, b) => a.deadlineMs - b.deadlineMs)
  }

  /** When the most pressing stages are served from `stage`, left at `leaveMs`: is everybody in time? */
  function rescue(stage: Stage, leaveMs: number, waiting: readonly Waiting[]): boolean {
    let from = stage
    let atMs = leaveMs
    let left = waiting
    while (left.length > 0) {
      const next = stageFor(left, stages)
      const greenMs = atMs + up(envelope.changeMs(from, next)) + up(longestRedYellow(next))
      if (left.some(({ index, deadlineMs }) => next.greens[index] && greenMs > deadlineMs)) {
        return false
      }
      left = left.filter(({ index }) => !next.greens[index])
      from = next
      atMs = greenMs + up(next.minGreenMs)
    }
    return true
  }

  function longestRedYellow(stage: Stage): number {
    return Math.max(0, ...groups.map((group, i) => (stage.greens[i] ? group.redYellowMs : 0)))
  }

  /** When all of `move` is green, if it is begun now. */
  function greenMsOf(stage: Stage, move: Stage, nowMs: number): number {
    // All-red is reached at once, but what was green must clear before anything follows.
    const isAllRed = move === envelope.allRed
    const changeMs = isAllRed ? envelope.clearMs : envelope.changeMs(stage, move)
    return nowMs + up(changeMs) + up(longestRedYellow(move))
  }

  function isSafe(stage: Stage, move: Stage | undefined, waiting: Waiting[], nowMs: number) {
    if (!move) return rescue(stage, Math.max(nowMs + stepMs, latestLeaveMs(stage)), waiting)
    const greenMs = greenMsOf(stage, move, nowMs)
    const isServed = ({ index }: Waiting) => move.greens[index] !== undefined
    if (waiting.some((each) => isServed(each) && greenMs > each.deadlineMs)) return false
    const left = waiting.filter((each) => !isServed(each))
    return rescue(move, greenMs + up(move.minGreenMs) + stepMs, left)
  }

  return {
    forced(move, nowMs) {
      const stage = box.stage()
      if (!stage) return undefined
      const waiting = waitingWith(stage, move, nowMs)
      const first = waiting[0]
      if (!first || first.deadlineMs - nowMs > 2 * roundMs) return undefined
      if (isSafe(stage, move, waiting, nowMs)) return undefined
      const waitingNow = waitingWith(stage, undefined, nowMs)
      return waitingNow.length === 0 ? stage : stageFor(waitingNow, stages)
    },
  }

  /** Not before its minimum greens are over: rescue and staying wait for the same moment. */
  function latestLeaveMs(stage: Stage): number {
    let atMs = stage === envelope.allRed ? box.sinceMs() + up(envelope.clearMs) : 0
    groups.forEach((group, index) => {
      if (stage.greens[index]) atMs = Math.max(atMs, box.greenSinceMs(index) + up(group.minGreenMs))
    })
    return atMs
  }
}

/** Of the stages that serve the most pressing group, the one that serves most of those who wait. */
function stageFor(waiting: readonly Waiting[], stages: readonly Stage[]): Stage {
  const first = waiting[0] as Waiting
  let best: Stage | undefined
  let bestCount = -1
  for (const stage of stages) {
    if (!stage.greens[first.index]) continue
    const count = waiting.filter(({ index }) => stage.greens[index]).length
    if (count > bestCount) {
      best = stage
      bestCount = count
    }
  }
  return best as Stage
}
