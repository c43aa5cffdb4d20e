/**
 * The simulator's own node: tells the gateway that a step is published and waits until the gateway has decided.
 *
 *   devices publish ─▶ all acknowledged ─▶ sim.clock(ts) ─▶ gateway decides, commands ─▶ gateway.clock(upTo ≥ ts)
 *
 * When the gateway is away or silent the street is alone: it goes on at a bounded pace under its local plans, and
 * is in step again with the first answer. Being alone for longer than allowed is a coded error.
 */
import { decodePayload } from '../schemas/payload.ts'
import { formatTimestamp, parseTimestamp } from '../schemas/time.ts'
import { isTopic, parseTopic, topics } from '../schemas/topics.ts'
import type { Link } from './device/link.ts'
import { GatewaySilent } from './errors.ts'
import type { SimLog } from './log.ts'

export interface LockStep {
  /** Ends the step at `nowMs`. Resolves when the gateway has answered, or when the street is alone. */
  finishStep(nowMs: number, stepMs: number, hasEnded: boolean): Promise<void>
  isAlone(): boolean
  status(code: string, values: object, nowMs: number): void
}

export interface LockStepOptions {
  readonly link: Link
  readonly log: SimLog
  readonly gatewayTimeoutMs: number
  /** False: real time, nobody is waited for. */
  readonly isLocked: boolean
}

export const gatewayClockFilter = 'gateway/+/status/gateway.clock'
/** A step is decided in milliseconds; a gateway that stalls for longer has something else to do. */
const answerMsLongest = 5_000

export function createLockStep(options: LockStepOptions): LockStep {
  const { link, log } = options
  const seqs = new Map<string, number>()
  let answeredMs = Number.NEGATIVE_INFINITY
  let alone: { readonly sinceMs: number; readonly startedAt: number } | undefined
  let wake: (() => void) | undefined
  const answerMsMax = Math.min(answerMsLongest, options.gatewayTimeoutMs / 2)

  link.onMessage((topic, payload) => {
    const parsed = parseTopic(topic)
    if (!isTopic(parsed) || parsed.code !== 'gateway.clock') return
    const decoded = decodePayload(payload)
    const upTo = 'value' in decoded ? newestUpTo(decoded.value) : undefined
    if (upTo === undefined || upTo <= answeredMs) return
    answeredMs = upTo
    wake?.()
  })
  link.onChange((isUp) => {
    if (!isUp) wake?.()
  })

  function publish(code: string, values: object, nowMs: number): void {
    const seq = (seqs.get(code) ?? -1) + 1
    seqs.set(code, seq)
    const message = { entries: [{ ts: formatTimestamp(nowMs), seq, values }] }
    link.publish(topics.status(link.node, code), message)
  }

  async function answered(nowMs: number): Promise<boolean> {
    const deadline = performance.now() + answerMsMax
    while (answeredMs < nowMs && link.isConnected() && performance.now() < deadline) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, deadline - performance.now())
        wake = () => {
          clearTimeout(timer)
          resolve()
        }
      })
      wake = undefined
    }
    return answeredMs >= nowMs
  }

  function beAlone(nowMs: number): void {
    if (!alone) log.warn({ at: formatTimestamp(nowMs) }, 'the gateway is away')
    alone ??= { sinceMs: nowMs, startedAt: performance.now() }
    const aloneMs = performance.now() - alone.startedAt
    if (aloneMs > options.gatewayTimeoutMs) {
      throw GatewaySilent(Math.round(aloneMs / 1000), formatTimestamp(nowMs))
    }
  }

  /** Alone, one looks in passing whether the gateway has begun to follow again. */
  function isFollowed(since: number, nowMs: number, stepMs: number): boolean {
    return answeredMs >= since && answeredMs >= nowMs - aloneAnswerSteps * stepMs
  }

  return {
    isAlone: () => alone !== undefined,
    status: publish,
    async finishStep(nowMs, stepMs, hasEnded) {
      publish('sim.clock', { stepMs, ...(hasEnded && { hasEnded }) }, nowMs)
      if (!options.isLocked) return
      if (alone) {
        if (!isFollowed(alone.sinceMs, nowMs, stepMs)) return beAlone(nowMs)
        log.info({ at: formatTimestamp(nowMs) }, 'the gateway is back')
        alone = undefined
      }
      if (!(await answered(nowMs))) beAlone(nowMs)
    },
  }
}

/** An answer this recent means that the gateway follows. */
const aloneAnswerSteps = 3

function newestUpTo(value: unknown): number | undefined {
  const entries = (value as { entries?: readonly { values?: { upTo?: unknown } }[] } | null)
    ?.entries
  const upTo = entries?.at(-1)?.values?.upTo
  return typeof upTo === 'string' ? parseTimestamp(upTo) : undefined
}
