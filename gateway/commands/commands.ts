/**
 * Commands from decision to end. See docs/commands.md for the life of one.
 *
 * - On disk before it is sent; checked again at the moment of sending (expiry, newer command, last word).
 * - Nothing is queued for a device that is away, and nothing is sent twice: after a restart what was under
 *   way has expired, and the junction is decided afresh.
 * - `applied` only by the device's own status; stale, foreign and repeated answers are ignored and counted.
 * - Whether a command is wise is not asked here: that is control's guard, wired in as `lastWord`.
 */
import assert from 'node:assert'
import { type CodedError, isCodedError } from '../../schemas/coded-error.ts'
import type { Result } from '../../schemas/generated/messages.ts'
import { createCommandId } from '../../schemas/ids.ts'
import { encodePayload } from '../../schemas/payload.ts'
import { parseTimestamp } from '../../schemas/time.ts'
import { topics } from '../../schemas/topics.ts'
import { validateMessage } from '../../schemas/validators.ts'
import type { Cancel, Clock } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'
import type { Part } from '../kit/part.ts'
import { createBook, type Transition } from './book.ts'
import {
  CommandDeviceOffline,
  CommandExpired,
  CommandInvalid,
  CommandRefusedByDevice,
  CommandTooManyPending,
} from './errors.ts'
import { type Outbox, openOutbox } from './outbox.ts'
import type { CommandMetrics, CommandOutlet, LastWord, ObservedMessage } from './ports.ts'
import type { SignalStatus } from './read-back.ts'
import {
  type CommandRecord,
  type CommandRequest,
  leaseEndsAtMs,
  type Slot,
  slotOf,
  wireOf,
} from './record.ts'
import { type CommandEvent, hasEnded } from './states.ts'
import { createStatusWatch } from './status-watch.ts'

export interface CommandLimits {
  /** How long a PUBACK may take. */
  readonly deliveryTimeoutMs: number
  /** After expiresAt: for an answer that is on its way. */
  readonly answerGraceMs: number
  /** After expiresAt, for an accepted command: a controller may wait for the end of its cycle. */
  readonly applyGraceMs: number
  /** A status that shows something else this close to the end of the lease means it was given back. */
  readonly leaseToleranceMs: number
  readonly pendingPerJunctionMax: number
  readonly historyRowsMax: number
}

const defaultCommandLimits: CommandLimits = {
  deliveryTimeoutMs: 5_000,
  answerGraceMs: 2_000,
  applyGraceMs: 300_000, // The longest cycle a junction document can have.
  leaseToleranceMs: 2_000,
  pendingPerJunctionMax: 32,
  historyRowsMax: 50_000,
}

export interface CommandsOptions {
  /** Data directory; commands.db is made in it. */
  readonly dir: string
  readonly clock: Clock
  readonly outlet: CommandOutlet
  readonly log: Log
  readonly metrics: CommandMetrics
  readonly lastWord?: LastWord
  /** For ids; seeded where a run has to be repeatable. */
  readonly random?: () => number
  readonly limits?: Partial<CommandLimits>
  /** Another place to be durable in; a test of many runs has one that forgets. */
  readonly openOutbox?: typeof openOutbox
}

export type TransitionListener = (transition: Transition) => void

export interface Commands extends Part {
  /** Issued now (on disk and sent a moment later), or why not. Never waits, never throws for a value. */
  issue(request: CommandRequest): CommandRecord | CodedError
  /** Any message in ledger order; picks the results and statuses that concern it. */
  observe(message: ObservedMessage): void
  observeResult(node: string, result: Result): void
  observeStatus(node: string, status: SignalStatus, deviceAtMs: number): void
  /** Resolves when no command is between its issue and its PUBACK, time-out or refusal. */
  settled(): Promise<void>
  onTransition(listener: TransitionListener): Cancel
  /** Commands that have not ended, of one junction or of all. */
  pending(junction?: string): readonly CommandRecord[]
  /** The newest command of a slot that has not ended. */
  newest(junction: string, slot: Slot): CommandRecord | undefined
  /** Recent issues of a junction, oldest first, for the guard's rate of change. */
  issues(junction: string): readonly CommandRecord[]
  /** Recently ended commands, oldest first. */
  recent(): readonly CommandRecord[]
  isReachable(junction: string): boolean
}

const resultEvents: Readonly<Record<Result['state'], CommandEvent>> = {
  accepted: 'resultAccepted',
  rejected: 'resultRejected',
  applied: 'resultApplied',
  released: 'resultReleased',
  expired: 'resultExpired',
}

export function createCommands(options: CommandsOptions): Commands {
  const { clock, outlet, log, metrics } = options
  const limits = { ...defaultCommandLimits, ...options.limits }
  const book = createBook()
  const listeners = new Set<TransitionListener>()
  const deadlines = new Map<string, Cancel>()
  /** Issued and still on this side of the outlet. */
  const unsent = new Set<string>()
  const statuses = createStatusWatch({
    clock,
    book,
    leaseToleranceMs: limits.leaseToleranceMs,
    hasLeft: (id) => !unsent.has(id),
    apply,
  })
  const settledWaiters: (() => void)[] = []
  let inFlight = 0
  let outbox: Outbox | undefined
  let isStopping = false

  function tell(transition: Transition) {
    const { record, event } = transition
    metrics.transitions.add(1, { state: record.state })
    metrics.pending.set(book.live().length)
    if (event === 'shown') {
      metrics.appliedSeconds.observe((clock.nowMs() - record.issuedAtMs) / 1000)
    }
    const fault = faultOf(transition)
    const facts = { commandId: record.id, node: record.junction, reason: record.reason }
    if (fault) log.warn({ ...facts, code: fault.code, err: fault }, 'command came to nothing')
    else log.debug({ ...facts, state: record.state }, 'command moved on')
    for (const listener of listeners) listener(transition)
  }

  function apply(id: string, event: CommandEvent, reason?: string): boolean {
    const moved = book.apply(id, event, clock.nowMs(), reason)
    if (!moved) return false
    for (const transition of moved) {
      const { record } = transition
      watch(record)
      outbox
        ?.write(record)
        .catch((err) => log.error({ commandId: record.id, err }, 'state of a command not written'))
      tell(transition)
    }
    return true
  }

  /** One timer a command: the moment at which its present state has lasted too long. */
  function watch(record: CommandRecord) {
    deadlines.get(record.id)?.()
    deadlines.delete(record.id)
    if (isStopping || hasEnded(record.state)) return
    const isApplied = record.state === 'applied'
    const graceMs = record.state === 'accepted' ? limits.applyGraceMs : limits.answerGraceMs
    const dueAtMs = isApplied
      ? leaseEndsAtMs(record) + limits.leaseToleranceMs
      : record.expiresAtMs + graceMs
    const overdue = () =>
      isApplied
        ? apply(record.id, 'leaseEnded', 'its lease has ended')
        : apply(record.id, 'ranOut', `still ${record.state} when its time was over`)
    deadlines.set(record.id, clock.after(Math.max(0, dueAtMs - clock.nowMs()), overdue))
  }

  async function send(record: CommandRecord): Promise<void> {
    assert(outbox, 'commands are issued after start')
    const askedAtMs = performance.now()
    try {
      await outbox.write(record)
    } catch (error) {
      apply(record.id, 'withheld', isCodedError(error) ? error.message : String(error))
      return
    }
    metrics.durableSeconds.observe((performance.now() - askedAtMs) / 1000)
    if (!mayStillLeave(record)) return
    unsent.delete(record.id)
    const topic = topics.command(record.junction, record.code)
    const payload = encodePayload(wireOf(record))
    const outcome = await outlet
      .deliver(record.junction, topic, payload, limits.deliveryTimeoutMs)
      .catch((err: unknown) => {
        log.error({ commandId: record.id, node: record.junction, err }, 'delivery failed')
        return 'timeout' as const
      })
    if (outcome === 'delivered') apply(record.id, 'acknowledged')
    else if (outcome === 'offline') apply(record.id, 'undeliverable', 'the device is not connected')
    else metrics.deliveryTimeouts.add() // It may have come through all the same: answer or expiry will tell.
  }

  /**
   * Decided again at the moment of sending: much may have happened while the disk was written. What must not leave does
   * not, whatever state it is in by now.
   */
  function mayStillLeave(record: CommandRecord): boolean {
    const present = book.get(record.id)
    if (!present || isStopping) return false
    if (clock.nowMs() >= record.expiresAtMs) {
      apply(record.id, 'ranOut', 'expired before it could be sent')
      return false
    }
    const rivals = book.live(record.junction, slotOf[record.code])
    const newer = rivals.find((other) => other.epoch > record.epoch)
    if (newer) {
      apply(record.id, 'replaced', `by ${newer.id} before it was sent`)
      return false
    }
    const refusal = options.lastWord?.(present)
    if (refusal === undefined) return true
    apply(record.id, 'withheld', `guard: ${refusal}`)
    return false
  }

  function landed(id: string) {
    unsent.delete(id)
    inFlight -= 1
    if (inFlight > 0) return
    for (const resolve of settledWaiters.splice(0)) resolve()
  }

  function restore(held: Outbox) {
    for (const [junction, epoch] of Object.entries(held.contents.epochs)) {
      book.raiseEpoch(junction, epoch)
    }
    for (const record of held.contents.open) {
      book.open(record)
      if (record.state !== 'applied') {
        apply(record.id, 'restarted', 'the gateway started again; decided afresh')
      } else {
        // With the clock's first beat: simulated time is not known before.
        deadlines.set(
          record.id,
          clock.after(0, () => resume(record)),
        )
      }
    }
  }

  /** A lease that still runs is still in force on the device; one from a time to come is another run's. */
  function resume(record: CommandRecord) {
    if (record.issuedAtMs <= clock.nowMs()) watch(record)
    else apply(record.id, 'leaseEnded', 'it belongs to another time')
  }

  const commands: Commands = {
    name: 'commands',
    async start() {
      const open = options.openOutbox ?? openOutbox
      const data = { dir: options.dir, historyRowsMax: limits.historyRowsMax }
      outbox = await open(data, () =>
        log.error({}, "the outbox's thread ended and is started again"),
      )
      restore(outbox)
    },
    async stop() {
      isStopping = true
      for (const cancel of deadlines.values()) cancel()
      deadlines.clear()
      await outbox?.close()
    },
    issue(request) {
      assert(outbox, 'commands are issued after start')
      const { junction } = request
      if (!outlet.isReachable(junction)) return CommandDeviceOffline(junction, request.code)
      const pending = book.live(junction).filter((record) => record.state !== 'applied').length
      if (pending >= limits.pendingPerJunctionMax) {
        return CommandTooManyPending(junction, pending, limits.pendingPerJunctionMax)
      }
      const record = recordOf(request)
      const errors = validateMessage('command', record.code, wireOf(record))
      if (errors) {
        const [first] = errors === 'unknown' ? [] : errors
        return CommandInvalid(record.code, junction, first?.path ?? '/', first?.message ?? errors)
      }
      book.open(record)
      watch(record)
      tell({ record, from: undefined, event: 'issued' })
      unsent.add(record.id)
      inFlight += 1
      void send(record)
        .catch((err) => log.error({ commandId: record.id, err }, 'sending a command failed'))
        .finally(() => landed(record.id))
      return record
    },
    observe(message) {
      if (message.type === 'result') {
        commands.observeResult(message.node, message.value as Result)
      } else if (message.type === 'status' && message.code.startsWith('tlc.')) {
        const { entries } = message.value as { entries: { ts: string; values: unknown }[] }
        for (const entry of entries) {
          const status = { code: message.code, values: entry.values } as SignalStatus
          commands.observeStatus(message.node, status, parseTimestamp(entry.ts) ?? 0)
        }
      }
    },
    observeResult(node, result) {
      const record = book.get(result.id)
      const isForeign = record !== undefined && record.junction !== node
      const moved = !isForeign && apply(result.id, resultEvents[result.state], result.reason)
      // Its word that it is applied, after its status has shown it, is no surprise; all else on an ended one is.
      if (!moved && (isForeign || record === undefined)) metrics.staleResults.add()
    },
    observeStatus: (node, status, deviceAtMs) => statuses.observe(node, status, deviceAtMs),
    settled() {
      if (inFlight === 0) return Promise.resolve()
      return new Promise((resolve) => settledWaiters.push(resolve))
    },
    onTransition(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    pending: (junction) => book.live(junction),
    newest: (junction, slot) => book.newest(junction, slot),
    issues: (junction) => book.issues(junction),
    recent: () => book.recent(),
    isReachable: (junction) => outlet.isReachable(junction),
  }
  return commands

  function recordOf(request: CommandRequest): CommandRecord {
    const nowMs = clock.nowMs()
    let id = createCommandId(nowMs, options.random)
    // A seeded generator can come round to an id that is taken.
    while (book.get(id) || book.ended(id)) id = createCommandId(nowMs, options.random)
    return {
      id,
      junction: request.junction,
      code: request.code,
      ...(request.component === undefined ? {} : { component: request.component }),
      values: request.values,
      issuer: request.issuer,
      // Never below the seconds of the clock, so that a lost commands.db does not leave us with stale epochs.
      epoch: book.nextEpoch(request.junction, Math.floor(nowMs / 1000)),
      issuedAtMs: nowMs,
      expiresAtMs: nowMs + request.expiresInMs,
      holdForMs: request.holdForMs,
      state: 'issued',
      changedAtMs: nowMs,
    }
  }
}

function faultOf({ record, from, event }: Transition): CodedError | undefined {
  const { id, junction, reason = 'no reason given' } = record
  if (event === 'resultRejected') return CommandRefusedByDevice(junction, id, reason)
  if (record.state === 'expired' && from !== 'applied') return CommandExpired(id, junction, reason)
  return undefined
}
