/** What the history needs of others, and the rows it answers with. Moments are in ms since the epoch. */

export type Quality = 'recent' | 'old' | 'undefined' | 'unknown'

/** A record of the ledger, as far as it concerns us; what the gateway tells of itself comes without an offset. */
export interface HistoryRecord {
  readonly receivedAtMs: number
  readonly topic: string
  readonly payload: Uint8Array
  readonly notes?: {
    readonly replay?: true
    readonly qualities?: Readonly<Record<string, Quality>>
  }
}

export interface OffsetRecord extends HistoryRecord {
  readonly offset: number
}

/** The history cannot be written, or can again. Nothing is lost meanwhile: the ledger keeps it. */
export interface HistoryAlarm {
  readonly kind: 'history-disk'
  readonly isActive: boolean
  readonly text: string
}

export interface SeriesRow {
  /** Beginning of the step. */
  readonly atMs: number
  readonly vehicles: number
  /** Weighted by the length of the windows, in %; null where no window had one. */
  readonly occupancy: number | null
  /** Weighted by vehicles, in km/h; null where no vehicle passed. */
  readonly speed: number | null
  /** How long the windows together are; less than the step where some are missing. */
  readonly coveredMs: number
  /** Windows. */
  readonly n: number
  /** The worst among them. */
  readonly quality: Quality
}

export interface QueueRow {
  readonly atMs: number
  readonly queueVehiclesMax: number
  readonly queueVehiclesMean: number
  readonly queueMetersMax: number
  readonly queueMetersMean: number
  readonly approachingVehiclesMean: number
  /** Samples, at most one a second. */
  readonly n: number
  readonly quality: Quality
}

export interface PlanRow {
  readonly node: string
  readonly atMs: number
  readonly plan: number
  readonly cycleS: number
  readonly offsetS: number
  readonly greensS: Readonly<Record<string, number>>
  readonly source: string
  readonly commandId: string | null
}

export interface ModeRow {
  readonly node: string
  readonly atMs: number
  readonly mode: string
  readonly control: string
  readonly commandId: string | null
}

export interface AlarmRow {
  readonly node: string
  readonly code: string
  readonly component: string
  readonly kind: string
  readonly raisedAtMs: number
  /** Null while it is active. */
  readonly clearedAtMs: number | null
  readonly text: string | null
}

export interface CommandRow {
  readonly id: string
  readonly junction: string
  readonly code: string
  readonly issuer: string
  /** When it was first heard of. */
  readonly atMs: number
  /** The newest. */
  readonly state: string
  readonly life: readonly {
    readonly atMs: number
    readonly state: string
    readonly reason: string | null
  }[]
}

/** As in the status gateway.control. */
export interface ForecastInputRow {
  readonly model: string
  readonly sha256?: string
  readonly from: string
  readonly to: string
  readonly offsets?: readonly [from: number, to: number]
  readonly confidence: number
  readonly lanes?: readonly string[]
}

export interface DecisionRow {
  readonly junction: string
  readonly atMs: number
  readonly strategy: string
  readonly rung: string
  readonly decision: string
  readonly why: string
  readonly commandId: string | null
  readonly isShadow: boolean
  readonly values: Readonly<Record<string, unknown>> | null
  readonly forecast: Readonly<Record<string, number>> | null
  readonly forecastModel: string | null
  readonly forecastAgeMs: number | null
  /** What the forecasts were made from (`npm run evaluate -- explain`). */
  readonly forecastInputs: readonly ForecastInputRow[] | null
}

/** What the door had seen of a device since the gateway began, as in the status gateway.devices. */
export interface DeviceRow {
  readonly node: string
  readonly atMs: number
  readonly messages: number
  readonly duplicates: number
  readonly quarantined: number
  readonly gaps: number
  readonly missing: number
  readonly replayed: number
  readonly restarts: number
  readonly late: number
  readonly future: number
  readonly misaligned: number
  /** Device clock less the gateway's; null without an estimate. */
  readonly clockOffsetMs: number | null
}

/** As in the status gateway.models. */
export interface ModelEventRow {
  readonly atMs: number
  readonly event: string
  readonly model: string
  readonly facts: Readonly<Record<string, unknown>>
}

/** One minute (or one longer window) of one detector, for training. */
export interface TrainingRow {
  readonly node: string
  readonly component: string
  /** Beginning. */
  readonly atMs: number
  readonly windowMs: number
  readonly vehicles: number
  readonly occupancy: number | null
  readonly speed: number | null
  readonly coveredMs: number
  readonly quality: Quality
}

export interface HistoryAccounts {
  readonly stored: number
  readonly written: number
  /** Records that could not be taken apart; their number only, they stay in the ledger until retention. */
  readonly rejected: number
  readonly pending: number
  readonly residual: number
}

/** RSMP 3.2 value quality as it is stored: the better the lower, so that the worst is the greatest. */
export const qualities: readonly Quality[] = ['recent', 'old', 'undefined', 'unknown']

export function worstQuality(...said: readonly (Quality | undefined)[]): number {
  let worst = 0
  for (const quality of said) if (quality) worst = Math.max(worst, qualities.indexOf(quality))
  return worst
}
