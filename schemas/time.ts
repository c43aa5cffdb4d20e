/**
 * RFC 3339 timestamps in UTC with milliseconds, the only form on the wire.
 * `parse` is exact: a date that does not exist (30 February, hour 24, a leap second) is no time.
 */

/** Milliseconds since the epoch, or undefined where the text is not such a timestamp. */
export function parseTimestamp(text: string): number | undefined {
  if (text.length !== 24 || text.charCodeAt(10) !== 84 || text.charCodeAt(23) !== 90)
    return undefined
  const atMs = Date.parse(text)
  // Date.parse rolls 30 February over to March; writing it back shows the difference.
  if (Number.isNaN(atMs) || new Date(atMs).toISOString() !== text) return undefined
  return atMs
}

export function formatTimestamp(atMs: number): string {
  return new Date(atMs).toISOString()
}
