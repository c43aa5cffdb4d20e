/**
 * How far control should trust a forecast: 0 not at all, 1 as far as it trusts any.
 *
 *   confidence = freshness × lags known × days known × trust of the judges
 *
 * Each part is 0 to 1; half an hour of readings and no day of experience already give 0.6, so that a new
 * detector helps in its first hour, and silence takes it to 0 within a quarter of an hour.
 */
import { slotMs } from './calendar.ts'

/** A bucket is fresh until the next one is overdue by half its length. */
const freshMs = 1.5 * slotMs
const staleMs = 3 * slotMs
const lagsWanted = 6
const trustWithoutDays = 0.6

export function confidenceOf(facts: {
  readonly ageMs: number
  readonly lagsKnown: number
  readonly days: number
  /** 0 to 1: what the judges of input and output leave of it. */
  readonly trust: number
}): number {
  const freshness = 1 - clamp((facts.ageMs - freshMs) / (staleMs - freshMs))
  const lags = clamp(facts.lagsKnown / lagsWanted)
  const days = trustWithoutDays + (1 - trustWithoutDays) * (facts.days / (facts.days + 1))
  return freshness * lags * days * clamp(facts.trust)
}

function clamp(value: number): number {
  return Math.min(1, Math.max(0, value))
}
