/**
 * What became of the junctions each time the gateway was gone: when the last of them was back on its own plan, and
 * when all that had been controlled were so again. Seen at the controllers, not told by anybody.
 */
import { formatTimestamp } from '../schemas/time.ts'
import type { Controller } from './controller/controller.ts'

export interface Outage {
  /** The first step without an answer. */
  readonly at: string
  readonly simulatedS: number
  /** Junctions under a command when it began. */
  readonly junctions: number
  /** Until no junction was under a command; null when it was over before that. */
  readonly localAfterS: number | null
  /** From its end until each of those junctions had been under a command again; null when that has not been seen. */
  readonly controlledAfterS: number | null
}

export interface OutageLog {
  /** After each step. */
  observe(nowMs: number, isAlone: boolean): void
  list(): readonly Outage[]
}

interface Entry {
  readonly startMs: number
  /** How many were controlled, and which of them are not yet again. */
  readonly junctions: number
  readonly waiting: Set<Controller>
  lastMs: number
  localAtMs: number | undefined
  isOver: boolean
  controlledAtMs: number | undefined
}

/** On its way from one green to the next a junction holds no stage: it is under the command that sends it there. */
const wayMsMax = 15_000
/** A street whose gateway comes and goes all day shows as much in the first ones. */
const outagesMax = 100

export function createOutageLog(controllers: readonly Controller[]): OutageLog {
  const entries: Entry[] = []
  const controlledAtMs = new Map<Controller, number>()
  let current: Entry | undefined

  function begin(startMs: number): Entry {
    const wasControlled = (each: Controller) =>
      startMs - (controlledAtMs.get(each) ?? Number.NEGATIVE_INFINITY) <= wayMsMax
    const waiting = new Set(controllers.filter(wasControlled))
    const entry: Entry = {
      startMs,
      junctions: waiting.size,
      waiting,
      lastMs: startMs,
      localAtMs: undefined,
      isOver: false,
      controlledAtMs: undefined,
    }
    if (entries.length < outagesMax) entries.push(entry)
    return entry
  }

  return {
    observe(nowMs, isAlone) {
      for (const each of controllers) if (isControlled(each)) controlledAtMs.set(each, nowMs)
      if (isAlone) {
        if (!current || current.isOver) current = begin(nowMs)
        current.lastMs = nowMs
        if (!controllers.some(isControlled)) current.localAtMs ??= nowMs
        else current.localAtMs = undefined
      } else if (current && current.controlledAtMs === undefined) {
        if (!current.isOver) current.lastMs = nowMs
        current.isOver = true
        for (const each of current.waiting) if (isControlled(each)) current.waiting.delete(each)
        if (current.waiting.size === 0) current.controlledAtMs = nowMs
      }
    },
    list: () =>
      entries.map(({ startMs, junctions, lastMs, localAtMs, controlledAtMs }) => ({
        at: formatTimestamp(startMs),
        simulatedS: (lastMs - startMs) / 1000,
        junctions,
        localAfterS: localAtMs === undefined ? null : (localAtMs - startMs) / 1000,
        controlledAfterS: controlledAtMs === undefined ? null : (controlledAtMs - lastMs) / 1000,
      })),
  }
}

/** Under a command of the gateway: a timing that is not its own, or a stage or mode that is held. */
function isControlled(controller: Controller): boolean {
  return controller.plan().source === 'central' || controller.mode().commandId !== undefined
}
