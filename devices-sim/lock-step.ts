/**
 * The simulator's own node: tells the gateway that a step is published and waits until the gateway has decided.
 *
 *   devices publish ─▶ all acknowledged ─▶ sim.clock(ts) ─▶ gateway decides, commands ─▶ gateway.clock(upTo ≥ ts)
 *
 * - No step waits longer than some seconds of the wall: then, or as soon as the connection is gone, the street is
 *   alone. It goes on as streets do, its controllers under what they have and at last under their local plans.
 * - Alone, nothing is waited for. The first answer to a step of that time says that the gateway follows again; from
 *   there on each step waits for it as before, however far behind it was.
 * - Being alone for longer than allowed is a coded error.
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
  /** The devices': what they publish in a step is acknowledged before the step is told. */
  readonly deviceLinks: readonly Link[]
  readonly log: SimLog
  /** How long the street may be alone; Infinity: for ever. */
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

  /** False when the wall's time was up first. */
  async function settled(deadline: number): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined
    const isUp = new Promise<boolean>((resolve) => {
      timer = setTimeout(resolve, Math.max(0, deadline - performance.now()), false)
    })
    const all = Promise.all(options.deviceLinks.map((each) => each.settled())).then(() => true)
    const isSettled = await Promise.race([all, isUp])
    clearTimeout(timer)
    return isSettled
  }

  async function answered(nowMs: number, deadline: number): Promise<boolean> {
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
    alone = { sinceMs: nowMs, startedAt: alone?.startedAt ?? performance.now() }
  }

  function bearAlone(nowMs: number, startedAt: number): void {
    const aloneMs = performance.now() - startedAt
    if (aloneMs > options.gatewayTimeoutMs) {
      throw GatewaySilent(Math.round(aloneMs / 1000), formatTimestamp(nowMs))
    }
  }

  return {
    isAlone: () => alone !== undefined,
    status: publish,
    async finishStep(nowMs, stepMs, hasEnded) {
      const tell = () => publish('sim.clock', { stepMs, ...(hasEnded && { hasEnded }) }, nowMs)
      if (!options.isLocked) {
        await settled(performance.now() + stepMs)
        return tell()
      }
      if (alone && answeredMs < alone.sinceMs) {
        tell()
        return bearAlone(nowMs, alone.startedAt)
      }
      const deadline = performance.now() + answerMsMax
      const isSettled = await settled(deadline)
      tell()
      if (!isSettled || !(await answered(nowMs, deadline))) return beAlone(nowMs)
      if (!alone) return
      log.info({ at: formatTimestamp(nowMs) }, 'the gateway is back')
      alone = undefined
    },
  }
}

function newestUpTo(value: unknown): number | undefined {
  const entries = (value as { entries?: readonly { values?: { upTo?: unknown } }[] } | null)
    ?.entries
  const upTo = entries?.at(-1)?.values?.upTo
  return typeof upTo === 'string' ? parseTimestamp(upTo) : undefined
}
