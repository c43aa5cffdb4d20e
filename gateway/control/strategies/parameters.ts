/** The few numbers of the predictive strategy, the same for every junction; each is a fact of driving or a bound. */
export interface PredictiveParameters {
  /** How far it looks ahead: the sight of 200 m and a little more than a minimum green; beyond, arrivals are guesses. */
  readonly horizonS: number
  /** From green to the first vehicle over the line. */
  readonly startupS: number
  /** How much of yellow is still used. */
  readonly yellowUsedS: number
  /** A switch must save at least this many vehicle-seconds, or the present stage stays. */
  readonly gainMinS: number
  /** Whoever has stood for longer while nobody crossed counts more and more: twice after twice the time, and so on. */
  readonly patienceS: number
}

export const predictiveParameters: PredictiveParameters = {
  horizonS: 28,
  startupS: 2,
  yellowUsedS: 1.5,
  gainMinS: 0.5,
  patienceS: 60,
}
