/**
 * The lamps of a junction and the way from one stage to the next. Knows nothing of plans and commands.
 *
 *   red ──▶ red-yellow ──▶ green ──▶ yellow ──▶ red          (red-yellow only where the group has it)
 *
 * - A change once begun runs to its end; nothing can interrupt or shorten it.
 * - A change may begin only when every group that ends has had its minimum green (`mayLeaveAtMs`).
 * - A green begins only when each conflicting group that was green has ended and its intergreen has passed.
 * - Everything happens at the moments `advance` is called with, never before it is due.
 */
import type { LampState } from '../world.ts'
import type { Envelope, Stage } from './envelope.ts'

export interface LampBox {
  /** The stage that is fully green; undefined while stages change and while dark. */
  stage(): Stage | undefined
  /** The stage that is shown or being changed to. */
  target(): Stage
  /** When `stage` was fully green, or the change began. */
  sinceMs(): number
  /** Earliest moment at which a change to `next` may begin. */
  mayLeaveAtMs(next: Stage): number
  /** Begins a change. Only when `stage()` is not undefined and `mayLeaveAtMs` has come. */
  change(next: Stage, nowMs: number): void
  /** All lamps off (flashing), from the all-red stage only; `change` leads out of it through red. */
  goDark(nowMs: number): void
  isDark(): boolean
  advance(nowMs: number): void
  lamp(index: number): LampState
  greenSinceMs(index: number): number
  /** Since when the group has not been green; counted through yellow and red-yellow. */
  notGreenSinceMs(index: number): number
}

interface GroupLamp {
  lamp: LampState
  sinceMs: number
  greenSinceMs: number
  /** End of the last green; at the start as if all had just ended. */
  greenEndedAtMs: number
}

export function createLampBox(envelope: Envelope, startMs: number): LampBox {
  const { groups } = envelope
  const lamps: GroupLamp[] = groups.map(() => ({
    lamp: 'r',
    sinceMs: startMs,
    greenSinceMs: startMs,
    greenEndedAtMs: startMs,
  }))
  let target = envelope.allRed
  let isChanging = true
  let isDark = false
  let sinceMs = startMs
  // What was on the road before the start is unknown: let it clear.
  let clearAtMs = startMs + envelope.clearMs

  const at = (index: number): GroupLamp => lamps[index] as GroupLamp
  const isGreen = (index: number) => at(index).lamp === 'G' || at(index).lamp === 'g'

  function show(index: number, lamp: LampState, nowMs: number): void {
    at(index).lamp = lamp
    at(index).sinceMs = nowMs
  }

  /** When group `index` may show its green of the target stage, as far as the others allow. */
  function mayShowAtMs(index: number): number {
    let atMs = clearAtMs
    for (const [other, clearMs] of groups[index]?.clearAfterMs ?? []) {
      if (target.greens[other] && isGreen(other)) continue // Stays green beside it: one of the two gives way.
      if (isGreen(other)) return Number.POSITIVE_INFINITY
      atMs = Math.max(atMs, at(other).greenEndedAtMs + clearMs)
    }
    return atMs
  }

  function advanceGroup(index: number, nowMs: number): void {
    const group = groups[index]
    const state = at(index)
    if (!group) return
    if (state.lamp === 'y') {
      if (nowMs - state.sinceMs >= group.yellowMs) show(index, 'r', nowMs)
      return
    }
    if (state.lamp === 'r' && state.sinceMs === nowMs) return // Red is shown, were it for one step.
    const wanted = target.greens[index]
    if (!wanted || !isChanging || state.lamp === wanted) return
    if (isGreen(index)) {
      // To protected green only when everybody in its way is gone; to giving way at once.
      if (wanted === 'g' || nowMs >= mayShowAtMs(index)) state.lamp = wanted
      return
    }
    const mayMs = mayShowAtMs(index)
    if (state.lamp === 'r' && group.redYellowMs > 0) {
      if (nowMs >= mayMs - group.redYellowMs) show(index, 'u', nowMs)
      return
    }
    const hasShownRedYellow = state.lamp === 'r' || nowMs - state.sinceMs >= group.redYellowMs
    if (hasShownRedYellow && nowMs >= mayMs) {
      show(index, wanted, nowMs)
      state.greenSinceMs = nowMs
    }
  }

  function isComplete(nowMs: number): boolean {
    if (nowMs < clearAtMs) return false
    return groups.every((_, index) =>
      target.greens[index]
        ? at(index).lamp === target.greens[index]
        : at(index).lamp === 'r' || at(index).lamp === 'y',
    )
  }

  return {
    stage: () => (isChanging || isDark ? undefined : target),
    target: () => target,
    sinceMs: () => sinceMs,
    lamp: (index) => at(index).lamp,
    greenSinceMs: (index) => at(index).greenSinceMs,
    notGreenSinceMs: (index) => at(index).greenEndedAtMs,
    isDark: () => isDark,
    mayLeaveAtMs(next) {
      let atMs = sinceMs + 1 // A stage is shown before it is left: who ends is not who just began beside it.
      groups.forEach((group, index) => {
        if (!isGreen(index) || next.greens[index]) return
        atMs = Math.max(atMs, at(index).greenSinceMs + group.minGreenMs)
      })
      return atMs
    },
    change(next, nowMs) {
      target = next
      isChanging = true
      sinceMs = nowMs
      if (isDark) {
        isDark = false
        clearAtMs = nowMs + envelope.clearMs
        groups.forEach((_, index) => {
          show(index, 'r', nowMs)
          at(index).greenEndedAtMs = nowMs
        })
      }
      groups.forEach((group, index) => {
        if (!isGreen(index) || next.greens[index]) return
        at(index).greenEndedAtMs = nowMs
        show(index, group.yellowMs > 0 ? 'y' : 'r', nowMs)
      })
    },
    goDark(nowMs) {
      isDark = true
      sinceMs = nowMs
      groups.forEach((_, index) => {
        show(index, 'O', nowMs)
      })
    },
    advance(nowMs) {
      if (isDark) return
      // Groups that yield first, so that a rival that becomes protected at the same moment sees it.
      for (let index = 0; index < groups.length; index++) {
        if (target.greens[index] !== 'G') advanceGroup(index, nowMs)
      }
      for (let index = 0; index < groups.length; index++) {
        if (target.greens[index] === 'G') advanceGroup(index, nowMs)
      }
      if (isChanging && isComplete(nowMs)) {
        isChanging = false
        sinceMs = nowMs
      }
    },
  }
}
