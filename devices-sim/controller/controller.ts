/**
 * The signal controller of one junction, as a state machine that knows no clock, no network and no chance:
 * time comes by `advance`, commands by `receive`, and out come lamps, results and statuses.
 *
 * - It runs its local plan, and what commands ask for only within the envelope: minimum green, intergreens and
 *   maximum red hold whatever is asked, in whatever order, however late or often.
 * - It goes back to its local plan when a lease ends or the gateway has been silent for too long.
 * - Local and manual control win: while they last every command is rejected.
 * - What it reports is what it does, not what it was told.
 */
import type { Junction, TlcGroups, TlcMode, TlcPlan } from '../../schemas/generated/messages.ts'
import type { Lamps } from '../world.ts'
import { createEnvelope, type Stage } from './envelope.ts'
import { createLampBox } from './lamps.ts'
import { createMaxRed } from './max-red.ts'
import { type ControllerResult, createOrders, type Order } from './orders.ts'
import { createProgram, type Program, refuseTiming, type Timing } from './timing.ts'

export type GroupsValues = TlcGroups['entries'][number]['values']
export type PlanValues = TlcPlan['entries'][number]['values']
export type ModeValues = TlcMode['entries'][number]['values']
export type ControlSource = ModeValues['control']

export interface Controller {
  readonly junction: Junction
  /** A command as it came, decoded but not yet looked at. Takes effect with the next `advance`. */
  receive(code: string, value: unknown, nowMs: number): void
  /** Moves on to `nowMs`, at most `stepMs` after the last time. */
  advance(nowMs: number): void
  /** The link to the gateway was lost or is back. */
  linkChanged(isUp: boolean, nowMs: number): void
  /** Somebody turns the switch at the cabinet. */
  switchControl(control: ControlSource): void
  /** A fault of its own: it goes to flashing and refuses commands until the fault is over. */
  setFault(isFaulty: boolean): void
  lamps(): Lamps
  /** Values of `tlc.groups`, `tlc.plan` and `tlc.mode` as of the last `advance`. */
  groups(nowMs: number): GroupsValues
  plan(): PlanValues
  mode(): ModeValues
  /** Results since the last time, oldest first. */
  takeResults(): readonly ControllerResult[]
}

export interface ControllerOptions {
  readonly startMs: number
  /** Longest time between two calls of `advance`. */
  readonly stepMs: number
  /** How long it obeys without a link; shorter than the longest lease. */
  readonly silenceMsMax?: number
}

const defaultSilenceMs = 60_000
/** A vehicle with priority should find its green: time for a minimum green and for being early, beside the intergreens. */
const priorityLeadMs = 10_000

/** @throws IG_ERR_SIM_JUNCTION_INVALID */
export function createController(junction: Junction, options: ControllerOptions): Controller {
  const envelope = createEnvelope(junction)
  const box = createLampBox(envelope, options.startMs)
  const maxRed = createMaxRed(envelope, box, options.stepMs)
  const orders = createOrders()
  const silenceMsMax = options.silenceMsMax ?? defaultSilenceMs
  const localProgram = createProgram(envelope, timingOf(junction, junction.localPlan) as Timing)
  let central: { readonly order: Order; readonly program: Program } | undefined
  let atCabinet: ControlSource = 'central'
  let isFaulty = false
  let cycleCounter = 0
  let linkLostAtMs: number | undefined

  const program = () => central?.program ?? localProgram

  function controlSource(): ControlSource {
    if (atCabinet !== 'central') return atCabinet
    return (orders.inForce('mode')?.values.control as ControlSource | undefined) ?? 'central'
  }

  function refuse(order: Order): string | undefined {
    if (isFaulty) return 'the controller has a fault'
    if (atCabinet !== 'central') return `under ${atCabinet} control`
    if (order.code === 'tlc.mode.set') return undefined
    if (controlSource() !== 'central') return `under ${controlSource()} control`
    const mode = orders.inForce('mode')?.values.mode ?? 'normal'
    if (mode !== 'normal') return `the mode is ${mode}`
    if (order.code === 'tlc.timing.set' || order.code === 'tlc.plan.set') {
      const { timing } = order
      return timing ? refuseTiming(envelope, timing) : `there is no plan ${order.values.plan}`
    }
    const stage = order.values.stage as number
    return envelope.stages.has(stage) ? undefined : `there is no stage ${stage}`
  }

  /** A timing changes the plan that runs when it comes. */
  function timingAsked(order: Order): Timing | undefined {
    if (order.code === 'tlc.plan.set') return timingOf(junction, order.values.plan as number)
    if (order.code !== 'tlc.timing.set') return undefined
    const base = program().timing
    const { cycleS, offsetS, greensS } = order.values as unknown as Timing
    return { ...base, cycleS, offsetS, greensS }
  }

  /** Takes up a new timing, or drops the one whose order has ended. */
  function followTiming(nowMs: number): void {
    const order = orders.inForce('timing')
    if (central && central.order !== order) central = undefined
    if (!order?.timing || central) return
    central = { order, program: createProgram(envelope, order.timing) }
    orders.applied(order, nowMs)
  }

  function followPriority(nowMs: number): void {
    const request = orders.waiting('stage')
    if (!request) return
    const etaMs = request.receivedAtMs + (request.values.etaS as number) * 1000
    if (nowMs >= etaMs - priorityLeadMs - envelope.clearMs) orders.promote('stage')
  }

  function followMode(nowMs: number): void {
    const order = orders.inForce('mode')
    if (!order) return
    const wanted = order.values.mode
    order.isBegun = true
    if (order.values.control === 'local') {
      orders.release('timing', 'control was given to the junction')
      orders.release('stage', 'control was given to the junction')
    }
    if (wanted === shownMode()) orders.applied(order, nowMs)
  }

  function shownMode(): ModeValues['mode'] {
    if (box.isDark()) return isFaulty ? 'fault' : 'flashing'
    const wantsAllRed = orders.inForce('mode')?.values.mode === 'all-red'
    return wantsAllRed && box.stage() === envelope.allRed ? 'all-red' : 'normal'
  }

  /** Where it should go from the stage that is green; undefined is to stay. */
  function wanted(stage: Stage, nowMs: number): Stage | undefined {
    const mode = isFaulty ? 'flashing' : orders.inForce('mode')?.values.mode
    if (mode === 'flashing' || mode === 'all-red') return different(stage, envelope.allRed)
    const order = orders.inForce('stage')
    if (order) {
      const held = envelope.stages.get(order.values.stage as number) as Stage
      return different(stage, held)
    }
    const endAtMs = program().endAtMs(stage.number, box.sinceMs())
    if (endAtMs !== undefined && nowMs < endAtMs) return undefined
    return different(stage, program().next(stage.number, nowMs))
  }

  function decide(nowMs: number): void {
    const wantsDark = isFaulty || orders.inForce('mode')?.values.mode === 'flashing'
    if (box.isDark()) {
      if (!wantsDark) change(program().next(0, nowMs), nowMs)
      return
    }
    const stage = box.stage()
    if (!stage) return
    if (wantsDark && stage === envelope.allRed) {
      // Off only when the junction is clear.
      if (nowMs - box.sinceMs() >= envelope.clearMs) box.goDark(nowMs)
      return
    }
    let move = wanted(stage, nowMs)
    if (move && nowMs < box.mayLeaveAtMs(move)) move = undefined
    const forced = maxRed.forced(move, nowMs)
    if (!forced) {
      if (move) change(move, nowMs)
    } else if (forced !== stage && nowMs >= box.mayLeaveAtMs(forced)) {
      if (orders.inForce('mode')?.values.mode === 'all-red') {
        orders.release('mode', 'maximum red is reached')
      }
      change(forced, nowMs)
    }
  }

  function change(next: Stage, nowMs: number): void {
    box.change(next, nowMs)
    box.advance(nowMs)
    if (next.number === program().firstStage) cycleCounter += 1
  }

  function followStage(nowMs: number): void {
    const order = orders.inForce('stage')
    if (!order) return
    if (box.target().number === order.values.stage && !box.isDark()) order.isBegun = true
    if (box.stage()?.number === order.values.stage) orders.applied(order, nowMs)
  }

  function releaseAll(reason: string): void {
    orders.release('stage', reason)
    orders.release('timing', reason)
    orders.release('mode', reason)
  }

  return {
    junction,
    receive(code, value, nowMs) {
      orders.receive(code, value, nowMs, (order) => {
        order.timing = timingAsked(order)
        return refuse(order)
      })
    },
    advance(nowMs) {
      if (linkLostAtMs !== undefined && nowMs - linkLostAtMs >= silenceMsMax) {
        releaseAll('the gateway is silent')
      }
      orders.advance(nowMs)
      followTiming(nowMs)
      followPriority(nowMs)
      box.advance(nowMs)
      decide(nowMs)
      followStage(nowMs)
      followMode(nowMs)
    },
    linkChanged(isUp, nowMs) {
      linkLostAtMs = isUp ? undefined : (linkLostAtMs ?? nowMs)
    },
    switchControl(control) {
      atCabinet = control
      if (control !== 'central') releaseAll(`under ${control} control`)
    },
    setFault(value) {
      isFaulty = value
      if (value) releaseAll('the controller has a fault')
    },
    lamps() {
      return Object.fromEntries(
        envelope.groups.map((group, index) => [group.name, box.lamp(index)]),
      )
    },
    groups(nowMs) {
      const stage = box.stage()
      const number = stage && stage !== envelope.allRed ? stage.number : null
      const next = box.target() === envelope.allRed ? null : box.target().number
      return {
        groups: this.lamps() as GroupsValues['groups'],
        stage: number,
        nextStage: number === null && !box.isDark() ? next : null,
        stageSinceMs: number === null ? 0 : Math.max(0, Math.round(nowMs - box.sinceMs())),
        cycleCounter,
      }
    },
    plan() {
      const { plan, cycleS, offsetS, greensS } = program().timing
      const base = { plan, cycleS, offsetS, greensS: { ...greensS } }
      if (central) return { ...base, source: 'central', commandId: central.order.id }
      return { ...base, source: controlSource() === 'manual' ? 'manual' : 'local' }
    },
    mode() {
      const held = orders.inForce('stage')
      const isHeld = held?.appliedAtMs !== undefined
      const mode = orders.inForce('mode')
      const commandId = isHeld ? held.id : mode?.appliedAtMs !== undefined ? mode.id : undefined
      return {
        mode: shownMode(),
        control: controlSource(),
        stage: isHeld ? (held.values.stage as number) : null,
        ...(commandId && { commandId }),
      }
    },
    takeResults: () => orders.takeResults(),
  }
}

const different = (from: Stage, to: Stage) => (from === to ? undefined : to)

function timingOf(junction: Junction, plan: number): Timing | undefined {
  const found = Object.hasOwn(junction.plans, String(plan))
    ? junction.plans[String(plan)]
    : undefined
  return found && { plan, ...found }
}
