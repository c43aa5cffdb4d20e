/**
 * How often a strategy in shadow wanted what was in force: the share of the time, by junction and over all of them.
 *
 * - Read from the decisions in the history of the run. A decision stands until the next one of the same voice that is not
 *   `keep`; a strategy that gives back, and a gateway that stands down, want nothing.
 * - Equal is equal in kind and values: a stage is never the same as a timing that would show it.
 * - Time in which one of the two has not decided yet does not count.
 */
import { DatabaseSync } from 'node:sqlite'

export interface ShadowFigures {
  readonly strategy: string
  /** 0 to 1; null where the two never stood side by side. */
  readonly agreement: number | null
  readonly junctions: Readonly<Record<string, number | null>>
}

export interface DecisionTaken {
  readonly junction: string
  readonly atMs: number
  readonly strategy: string
  readonly decision: string
  readonly isShadow: boolean
  /** As JSON, or null. */
  readonly values: string | null
}

/** Of the run whose gateway had this `history.db` and has ended. */
export function readShadows(historyFile: string, shadows: readonly string[]): ShadowFigures[] {
  const db = new DatabaseSync(historyFile, { readOnly: true })
  try {
    const rows = db
      .prepare(
        `SELECT junction, at_ms AS atMs, strategy, decision, is_shadow AS isShadow, command_values AS "values"
         FROM decision ORDER BY at_ms, is_shadow`,
      )
      .all() as unknown as DecisionTaken[]
    return shadows.map((strategy) => agreementOf(strategy, rows))
  } finally {
    db.close()
  }
}

/** `decisions` in the order of their time. */
export function agreementOf(strategy: string, decisions: readonly DecisionTaken[]): ShadowFigures {
  const endMs = decisions.at(-1)?.atMs ?? 0
  const junctions = [...new Set(decisions.map(({ junction }) => junction))].sort()
  const times = new Map(
    junctions.map((junction) => {
      const own = decisions.filter(
        (each) => each.junction === junction && (!each.isShadow || each.strategy === strategy),
      )
      return [junction, sideBySide(own, endMs)]
    }),
  )
  const sum = (of: (time: SideBySide) => number) =>
    [...times.values()].reduce((total, time) => total + of(time), 0)
  return {
    strategy,
    agreement: share({ bothMs: sum(({ bothMs }) => bothMs), sameMs: sum(({ sameMs }) => sameMs) }),
    junctions: Object.fromEntries([...times].map(([junction, time]) => [junction, share(time)])),
  }
}

interface SideBySide {
  readonly bothMs: number
  readonly sameMs: number
}

function sideBySide(decisions: readonly DecisionTaken[], endMs: number): SideBySide {
  let inForce: string | undefined
  let wanted: string | undefined
  let sinceMs = 0
  let bothMs = 0
  let sameMs = 0
  const pass = (untilMs: number) => {
    if (inForce !== undefined && wanted !== undefined) {
      bothMs += untilMs - sinceMs
      if (inForce === wanted) sameMs += untilMs - sinceMs
    }
    sinceMs = untilMs
  }
  for (const each of decisions) {
    pass(each.atMs)
    if (each.decision === 'keep') continue
    const isNothing = each.decision === 'release' || each.decision === 'stand-down'
    const what = isNothing ? 'nothing' : `${each.decision} ${each.values}`
    if (each.isShadow) wanted = what
    else inForce = what
  }
  pass(endMs)
  return { bothMs, sameMs }
}

const share = ({ bothMs, sameMs }: SideBySide) => (bothMs === 0 ? null : sameMs / bothMs)
