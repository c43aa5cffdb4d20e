/** What a replay says: one plain value for --json, and the same in lines for people. */
import type { Score } from '../../prediction/judges/scoreboard.ts'
import { columns } from '../forecast/report.ts'

export type ReplayScore = Omit<Score, 'recentMae' | 'recentPinball'>

export interface TurnedAway {
  readonly model: string
  readonly why: string
}

export interface ReplayReport {
  readonly kind: 'replay'
  readonly dataDir: string
  /** Received first and last of what was judged. */
  readonly from: string
  readonly to: string
  readonly readings: number
  readonly scores: readonly ReplayScore[]
  /** Batches that a network did not answer. */
  readonly unanswered: number
  readonly turnedAway: readonly TurnedAway[]
}

/** A scoreboard holds means since its beginning; this is what came after `before`. */
export function scoresSince(before: readonly Score[], after: readonly Score[]): ReplayScore[] {
  return after.flatMap(({ model, quantity, horizonMin, ...now }) => {
    const then = before.find(
      (one) => one.model === model && one.quantity === quantity && one.horizonMin === horizonMin,
    )
    const judged = now.judged - (then?.judged ?? 0)
    if (judged === 0) return []
    const mean = (of: 'mae' | 'pinball' | 'coverage') =>
      (now[of] * now.judged - (then?.[of] ?? 0) * (then?.judged ?? 0)) / judged
    const means = { mae: mean('mae'), pinball: mean('pinball'), coverage: mean('coverage') }
    return [{ model, quantity, horizonMin, judged, ...means }]
  })
}

export function linesOf(report: ReplayReport): string[] {
  const { readings, from, to, unanswered, turnedAway } = report
  const scores = report.scores.toSorted(
    (a, b) => a.quantity.localeCompare(b.quantity) || a.horizonMin - b.horizonMin || a.mae - b.mae,
  )
  const header = ['quantity', 'minutes', 'model', 'judged', 'MAE', 'pinball', 'inside 80 %']
  const rows = scores.map((score) => [
    score.quantity,
    `${score.horizonMin}`,
    score.model,
    `${score.judged}`,
    score.mae.toFixed(3),
    score.pinball.toFixed(3),
    `${(100 * score.coverage).toFixed(1)} %`,
  ])
  return [
    `${readings} readings received from ${from} to ${to}`,
    ...columns([header, ...rows]),
    ...turnedAway.map(({ model, why }) => `TURNED AWAY: ${model}: ${why}`),
    ...(unanswered > 0
      ? [`UNANSWERED: ${unanswered} batches; whoever was asked is judged on fewer readings`]
      : []),
  ]
}
