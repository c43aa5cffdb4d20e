/**
 * The loop: looks at each junction on its strategy's beat and when its sensors tell something, lets the ladder say how
 * much may be dared, decides who is heard (operator > emergency > priority > strategy), and sends what changes something.
 *
 *   statuses ─▶ site state ─▶ view ─▶ ladder ─▶ ask or strategy ─▶ fit ─▶ guard ─▶ commands
 *                                                     └─▶ record: what, why, on which forecast
 *
 * - Synchronous from view to issue: control never waits for a disk, a model or a device.
 * - The same code decides on the machine's clock and in simulated time.
 * - Knows no broker, no ledger and no model: compose.ts feeds it and wires its ports.
 */
import type { Junction } from '../../schemas/generated/messages.ts'
import type { NodeId } from '../../schemas/ids.ts'
import type { Cancel, Clock } from '../kit/clock.ts'
import type { Log } from '../kit/log.ts'
import type { Part } from '../kit/part.ts'
import type { Ask } from './asks.ts'
import { createCarryOut } from './carry-out.ts'
import { createDecisionRecorder, recordOf } from './decision-record.ts'
import { ControlStrategyFailed } from './errors.ts'
import { guard, issuerKind } from './guard.ts'
import { askLeaseMs, type Intent, intentOf } from './intent.ts'
import type { Junctions } from './junctions.ts'
import {
  climb,
  defaultLadderLimits,
  type LadderFacts,
  type LadderLimits,
  type LadderState,
  newLadder,
} from './ladder.ts'
import { createNews } from './news.ts'
import type {
  CommandsPort,
  CommandTransition,
  ControlMetrics,
  ControlOutput,
  Decision,
  FlowForecaster,
  IssuedCommand,
  JunctionView,
  ObservedMessage,
  SignalKnowledge,
  Strategy,
} from './ports.ts'
import { createRequestDesk } from './request-desk.ts'
import { issuerOf } from './requests.ts'
import { createSiteState, type SiteLimits } from './site-state.ts'
import { createTurns, type Turns } from './turns.ts'

export interface ControlOptions {
  readonly clock: Clock
  /** Decides as soon as a sensor has told something, and not only on the beat. */
  readonly looksOnNews?: boolean
  readonly junctions: Junctions
  /** The strategy of a rung: the chosen one, and the one that needs no live telemetry. */
  strategyFor(junction: Junction, rung: 'predictive' | 'plan'): Strategy
  /** Strategies that decide on the same views and send nothing. */
  shadowsFor?(junction: Junction): readonly Strategy[]
  readonly forecaster: FlowForecaster
  readonly commands: CommandsPort
  readonly output: ControlOutput
  readonly log: Log
  readonly metrics: ControlMetrics
  readonly siteLimits?: Partial<SiteLimits>
  readonly ladderLimits?: Partial<LadderLimits>
}

export interface Control extends Part {
  /** Every decoded message, in ledger order. */
  observe(message: ObservedMessage): void
  /** For the commands room: the guard once more, at the moment of sending. */
  lastWord(command: IssuedCommand): string | undefined
  /** Where each junction stands. */
  ladders(): Readonly<Record<string, LadderState>>
  /** What a strategy would see now. */
  view(junction: string): JunctionView | undefined
}

interface Desk {
  readonly node: NodeId
  readonly junction: Junction
  readonly strategies: Readonly<Record<'predictive' | 'plan', Strategy>>
  readonly shadows: readonly Strategy[]
  readonly periodMs: number
  ladder: LadderState
  readonly turns: Turns
  /** What its strategy wants until it says otherwise, for the renewal of leases. */
  standing: { readonly strategy: string; readonly intent: Intent } | undefined
  failedCommands: number
  strategyFailed: boolean
}

/** Bounds of the beat: quicker than a second changes no lamp, slower would let leases lapse. */
const beatMsMin = 200
const beatMsMax = 5_000
export function createControl(options: ControlOptions): Control {
  const { clock, junctions, commands, log, metrics } = options
  const ladderLimits = { ...defaultLadderLimits, ...options.ladderLimits }
  const site = createSiteState({
    junctions,
    forecaster: options.forecaster,
    ...(options.siteLimits && { limits: options.siteLimits }),
  })
  const requests = createRequestDesk({ junctions, output: options.output, metrics })
  const recorder = createDecisionRecorder(options.output)
  const carryOut = createCarryOut({ commands, log, metrics })
  const desks = new Map<string, Desk>()
  const cancels: Cancel[] = []

  const news = options.looksOnNews
    ? createNews(clock, junctions, (junction) => look(desks.get(junction) as Desk, true))
    : undefined

  for (const [node, junction] of junctions) desks.set(node, createDesk(node as NodeId, junction))

  function createDesk(node: NodeId, junction: Junction): Desk {
    const strategies = {
      predictive: options.strategyFor(junction, 'predictive'),
      plan: options.strategyFor(junction, 'plan'),
    }
    const shadows = options.shadowsFor?.(junction) ?? []
    const periods = [strategies.predictive, strategies.plan, ...shadows].map((it) => it.periodMs)
    return {
      node,
      junction,
      strategies,
      shadows,
      periodMs: Math.min(beatMsMax, Math.max(beatMsMin, Math.min(...periods))),
      ladder: newLadder(clock.nowMs()),
      turns: createTurns(junction),
      standing: undefined,
      failedCommands: 0,
      strategyFailed: false,
    }
  }

  /** One look at one junction. It runs in timers: whatever fails in it costs this look and nothing else. */
  function look(desk: Desk, isNews = false) {
    try {
      lookAt(desk, isNews)
    } catch (err) {
      log.error({ node: desk.node, err }, 'a look at a junction failed')
    }
  }

  function lookAt(desk: Desk, isNews: boolean) {
    const beganAtMs = performance.now()
    const nowMs = clock.nowMs()
    step(desk, nowMs)
    const ask = requests.active(desk.node, nowMs)
    const view = site.view(desk.node, nowMs)
    const knowledge = site.knowledge(desk.node, nowMs)
    if (ask) {
      desk.standing = undefined
      serveAsk(desk, ask, view, knowledge)
    } else if (view && knowledge && desk.ladder.rung !== 'local' && obeys(knowledge)) {
      followStrategy(desk, desk.strategies[desk.ladder.rung], view, knowledge, isNews)
    } else if (knowledge && knowledge.mode === undefined) {
      const { rung, why } = desk.ladder
      recorder.record(desk.node, nowMs, { strategy: 'local', rung, decision: 'stand-down', why })
    }
    if (view) for (const shadow of desk.shadows) followShadow(desk, shadow, view, isNews)
    metrics.decideSeconds.observe((performance.now() - beganAtMs) / 1000)
  }

  function step(desk: Desk, nowMs: number) {
    const before = desk.ladder
    desk.ladder = climb(before, factsOf(desk, nowMs), nowMs, ladderLimits)
    desk.strategyFailed = false
    if (desk.ladder.rung === before.rung) return
    // The next attempt after the healthy cycles starts with a clean sheet.
    if (desk.ladder.trigger === 'commands-failed') desk.failedCommands = 0
    desk.standing = undefined
    const { rung, trigger, why } = desk.ladder
    metrics.steps.add(1, { to: rung, trigger })
    countRungs()
    log.info({ node: desk.node, from: before.rung, to: rung, trigger, why }, 'rung changed')
    const strategy = rung === 'local' ? 'local' : desk.strategies[rung].name
    const decision = rung === 'local' ? 'stand-down' : 'keep'
    recorder.record(desk.node, nowMs, { strategy, rung, decision, why, isForced: true })
  }

  function factsOf(desk: Desk, nowMs: number): LadderFacts {
    const { cycleMs, ...condition } = site.condition(desk.node, nowMs)
    const modeCommand = commands.newest(desk.node, 'mode')
    return {
      ...condition,
      cycleMs,
      isReachable: commands.isReachable(desk.node),
      isModeOurs: modeCommand !== undefined && modeCommand.values.mode === condition.mode,
      failedCommands: desk.failedCommands,
      strategyFailed: desk.strategyFailed,
    }
  }

  function countRungs() {
    const counts = { predictive: 0, plan: 0, local: 0 }
    for (const { ladder } of desks.values()) counts[ladder.rung] += 1
    for (const [rung, count] of Object.entries(counts)) metrics.junctions.set(count, { rung })
  }

  function followStrategy(
    desk: Desk,
    strategy: Strategy,
    view: JunctionView,
    knowledge: SignalKnowledge,
    isNews: boolean,
  ) {
    const decision = decide(desk, strategy, strategy.name, view, isNews)
    if (decision) {
      const intent = intentOf(decision)
      if (intent) desk.standing = { strategy: strategy.name, intent }
      else if (decision.kind === 'release') desk.standing = undefined
    }
    const standing = desk.standing?.strategy === strategy.name ? desk.standing.intent : undefined
    const outcome = standing
      ? carryOut(
          { ...desk, intent: standing, issuer: issuerOf('strategy', strategy.name) },
          view,
          knowledge,
        )
      : undefined
    const isSent = outcome?.kind === 'issued'
    if (!decision && !isSent && outcome?.kind !== 'refused') return
    metrics.decisions.add(1, { outcome: outcome?.kind ?? decision?.kind ?? 'keep' })
    recorder.record(desk.node, view.nowMs, {
      strategy: strategy.name,
      rung: desk.ladder.rung,
      ...recordOf(decision ?? { kind: 'keep', why: standing?.why ?? '' }, outcome),
      view,
    })
  }

  function followShadow(desk: Desk, shadow: Strategy, view: JunctionView, isNews: boolean) {
    const decision = decide(desk, shadow, `shadow ${shadow.name}`, view, isNews)
    if (!decision) return
    recorder.record(desk.node, view.nowMs, {
      strategy: shadow.name,
      rung: desk.ladder.rung,
      ...recordOf(decision, undefined),
      isShadow: true,
      view,
    })
  }

  /** Undefined when it is not its turn, or it failed. */
  function decide(
    desk: Desk,
    strategy: Strategy,
    key: string,
    view: JunctionView,
    isNews: boolean,
  ): Decision | undefined {
    const turn = desk.turns.take(strategy, key, view, isNews)
    if (!turn || 'decision' in turn) return turn?.decision
    const { failed } = turn
    const error = ControlStrategyFailed.from(failed, key, desk.node, (failed as Error).message)
    log.error({ node: desk.node, code: error.code, err: error }, 'strategy failed')
    if (key === strategy.name) desk.strategyFailed = true
    return undefined
  }

  function serveAsk(
    desk: Desk,
    ask: Ask,
    view: JunctionView | undefined,
    knowledge: SignalKnowledge | undefined,
  ) {
    const nowMs = clock.nowMs()
    if (!view || !knowledge) {
      requests.refused(ask, 'nothing is known of the controller', nowMs)
      return
    }
    const restMs = ask.untilMs - nowMs
    const intent: Intent = {
      code: ask.code,
      ...(ask.component === undefined ? {} : { component: ask.component }),
      values: ask.values,
      holdForMs: Math.max(1000, Math.min(restMs, askLeaseMs[ask.code])),
      why: `${ask.kind} request of ${ask.from}`,
    }
    const outcome = carryOut(
      { ...desk, intent, issuer: issuerOf(ask.kind, ask.from) },
      view,
      knowledge,
    )
    if (outcome.kind === 'issued' && !outcome.isRelief) requests.issued(ask, outcome.command)
    const isTaken = outcome.kind === 'issued' || outcome.kind === 'in-force'
    if (isTaken && !outcome.isRelief) requests.taken(ask, nowMs)
    else requests.refused(ask, outcome.why, nowMs)
    if (outcome.kind === 'in-force') return
    metrics.decisions.add(1, { outcome: outcome.kind })
    recorder.record(desk.node, nowMs, {
      strategy: ask.kind,
      rung: desk.ladder.rung,
      ...recordOf(undefined, outcome, intent),
      view,
    })
  }

  function onTransition({ record, from, event }: CommandTransition) {
    const desk = desks.get(record.junction)
    if (!desk) return
    const isStrategys = issuerKind(record.issuer) === 'strategy'
    // Expired before it was accepted: by the device's clock all we send may come too late.
    const cameTooLate = event === 'resultExpired' && (from === 'issued' || from === 'delivered')
    const isFailed = event === 'resultRejected' || event === 'ranOut' || cameTooLate
    if (event === 'shown') desk.failedCommands = 0
    else if (isStrategys && isFailed) desk.failedCommands += 1
    requests.observe(record, event, clock.nowMs())
  }

  return {
    name: 'control',
    async start() {
      cancels.push(
        commands.onTransition(onTransition),
        ...[...desks.values()].map((desk) => clock.every(desk.periodMs, () => look(desk))),
      )
      countRungs()
    },
    async stop() {
      for (const cancel of cancels.splice(0)) cancel()
      news?.stop()
    },
    observe(message) {
      if (message.type !== 'request') {
        site.observe(message)
        if (message.code === 'traffic.queue') news?.from(message.node)
        return
      }
      for (const node of requests.receive(message, clock.nowMs())) {
        look(desks.get(node) as Desk)
      }
    },
    lastWord(command) {
      const junction = junctions.get(command.junction)
      if (!junction) return `there is no junction ${command.junction}`
      const knowledge = site.knowledge(command.junction, clock.nowMs())
      const history = commands.issues(command.junction)
      const verdict = guard(command, junction, knowledge, history)
      if (verdict === 'allowed') return undefined
      metrics.guardRefused.add(1, { issuer: issuerKind(command.issuer) ?? 'strategy' })
      return verdict.refused
    },
    ladders: () => Object.fromEntries([...desks].map(([node, desk]) => [node, desk.ladder])),
    view: (junction) => site.view(junction, clock.nowMs()),
  }
}

/** Also while an operator's flashing runs out: what cannot be obeyed is not asked for. */
function obeys({ mode, control }: SignalKnowledge): boolean {
  return mode === 'normal' && control === 'central'
}
