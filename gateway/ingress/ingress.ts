/**
 * The door: judges every message and answers when the verdict is on disk.
 *
 *   accept      stored, then acknowledged and passed on to subscribers
 *   duplicate   acknowledged once the message it repeats is durable, passed on to nobody
 *   quarantine  kept aside with the reason, then acknowledged; the device is told on its reject topic
 *   refuse      the connection is closed: somebody speaks for another, or the ledger takes nothing for too long
 *
 * - The books balance at every moment: a message is received when its verdict is fixed.
 * - While the ledger is full or the disk ails, senders are held back (their answer is withheld) for a while, then refused.
 * - It promises order within a connection, since the broker asks in order and the ledger answers in order.
 */
import type { CodedError } from '../../schemas/coded-error.ts'
import type { Topic } from '../../schemas/topics.ts'
import type { Clock } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'
import type { Part } from '../kit/part.ts'
import { createExpress } from './express.ts'
import { defaultIngressLimits, type IngressLimits } from './limits.ts'
import { type IngressMetrics, silentIngressMetrics } from './metrics.ts'
import { Notices, speaker } from './notices.ts'
import type {
  Accounts,
  Arrival,
  ExpressLane,
  GateAnswer,
  IngressLedger,
  Notes,
  Notify,
  PlausibilityJudge,
  Resubmitted,
} from './ports.ts'
import { restore } from './restore.ts'
import { type Route, Routes } from './routes.ts'
import { SetAsideBefore } from './set-aside.ts'
import { type Door, type Passage, type Stop, steps } from './steps.ts'
import { Tally } from './tally.ts'
import { WaitingRoom } from './waiting-room.ts'

export interface IngressOptions {
  readonly ledger: IngressLedger
  readonly clock: Clock
  readonly log: Log
  readonly metrics?: IngressMetrics
  readonly limits?: Partial<IngressLimits>
  readonly notify: Notify
  readonly plausibility?: PlausibilityJudge
  /** Topics whose messages no live reader wants: they are stored, and archived, and nobody else is shown them. */
  readonly isQuiet?: (topic: Topic) => boolean
}

export interface NodeReport {
  readonly node: string
  readonly lastReceivedAtMs: number
  /** Device clock less ours, as far as its quickest message tells. */
  readonly clockOffsetMs: number | undefined
  readonly messages: number
  readonly duplicates: number
  readonly quarantined: number
  readonly missing: number
  readonly gaps: number
  readonly restarts: number
  readonly late: number
  readonly future: number
  readonly misaligned: number
  readonly replayed: number
}

type Answer = (answer: GateAnswer) => void

export interface Ingress extends Part {
  /** The broker's publish gate. */
  admit(arrival: Arrival, answer: Answer): void
  /** The short way for a topic that this identity has used before. */
  express(identity: Arrival['identity'], topic: string): ExpressLane | undefined
  accounts(): Accounts
  /** Senders held back now. */
  readonly heldCount: number
  nodes(): readonly NodeReport[]
}

const passOn: GateAnswer = { kind: 'acknowledge', forward: true }
const keepQuiet: GateAnswer = { kind: 'acknowledge', forward: false }
const measureEvery = 16 // A clock reading costs as much as a step; one message in sixteen is enough for a histogram.
const quarantinePayloadBytesMax = 64 * 1024

export function createIngress(options: IngressOptions): Ingress {
  const { ledger, clock, log, notify, metrics = silentIngressMetrics } = options
  const limits = { ...defaultIngressLimits, ...options.limits }
  const routes = new Routes(limits, options.isQuiet)
  const door: Door = { limits, routes, plausibility: options.plausibility }
  const notices = new Notices(limits, notify)
  const tally = new Tally(metrics)
  const setAside = new SetAsideBefore()
  const waitingRoom = new WaitingRoom({
    limits,
    metrics,
    refusal: () => ledger.refusal(),
    decide,
    refuse: refuseUnseen,
  })
  const isHolding = () => waitingRoom.size > 0
  const expressLane = createExpress({ ledger, clock, limits, metrics, tally, isHolding })
  let measured = 0
  const cancels: (() => void)[] = []
  const passage: Passage = {
    arrival: undefined as unknown as Arrival,
    receivedAtMs: 0,
    route: undefined,
    value: undefined,
    tsMs: [],
    seqs: [],
    print: 0,
    notes: undefined,
    error: undefined,
    path: '',
  }
  const entry = {
    receivedAtMs: 0,
    topic: '',
    payload: undefined as unknown as Uint8Array,
    notes: undefined as Notes | undefined,
    isQuiet: false,
  }

  /** Only of `traffic.queue`, which is sent once a second; what comes once a minute may take the long way. */
  function express(identity: Arrival['identity'], topic: string): ExpressLane | undefined {
    const route = routes.find(topic)
    if (route === undefined || route.allowed !== identity) return undefined
    const { type, code } = route.topic
    if (type !== 'status' || code !== 'traffic.queue') return undefined
    if (options.plausibility && options.plausibility.concerns?.(code) !== false) return undefined
    route.express ??= expressLane(route)
    return route.express
  }

  function decide(arrival: Arrival, answer: Answer): void {
    enter(arrival)
    const stop = walk()
    ledger.books.received += 1
    switch (stop) {
      case undefined:
        accept(answer)
        return
      case 'duplicate':
        duplicate(answer)
        return
      case 'quarantine':
        if (setAside.has(arrival)) duplicate(answer)
        else quarantine(answer)
        return
      case 'refuse':
        refuse(passage.error as CodedError, answer)
    }
  }

  function enter(arrival: Arrival): void {
    passage.arrival = arrival
    passage.receivedAtMs = clock.nowMs()
    passage.route = undefined
    passage.notes = undefined
    passage.error = undefined
    passage.path = ''
  }

  function walk(): Stop | undefined {
    for (let i = 0; i < steps.length; i++) {
      const stop = (steps[i] as (typeof steps)[number])(passage, door)
      if (stop !== undefined) return stop
    }
    return undefined
  }

  function accept(answer: Answer): void {
    const route = passage.route as Route
    fillEntry()
    const startMs = measured++ % measureEvery === 0 ? performance.now() : 0
    const told = (error?: CodedError) => {
      if (startMs > 0) metrics.gateSeconds.observe((performance.now() - startMs) / 1_000)
      answer(error === undefined ? passOn : { kind: 'close', error })
    }
    const message = { topic: route.topic, value: passage.value }
    const offset = ledger.append(entry, told, message)
    if (typeof offset !== 'number') {
      refuse(offset, answer)
      return
    }
    remember(route)
    tally.verdict(route.topic.type, 'accept')
  }

  /** One object for all; the ledger copies what it wants. */
  function fillEntry(): void {
    entry.receivedAtMs = passage.receivedAtMs
    entry.topic = passage.arrival.topic
    entry.payload = passage.arrival.payload
    entry.notes = passage.notes
    entry.isQuiet = (passage.route as Route).isQuiet
  }

  /** Only now, when the ledger has taken it, does the door know the message. */
  function remember({ sequence, node, isNumbered, topic }: Route): void {
    const { seqs, tsMs, print, notes, receivedAtMs } = passage
    node.messages += 1
    node.lastReceivedAtMs = receivedAtMs
    if (topic.type === 'status') node.clock.observe(tsMs[tsMs.length - 1] as number, receivedAtMs)
    if (notes !== undefined) count(node, notes)
    if (sequence === undefined) return
    if (!isNumbered) {
      sequence.remember(0, tsMs[0] as number, print)
      return
    }
    if (notes?.restarted) sequence.restart((seqs[0] as number) - 1)
    for (let i = 0; i < seqs.length; i++) {
      sequence.remember(seqs[i] as number, tsMs[i] as number, print)
    }
  }

  function count(node: Route['node'], notes: Notes): void {
    if (notes.gap !== undefined) {
      node.gaps += 1
      node.missing += notes.gap
      metrics.missing.add(notes.gap)
    }
    if (notes.restarted) node.restarts += 1
    if (notes.late) node.late += 1
    if (notes.future) node.future += 1
    if (notes.misaligned) node.misaligned += 1
    if (notes.replay) {
      node.replayed += passage.seqs.length
      node.missing = Math.max(0, node.missing - passage.seqs.length)
    }
  }

  function duplicate(answer: Answer): void {
    const { route } = passage // None where something set aside comes again.
    if (route !== undefined) route.node.duplicates += 1
    ledger.books.duplicate += 1
    ledger.books.isDirty = true
    tally.verdict(route?.topic.type ?? 'unknown', 'duplicate')
    // What it repeats may still be on its way to the disk.
    ledger.afterPending((error) =>
      answer(error === undefined ? keepQuiet : { kind: 'close', error }),
    )
  }

  function quarantine(answer: Answer): void {
    const { arrival, receivedAtMs, path, route } = passage
    const error = passage.error as CodedError
    const kept = Math.min(arrival.payload.length, quarantinePayloadBytesMax)
    const key = setAside.add(arrival)
    const refused = ledger.quarantine(
      {
        atMs: receivedAtMs,
        code: error.code,
        path,
        reason: error.message,
        node: speaker(arrival),
        topic: arrival.topic,
        wholeBytes: arrival.payload.length,
        bytes: Uint8Array.prototype.slice.call(arrival.payload, 0, kept),
      },
      (fault) => {
        if (fault === undefined) answer(keepQuiet)
        else {
          setAside.forget(key)
          answer({ kind: 'close', error: fault })
        }
      },
    )
    if (refused !== undefined) {
      setAside.forget(key)
      refuse(refused, answer)
      return
    }
    if (route !== undefined) route.node.quarantined += 1
    tally.verdict(route?.topic.type ?? 'unknown', 'quarantine')
    tally.quarantined(error.code)
    notices.send(arrival, error, path, receivedAtMs)
  }

  function refuse(error: CodedError, answer: Answer): void {
    ledger.books.book('refused', error.code)
    tally.verdict(passage.route?.topic.type ?? 'unknown', 'refuse')
    tally.refused(error.code)
    answer({ kind: 'close', error })
  }

  function refuseUnseen(error: CodedError, answer: Answer): void {
    ledger.books.received += 1
    passage.route = undefined
    refuse(error, answer)
  }

  /** Messages that were set aside and are to be judged anew, at the time they came. */
  function judgeAnew(items: readonly Resubmitted[]): void {
    for (const item of items) {
      const stop = walkAnew(item)
      if (stop === 'duplicate') ledger.releaseDuplicate({ id: item.id, code: item.code })
      else if (stop !== undefined || !storeAnew(item)) {
        const reason = passage.error?.message
        log.info({ quarantineId: item.id, reason }, 'a message judged anew stays in quarantine')
        ledger.keepAside(item.id)
      }
    }
  }

  /** With which certificate it came nobody knows any more: what only some may ask for stays where it is. */
  function walkAnew({ node, topic, bytes, atMs }: Resubmitted): Stop | undefined {
    enter({
      identity: { role: 'device', name: node },
      clientId: node,
      topic,
      payload: Buffer.from(bytes),
      qos: 1,
      retain: false,
      dup: true,
    })
    passage.receivedAtMs = atMs
    return walk()
  }

  function storeAnew({ id, code }: Resubmitted): boolean {
    const route = passage.route as Route
    fillEntry()
    const message = { topic: route.topic, value: passage.value }
    const offset = ledger.append(entry, () => {}, message, { id, code })
    if (typeof offset !== 'number') {
      passage.error = offset
      return false
    }
    remember(route)
    return true
  }

  /** Messages the ledger had to give up are unknown again: when they are resent they are new. */
  function forget(records: readonly { readonly topic: string }[]): void {
    for (const { topic } of records) routes.find(topic)?.sequence?.forget()
  }

  return {
    name: 'ingress',
    admit: (arrival, answer) => waitingRoom.admit(arrival, answer),
    express,
    accounts: () => ledger.accounts(),
    get heldCount() {
      return waitingRoom.size
    },
    nodes: () =>
      Array.from(routes.nodes(), ({ clock: deviceClock, routes: _, ...counts }) => ({
        ...counts,
        clockOffsetMs: deviceClock.offsetMs(),
      })),
    async start() {
      cancels.push(
        ledger.onRefused(forget),
        ledger.onDurable(tally.flushSoon),
        ledger.onTakesAgain(() => waitingRoom.letIn()),
      )
      const known = await restore(ledger, routes, limits)
      cancels.push(ledger.onResubmitted(judgeAnew))
      log.info({ records: known, streams: routes.size }, 'the door knows what was sent before')
    },
    async stop() {
      waitingRoom.close()
      for (const cancel of cancels.splice(0)) cancel()
      tally.flush()
    },
  }
}
