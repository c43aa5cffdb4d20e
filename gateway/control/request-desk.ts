/**
 * Receives the requests of operators and priority systems, keeps them while they hold, and answers what
 * became of each: accepted, rejected, applied, released, expired. The loop decides; this only remembers who asked.
 *
 * - The same request twice is one request (the ledger may deliver again).
 * - Each ask is answered `applied` at most once, when a command made for it is shown by the controller, and
 *   ended exactly once.
 */
import type { Result } from '../../schemas/generated/messages.ts'
import type { NodeId } from '../../schemas/ids.ts'
import { formatTimestamp } from '../../schemas/time.ts'
import { type Ask, createAsks } from './asks.ts'
import { liesAhead } from './freshness.ts'
import type { Junctions } from './junctions.ts'
import type { ControlMetrics, ControlOutput, IssuedCommand, ObservedMessage } from './ports.ts'
import { type RequestMessage, readRequest } from './requests.ts'

export interface RequestDesk {
  /** The junctions that have to be decided again because of it. */
  receive(message: ObservedMessage, nowMs: number): readonly string[]
  /** Who stands above the strategy now; what has ended meanwhile is answered. */
  active(junction: string, nowMs: number): Ask | undefined
  /** A command left for this ask. */
  issued(ask: Ask, command: IssuedCommand): void
  /** It could not be carried out now: an operator hears no, a vehicle may still have luck. */
  refused(ask: Ask, reason: string, nowMs: number): void
  /** It was carried out, or is in force already, or its time is yet to come. */
  taken(ask: Ask, nowMs: number): void
  observe(record: IssuedCommand, event: string, nowMs: number): void
}

interface Progress {
  isAnswered: boolean
  isApplied: boolean
  refusal: string | undefined
  commandId: string | undefined
}

/** Requests remembered so that a second delivery is recognised: an hour of one every two seconds. */
const seenMax = 2000
const reasonLengthMax = 500
/** Ids are the askers' own: two of them may choose the same. */
const keyOf = ({ from, id }: Ask) => `${from} ${id}`

export function createRequestDesk(options: {
  readonly junctions: Junctions
  readonly output: ControlOutput
  readonly metrics: ControlMetrics
}): RequestDesk {
  const { junctions, output, metrics } = options
  const asks = createAsks()
  const progress = new Map<string, Progress>()
  const askOfCommand = new Map<string, Ask>()
  const seen = new Set<string>()
  let lookedAtMs = Number.NEGATIVE_INFINITY

  /** A hold lasts as long as was asked for, whatever becomes of our clock meanwhile. */
  function followClock(nowMs: number) {
    if (liesAhead(nowMs - lookedAtMs)) asks.putBack(lookedAtMs - nowMs)
    lookedAtMs = nowMs
  }

  function say(
    to: { id: Ask['id']; from: NodeId; requestCode: string },
    state: Result['state'],
    nowMs: number,
    reason?: string,
  ) {
    metrics.requests.add(1, { outcome: state })
    output.answer(to.from, to.requestCode, {
      ts: formatTimestamp(nowMs),
      id: to.id,
      state,
      ...(reason === undefined ? {} : { reason: reason.slice(0, reasonLengthMax) }),
    })
  }

  function end(ask: Ask, state: Result['state'], nowMs: number, reason: string) {
    asks.remove(ask)
    const { commandId } = progress.get(keyOf(ask)) ?? {}
    if (commandId !== undefined) askOfCommand.delete(commandId)
    if (progress.delete(keyOf(ask))) say(ask, state, nowMs, reason)
  }

  function endInTime(ask: Ask, nowMs: number) {
    const { isApplied, refusal } = progress.get(keyOf(ask)) ?? {}
    if (isApplied) end(ask, 'released', nowMs, 'its time is over')
    else end(ask, 'expired', nowMs, refusal ?? 'it was not applied while it held')
  }

  function giveWay(displaced: Ask, to: Ask, nowMs: number) {
    const { isApplied } = progress.get(keyOf(displaced)) ?? {}
    const why = `too many requests are held, and that of ${to.from} ranks higher`
    end(displaced, isApplied ? 'released' : 'rejected', nowMs, why)
  }

  function isRepeated(id: string): boolean {
    if (seen.has(id)) return true
    seen.add(id)
    const [oldest] = seen
    if (seen.size > seenMax && oldest !== undefined) seen.delete(oldest)
    return false
  }

  return {
    receive(message, nowMs) {
      followClock(nowMs)
      const request = message.value as RequestMessage
      if (isRepeated(`${message.node} ${request.id}`)) return []
      const from = message.node as NodeId
      const to = { id: request.id, from, requestCode: message.code }
      const asker = { from, role: message.notes?.askerRole }
      const read = readRequest(asker, message.code, request, nowMs)
      if (read.kind === 'expired' || read.kind === 'rejected') {
        say(to, read.kind, nowMs, read.reason)
        return []
      }
      if (!junctions.has(request.target)) {
        say(to, 'rejected', nowMs, `there is no junction ${request.target}`)
        return []
      }
      if (read.kind === 'release') {
        const given = asks
          .of(request.target)
          .filter((ask) => ask.from === from || (read.isOperators && ask.kind === 'operator'))
        for (const ask of given) end(ask, 'released', nowMs, `given back by ${from}`)
        say(to, 'released', nowMs, given.length > 0 ? undefined : 'nothing was held')
        return [request.target]
      }
      const added = asks.add(read.ask)
      if ('refused' in added) {
        say(to, 'rejected', nowMs, added.refused)
        return []
      }
      for (const older of added.replaced) end(older, 'released', nowMs, `replaced by ${from}`)
      if (added.displaced) giveWay(added.displaced, read.ask, nowMs)
      progress.set(keyOf(read.ask), {
        isAnswered: false,
        isApplied: false,
        refusal: undefined,
        commandId: undefined,
      })
      // One whose time is yet to come, or who stands behind another, is taken without being tried.
      if (asks.active(read.ask.junction, nowMs) !== read.ask) this.taken(read.ask, nowMs)
      return [read.ask.junction]
    },
    active(junction, nowMs) {
      followClock(nowMs)
      for (const ask of asks.of(junction)) if (ask.untilMs <= nowMs) endInTime(ask, nowMs)
      return asks.active(junction, nowMs)
    },
    issued(ask, command) {
      const state = progress.get(keyOf(ask))
      if (!state) return
      if (state.commandId !== undefined) askOfCommand.delete(state.commandId)
      state.commandId = command.id
      askOfCommand.set(command.id, ask)
    },
    refused(ask, reason, nowMs) {
      const state = progress.get(keyOf(ask))
      if (!state) return
      state.refusal = reason
      if (ask.kind !== 'operator') this.taken(ask, nowMs)
      else end(ask, state.isApplied ? 'released' : 'rejected', nowMs, reason)
    },
    taken(ask, nowMs) {
      const state = progress.get(keyOf(ask))
      if (!state || state.isAnswered) return
      state.isAnswered = true
      say(ask, 'accepted', nowMs)
    },
    observe(record, event, nowMs) {
      const ask = askOfCommand.get(record.id)
      const state = ask && progress.get(keyOf(ask))
      if (!ask || !state) return
      if (event === 'shown' && !state.isApplied) {
        state.isApplied = true
        say(ask, 'applied', nowMs)
        return
      }
      const cameToNothing =
        event === 'resultRejected' || event === 'withheld' || event === 'undeliverable'
      if (cameToNothing) this.refused(ask, record.reason ?? 'no reason given', nowMs)
      else if (event === 'ranOut' && ask.kind === 'operator') {
        end(ask, state.isApplied ? 'released' : 'expired', nowMs, record.reason ?? 'no answer')
      }
    },
  }
}
