/**
 * Whether something can be of now, by a clock of ours that may be put back.
 *
 *     too old │◀── ageMsMax ── now ── clockAheadMsMax ──▶│ dated by a clock that is gone
 *
 * What was seen before the step stays dated ahead for as long as the clock went back. It would look fresh all the
 * while, and stand in the way of everything newer.
 */

/** The door believes clocks that run up to 5 s ahead of ours (gateway/ingress/limits.ts); a second more while ours is slewed. */
export const clockAheadMsMax = 6_000

export function isFresh(ageMs: number, ageMsMax: number): boolean {
  return ageMs <= ageMsMax && !liesAhead(ageMs)
}

/** So far ahead of our clock that our clock must have been put back since. */
export function liesAhead(ageMs: number): boolean {
  return ageMs < -clockAheadMsMax
}
