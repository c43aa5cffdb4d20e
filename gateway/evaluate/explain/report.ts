/** What an explanation says: one plain value for --json, and the same in lines for people. */
import type { ForecastInputRow } from '../../history/ports.ts'
import type { Explanation } from '../../prediction/explain.ts'

export interface LaneExplained {
  readonly lane: string
  /** `<node>:<component>` */
  readonly detector: string | undefined
  readonly input: ForecastInputRow
  readonly recordedVehiclesPerHour15: number
  readonly madeAgainVehiclesPerHour15: number | undefined
  readonly explanation: Explanation | undefined
  /** The forecast made again is the recorded one. */
  readonly holds: boolean
  readonly problem?: string
}

export interface Explained {
  readonly junction: string
  readonly at: string
  readonly strategy: string
  readonly decision: string
  readonly why: string
  readonly startedFrom: string
  readonly lanes: readonly LaneExplained[]
}

export function linesOf(report: Explained): string[] {
  return [
    `${report.junction} at ${report.at}: ${report.decision} by ${report.strategy}. ${report.why}`,
    `made again from ${report.startedFrom}`,
    ...report.lanes.flatMap(laneLines),
  ]
}

function laneLines(one: LaneExplained): string[] {
  const { lane, detector, input, explanation, problem } = one
  const file = input.sha256 ? ` (${input.sha256}…)` : ''
  const place = input.offsets ? `, records ${input.offsets[0]} to ${input.offsets[1] - 1}` : ''
  const head = `${lane} ${detector ?? ''} by ${input.model}${file}, readings from ${input.from} to ${input.to}${place}, confidence ${input.confidence}`
  if (!explanation)
    return [head, `  ${problem ?? 'there is not enough in the ledger to make it again'}`]
  const { lags, usual, calibration, daysKnown, horizons } = explanation
  const rows = horizons.map(
    ({ horizonMin, p10, p50, p90 }, at) =>
      `  in ${horizonMin} min: ${[p10, p50, p90].map(fixed).join(' / ')} vehicles per 5 min, usual ${fixed(usual[at]!)}, interval × ${fixed(calibration[2 * at] ?? 1)} below and × ${fixed(calibration[2 * at + 1] ?? 1)} above`,
  )
  const verdict = one.holds ? 'holds' : 'DIFFERS'
  return [
    head,
    `  last hour: ${lags.map((lag) => (lag === null ? '-' : fixed(lag))).join(' ')}; ${fixed(daysKnown)} days known`,
    ...rows,
    `  ${verdict}: 15 min ahead ${one.madeAgainVehiclesPerHour15} vehicles per hour, recorded ${one.recordedVehiclesPerHour15}`,
  ]
}

function fixed(value: number): string {
  return value.toFixed(1)
}
