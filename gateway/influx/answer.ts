/**
 * What an answer of the database, or its absence, means for the batch. Pure.
 *
 *   2xx without a body         written
 *   201 with a body            written in part (InfluxDB 3): the body says which lines were not
 *   400 413 422                something in the batch is refused: look for it
 *   429, or 503 with a wish    wait; `Retry-After` is seconds or a date (RFC 9110 §10.2.3)
 *   401 403 404, other 3xx 4xx the request itself is refused: an operator has to act
 *   408 425 5xx, no answer     try the same batch again: a point written twice is one point
 */
export interface Answer {
  readonly status: number
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}

export type Meaning =
  | { readonly kind: 'written' }
  | {
      readonly kind: 'refused'
      readonly status: number
      readonly message: string
      /** Refused lines by index into the request, where the database names them. */
      readonly lines: ReadonlyMap<number, string>
      /** How many it refused, where it says so. */
      readonly dropped: number | undefined
    }
  | { readonly kind: 'throttled'; readonly message: string; readonly retryAfterMs: number }
  | { readonly kind: 'unauthorised'; readonly status: number; readonly message: string }
  | { readonly kind: 'unreachable'; readonly message: string }

const throttlePauseMs = 1_000 // When a database wants a pause and does not say how long.
const throttlePauseMsMax = 300_000 // A wish longer than this is a mistake; ask again after five minutes.
const messageLengthMax = 500

const refusing = new Set([400, 413, 422])
const tryAgain = new Set([408, 425])

export function meaningOf(answer: Answer, nowMs: number): Meaning {
  const { status } = answer
  const message = messageOf(answer)
  const retryAfterMs = parseRetryAfter(answer.headers['retry-after'], nowMs)
  if (status === 429 || (status === 503 && retryAfterMs !== undefined))
    return { kind: 'throttled', message, retryAfterMs: retryAfterMs ?? throttlePauseMs }
  if (refusing.has(status) || (status >= 200 && status < 300 && answer.body.trim() !== ''))
    return {
      kind: 'refused',
      status,
      message,
      lines: namedLines(answer.body),
      dropped: dropped(message),
    }
  if (status >= 200 && status < 300) return { kind: 'written' }
  if (status >= 500 || tryAgain.has(status)) return { kind: 'unreachable', message }
  return { kind: 'unauthorised', status, message }
}

/** Milliseconds, or undefined where the header is absent or makes no sense. */
export function parseRetryAfter(
  header: string | string[] | undefined,
  nowMs: number,
): number | undefined {
  if (typeof header !== 'string') return undefined
  const text = header.trim()
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text) - nowMs
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(waitMs, 0), throttlePauseMsMax)
}

function messageOf(answer: Answer): string {
  const header = answer.headers['x-influxdb-error']
  const said = parseObject(answer.body)
  const text = said?.message ?? said?.error ?? (answer.body || header || `status ${answer.status}`)
  return String(text).slice(0, messageLengthMax)
}

/** InfluxDB 1 and 2 end the message of a partial write with `dropped=<number of points>`. */
function dropped(message: string): number | undefined {
  const found = /\bdropped=(\d+)\b/.exec(message)
  return found ? Number(found[1]) : undefined
}

/** InfluxDB 3 lists what it refused: `data: [{line_number (from 1), error_message, original_line}]`. */
function namedLines(body: string): ReadonlyMap<number, string> {
  const data = parseObject(body)?.data
  const lines = new Map<number, string>()
  if (!Array.isArray(data)) return lines
  for (const item of data) {
    const { line_number: number, error_message: message } = (item ?? {}) as Record<string, unknown>
    if (Number.isInteger(number) && (number as number) > 0)
      lines.set((number as number) - 1, String(message ?? 'refused').slice(0, messageLengthMax))
  }
  return lines
}

function parseObject(text: string): Record<string, unknown> | undefined {
  if (!text.startsWith('{')) return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
