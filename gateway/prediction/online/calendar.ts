/**
 * Where a moment stands in the day and in the week: the only thing a seasonal profile needs to know of time.
 *
 * - The grid is 5 minutes: 288 slots a day. A bucket belongs to the slot in which it begins.
 * - In local time, because people drive by it. When the clock is changed the day loses an hour of slots or has one twice;
 *   what lies ahead of a moment is therefore asked for, not counted on.
 */
import { localOffset } from '../../kit/time-zone.ts'

export const slotMs = 300_000
export const slotsPerDay = 288
/** Lags a forecast looks back, and steps it looks ahead: one hour each. */
export const lagCount = 12
export const stepCount = 12

/** A moment and what lies ahead of it, in steps of a slot; step 0 is the moment itself. */
export interface Ahead {
  /** 0 to 287. */
  slotAt(step: number): number
  /** 0 Monday to 6 Sunday. */
  dayAt(step: number): number
}

export interface Calendar {
  /** 0 to 287 for the bucket that ends at `endMs`. */
  slot(endMs: number): number
  /** 0 Monday to 6 Sunday. */
  dayOfWeek(endMs: number): number
  ahead(endMs: number): Ahead
}

export const timeZoneDefault = 'UTC'

/** 1970-01-01 was a Thursday. */
const epochDayOfWeek = 3
const dayMs = slotMs * slotsPerDay

/** `timeZone` is where the detectors stand. */
export function createCalendar(timeZone: string = timeZoneDefault): Calendar {
  const offsetMs = localOffset(timeZone)
  const startOf = (endMs: number) => endMs - slotMs + offsetMs(endMs - slotMs)
  const slot = (endMs: number) => modulo(Math.floor(startOf(endMs) / slotMs), slotsPerDay)
  const dayOfWeek = (endMs: number) =>
    modulo(Math.floor(startOf(endMs) / dayMs) + epochDayOfWeek, 7)
  return {
    slot,
    dayOfWeek,
    ahead: (endMs) => ({
      slotAt: (step) => slot(endMs + step * slotMs),
      dayAt: (step) => dayOfWeek(endMs + step * slotMs),
    }),
  }
}

/** Ahead of a moment in data of which only the time of day is known: every day has 288 slots. */
export function steadyAhead(slot: number, dayOfWeek: number): Ahead {
  return {
    slotAt: (step) => (slot + step) % slotsPerDay,
    dayAt: (step) => (dayOfWeek + Math.floor((slot + step) / slotsPerDay)) % 7,
  }
}

/** Weekend or not: the two kinds of day a profile tells apart. */
export function dayTypeOf(dayOfWeek: number): 0 | 1 {
  return dayOfWeek >= 5 ? 1 : 0
}

function modulo(value: number, by: number): number {
  return ((value % by) + by) % by
}
