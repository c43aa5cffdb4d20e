/** The few numbers of the predictive strategy, the same for every junction; each is a fact of driving or a bound. */
export interface PredictiveParameters {
  /** How far it looks ahead. Beyond it arrivals are guesses. */
  readonly horizonS: number
  /** From green to the first vehicle over the line. */
  readonly startupS: number
  /** How much of yellow is still used. */
  readonly yellowUsedS: number
  /** What braking and starting costs a driver beyond the wait itself. */
  readonly stopS: number
  /** A switch must save at least this over staying, or the present stage stays. */
  readonly gainMinS: number
  /** How much of the usual flow is expected beyond what the sensors see. */
  readonly expectedShare: number
  /** A lane with a turn that gives way counts as stuck in the middle from here to here. */
  readonly stalledMinS: number
  readonly stalledMaxS: number
}

export const predictiveParameters: PredictiveParameters = {
  horizonS: 25,
  startupS: 2,
  yellowUsedS: 1.5,
  stopS: 0,
  gainMinS: 0.5,
  expectedShare: 1,
  stalledMinS: 3,
  stalledMaxS: 12,
}
