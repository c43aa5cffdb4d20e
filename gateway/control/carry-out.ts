/**
 * A wish becomes a command on its way, or is told why not: fitted into the envelope, dropped where it is in force
 * already, judged by the guard, issued.
 */
import { isCodedError } from '../../schemas/coded-error.ts'
import type { Junction } from '../../schemas/generated/messages.ts'
import type { NodeId } from '../../schemas/ids.ts'
import type { Log } from '../kit/log.ts'
import type { Outcome } from './decision-record.ts'
import { ControlGuardRefused } from './errors.ts'
import { guard, issuerKind } from './guard.ts'
import {
  commandOf,
  expiryOf,
  fitInto,
  type Intent,
  isInForce,
  slotOf,
  stageChangesLeft,
} from './intent.ts'
import type { CommandsPort, ControlMetrics, JunctionView, SignalKnowledge } from './ports.ts'

export interface Wish {
  readonly node: NodeId
  readonly junction: Junction
  /** How often it is looked at: a lease is renewed so early that no look comes too late. */
  readonly periodMs: number
  readonly intent: Intent
  readonly issuer: string
}

export type CarryOut = (wish: Wish, view: JunctionView, knowledge: SignalKnowledge) => Outcome

export function createCarryOut(ports: {
  readonly commands: CommandsPort
  readonly log: Log
  readonly metrics: ControlMetrics
}): CarryOut {
  const { commands, log, metrics } = ports

  function refused(node: NodeId, code: string, issuer: string, why: string): Outcome {
    const kind = issuerKind(issuer) ?? 'strategy'
    metrics.guardRefused.add(1, { issuer: kind })
    // An operator may ask for what cannot be; a strategy that does is wrong.
    if (kind === 'strategy') {
      const error = ControlGuardRefused(code, issuer, node, why)
      log.error({ node, code: error.code, err: error }, 'guard refused a strategy')
    }
    return { kind: 'refused', why: `refused by the guard: ${why}` }
  }

  return (wish, view, knowledge) => {
    const { node, junction } = wish
    const shownStage = view.signal.stage
    const fitted = fitInto(wish.intent, junction, knowledge, shownStage)
    if (fitted.kind === 'never') return { kind: 'held-back', why: fitted.why }
    const { intent } = fitted
    // Relief of a group is nobody's wish but the envelope's.
    const isRelief = fitted.kind === 'instead'
    const by = isRelief ? 'ladder:max-red' : wish.issuer
    const slot = slotOf[intent.code]
    if (isInForce(intent, by, commands.newest(node, slot), view.nowMs, wish.periodMs)) {
      return { kind: 'in-force', why: intent.why, isRelief }
    }
    const history = commands.issues(node)
    const isStage = intent.code === 'tlc.stage.set'
    if (isStage && stageChangesLeft(history, intent.values.stage, view.nowMs) < 0) {
      return { kind: 'held-back', why: `too many changes of stage; asked was: ${intent.why}` }
    }
    const expiresInMs = expiryOf(intent, junction, shownStage)
    const command = commandOf(intent, node, by, expiresInMs)
    const issuedAtMs = view.nowMs
    const expiresAtMs = issuedAtMs + expiresInMs
    const verdict = guard({ ...command, issuedAtMs, expiresAtMs }, junction, knowledge, history)
    if (verdict !== 'allowed') return refused(node, command.code, by, verdict.refused)
    const issued = commands.issue(command)
    if (isCodedError(issued)) return { kind: 'undeliverable', why: issued.message }
    return { kind: 'issued', why: intent.why, isRelief, command: issued }
  }
}
