/**
 * Where a moment stands in the day and in the week: the only thing a seasonal profile needs to know of time.
 *
 * - The grid is 5 minutes: 288 slots a day. A bucket belongs to the slot in which it begins.
 * - Local time is a fixed offset from UTC; a change of summer time shifts the profile for the days it takes to relearn.
 */

export const slotMs = 300_000
export const slotsPerDay = 288
/** Lags a forecast looks back, and steps it looks ahead: one hour each. */
export const lagCount = 12
export const stepCount = 12

export interface Calendar {
  /** 0 to 287 for the bucket that ends at `endMs`. */
  slot(endMs: number): number
  /** 0 Monday to 6 Sunday. */
  dayOfWeek(endMs: number): number
}

/** 1970-01-01 was a Thursday. */
const epochDayOfWeek = 3
const dayMs = slotMs * slotsPerDay

export function createCalendar(utcOffsetMin = 0): Calendar {
  const offsetMs = utcOffsetMin * 60_000
  const startOf = (endMs: number) => endMs - slotMs + offsetMs
  return {
    slot: (endMs) => modulo(Math.floor(startOf(endMs) / slotMs), slotsPerDay),
    dayOfWeek: (endMs) => modulo(Math.floor(startOf(endMs) / dayMs) + epochDayOfWeek, 7),
  }
}

/** Weekend or not: the two kinds of day a profile tells apart. */
export function dayTypeOf(dayOfWeek: number): 0 | 1 {
  return dayOfWeek >= 5 ? 1 : 0
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by
}
