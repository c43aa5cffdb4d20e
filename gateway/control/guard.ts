/**
 * The last thing before the broker: may this command leave? One pure function, the same for a strategy, an
 * operator and the ladder; docs/commands.md lists what it asks.
 *
 * - Asked twice: when a command is decided, and again at the moment of sending.
 * - It judges against the junction document and what the controller has shown, and where it does not know
 *   it says no. It changes nothing; who wants a smaller command must ask for one.
 * - Minimum greens and intergreens are the controller's to keep while stages change; the guard sees to it that no
 *   command asks for less.
 */
import type { Junction } from '../../schemas/generated/messages.ts'
import { envelopeOf, redsInOrder, tightestRed } from './envelope.ts'
import { liesAhead } from './freshness.ts'
import type { ControlCommand, IssuedCommand, SignalKnowledge } from './ports.ts'

/** A command with the moments that sending gave it, or will give it. */
export interface GuardedCommand extends Omit<ControlCommand, 'expiresInMs'> {
  readonly id?: string
  readonly issuedAtMs: number
  readonly expiresAtMs: number
}

export type GuardVerdict = 'allowed' | { readonly refused: string }

/**
 * Greens and changes must make up the cycle. What they leave over, a controller adds to its last stage: a
 * little for each change is room for a yellow where nothing conflicts, more is a plan that does not fit.
 */
const cycleSurplusPerChangeSMax = 3
const cycleOverrunSMax = 0.5
/** What is asked may lie this far beyond a bound, for rounding. */
const roundingS = 0.05
/** A controller that has been silent for longer is not known. */
const knowledgeAgeMsMax = 180_000
const expiryMsMin = 1_000
const expiryMsMax = 120_000
const holdForMsMin = 1_000
export const holdForMsMax: Readonly<Record<ControlCommand['code'], number>> = {
  'tlc.timing.set': 900_000,
  'tlc.plan.set': 3_600_000,
  'tlc.stage.set': 120_000,
  'tlc.priority.request': 120_000,
  'tlc.mode.set': 300_000,
}
/** Rate of change: the window, and how much may happen in it on one junction. */
const rateWindowMs = 60_000
const commandsPerWindowMax = 60
export const stageChangesPerWindowMax = 20
/** How far one command of a strategy may move the cycle. */
export const cycleStepSMax = 60

type Check = (
  command: GuardedCommand,
  junction: Junction,
  knowledge: SignalKnowledge,
  history: readonly IssuedCommand[],
) => string | undefined

const always: readonly Check[] = [
  isForThisJunction,
  isInTime,
  leaseIsBounded,
  issuerMayAsk,
  isUnderstood,
  controllerIsKnown,
  rateIsBounded,
]

const byCode: Readonly<Record<ControlCommand['code'], readonly Check[]>> = {
  'tlc.timing.set': [timingFitsPlan, greensAreLongEnough, redsAreShortEnough, cycleMovesGently],
  'tlc.stage.set': [stageIsSafe, redStaysInBounds],
  'tlc.priority.request': [stageIsSafe, redStaysInBounds],
  'tlc.plan.set': [planIsAllowed],
  'tlc.mode.set': [modeIsBounded],
}

export function guard(
  command: GuardedCommand,
  junction: Junction,
  knowledge: SignalKnowledge | undefined,
  history: readonly IssuedCommand[],
): GuardVerdict {
  if (!knowledge) return { refused: 'nothing is known of the controller' }
  for (const check of [...always, ...(byCode[command.code] ?? [unknownCode])]) {
    const refused = check(command, junction, knowledge, history)
    if (refused !== undefined) return { refused }
  }
  return 'allowed'
}

function unknownCode(command: GuardedCommand) {
  return `there is no command ${command.code}`
}

function isForThisJunction(command: GuardedCommand, junction: Junction) {
  if (command.junction === junction.node) return undefined
  return `it is for ${command.junction}, not for ${junction.node}`
}

function isInTime(command: GuardedCommand, _junction: Junction, { nowMs }: SignalKnowledge) {
  const validMs = command.expiresAtMs - command.issuedAtMs
  if (!(validMs >= expiryMsMin && validMs <= expiryMsMax)) {
    return `it is valid for ${validMs} ms, allowed are ${expiryMsMin} to ${expiryMsMax}`
  }
  if (!(nowMs < command.expiresAtMs)) return 'it has expired'
  if (command.issuedAtMs > nowMs + 1000) return 'it is dated in the future'
  return undefined
}

function leaseIsBounded(command: GuardedCommand) {
  const max = holdForMsMax[command.code] ?? 0
  if (command.holdForMs >= holdForMsMin && command.holdForMs <= max) return undefined
  return `its lease is ${command.holdForMs} ms, allowed are ${holdForMsMin} to ${max}`
}

function issuerMayAsk(command: GuardedCommand) {
  const kind = issuerKind(command.issuer)
  if (kind === undefined) return `${JSON.stringify(command.issuer)} is nobody who may command`
  if (command.code === 'tlc.mode.set' && kind !== 'operator') {
    return `the mode is an operator's to change, not that of ${kind}`
  }
  const isOfStage = command.code === 'tlc.stage.set' || command.code === 'tlc.priority.request'
  if ((kind === 'priority' || kind === 'emergency') && !isOfStage) {
    return `${kind} may ask for a stage only`
  }
  return undefined
}

/** Values came through schemas on other ways in; here nothing is taken on trust. */
function isUnderstood(command: GuardedCommand) {
  const numbers = numbersIn(command.values)
  if (numbers.some((value) => !Number.isFinite(value))) return 'a value is not a number'
  return undefined
}

function controllerIsKnown(
  command: GuardedCommand,
  _junction: Junction,
  knowledge: SignalKnowledge,
) {
  const ageMs = knowledge.nowMs - knowledge.seenAtMs
  if (!(ageMs <= knowledgeAgeMsMax)) {
    return `the controller has shown no lamps for ${Math.round(ageMs / 1000)} s`
  }
  if (liesAhead(ageMs)) return "what the controller has shown is dated ahead of the gateway's clock"
  if (knowledge.control === 'manual') return 'the junction is under manual control'
  if (knowledge.mode === undefined || knowledge.control === undefined) {
    return 'the controller has not told its mode yet'
  }
  if (command.code === 'tlc.mode.set') return undefined // It is how an operator takes the junction back.
  if (knowledge.control === 'local') return 'the junction is under local control'
  if (knowledge.mode !== 'normal') return `the junction is in mode ${knowledge.mode}`
  return undefined
}

function rateIsBounded(
  command: GuardedCommand,
  _junction: Junction,
  { nowMs }: SignalKnowledge,
  history: readonly IssuedCommand[],
) {
  const recent = history.filter((issued) => issued.id !== command.id && isRecent(issued, nowMs))
  if (recent.length >= commandsPerWindowMax) {
    return `${recent.length} commands in the last minute, limit ${commandsPerWindowMax}`
  }
  if (command.code !== 'tlc.stage.set') return undefined
  const targets = recent.flatMap((it) => (it.code === 'tlc.stage.set' ? [it.values.stage] : []))
  const changes = countChanges([...targets, command.values.stage])
  if (changes <= stageChangesPerWindowMax) return undefined
  return `${changes} changes of stage in the last minute, limit ${stageChangesPerWindowMax}`
}

/** One dated ahead of our clock is of another time: it would stand in everybody's way until the clock is there again. */
export function isRecent({ issuedAtMs }: IssuedCommand, nowMs: number): boolean {
  const ageMs = nowMs - issuedAtMs
  return ageMs < rateWindowMs && !liesAhead(ageMs)
}

export function countChanges(targets: readonly unknown[]): number {
  return targets.filter((target, at) => at > 0 && target !== targets[at - 1]).length
}

function timingFitsPlan(command: GuardedCommand, junction: Junction, knowledge: SignalKnowledge) {
  const { cycleS, offsetS, greensS } = timingOf(command)
  const { min, max } = junction.cycleS
  if (!(cycleS >= min && cycleS <= max)) return `cycle ${cycleS} s, allowed are ${min} to ${max}`
  if (!(offsetS >= 0 && offsetS <= cycleS)) return `offset ${offsetS} s in a cycle of ${cycleS} s`
  const order = orderOf(junction, knowledge)
  const asked = Object.keys(greensS).map(Number)
  const foreign = asked.find((stage) => !order.includes(stage))
  if (foreign !== undefined) return `stage ${foreign} is not in the plan that runs`
  const missing = order.find((stage) => !((greensS[String(stage)] ?? 0) > 0))
  if (missing !== undefined) return `stage ${missing} of the plan would get no green`
  const envelope = envelopeOf(junction)
  const bad = order.find((stage) => envelope.badStages.has(stage))
  if (bad !== undefined) return `stage ${bad} gives green to ${envelope.badStages.get(bad)}`
  const greens = order.map((stage) => greensS[String(stage)] ?? 0)
  const changes = order.map((stage, at) =>
    order.length === 1 ? 0 : envelope.changeS(stage, order[(at + 1) % order.length] as number),
  )
  const totalS = sum(greens) + sum(changes)
  const surplusS = cycleS - totalS
  const isMadeUp =
    surplusS >= -cycleOverrunSMax &&
    surplusS <= order.length * cycleSurplusPerChangeSMax + roundingS
  if (isMadeUp) return undefined
  return `greens ${round(sum(greens))} s and changes ${round(sum(changes))} s do not make a cycle of ${cycleS} s`
}

function greensAreLongEnough(
  command: GuardedCommand,
  junction: Junction,
  knowledge: SignalKnowledge,
) {
  return shortGreen(junction, orderOf(junction, knowledge), timingOf(command).greensS)
}

function redsAreShortEnough(
  command: GuardedCommand,
  junction: Junction,
  knowledge: SignalKnowledge,
) {
  return longRed(junction, orderOf(junction, knowledge), timingOf(command))
}

type Greens = Readonly<Record<string, number>>

function shortGreen(junction: Junction, order: readonly number[], greensS: Greens) {
  const envelope = envelopeOf(junction)
  const greenS = (stage: number) => greensS[String(stage)] ?? 0
  const stage = order.find((it) => greenS(it) + roundingS < envelope.minGreenS(it))
  if (stage === undefined) return undefined
  const minimum = envelope.minGreenS(stage)
  return `stage ${stage} would be green for ${greenS(stage)} s, its minimum is ${minimum} s`
}

function longRed(
  junction: Junction,
  order: readonly number[],
  { cycleS, greensS }: { readonly cycleS: number; readonly greensS: Greens },
) {
  const envelope = envelopeOf(junction)
  const greens = order.map((stage) => greensS[String(stage)] ?? 0)
  const changes = order.map((stage, at) =>
    envelope.changeS(stage, order[(at + 1) % order.length] ?? stage),
  )
  const surplusS = Math.max(0, cycleS - sum(greens) - sum(changes))
  for (const [group, { maxRedS }] of Object.entries(junction.groups)) {
    const isServed = (stage: number) => !!envelope.served.get(stage)?.has(group)
    // What is left over may fall into any red.
    const reds = redsInOrder(order, greens, isServed, envelope.changeS)
    const longest = reds.length === 0 ? 0 : Math.max(...reds) + surplusS
    if (longest > maxRedS + roundingS) {
      return `${group} would be red for ${round(longest)} s, its maximum is ${maxRedS} s`
    }
  }
  return undefined
}

function cycleMovesGently(
  command: GuardedCommand,
  _junction: Junction,
  knowledge: SignalKnowledge,
) {
  if (issuerKind(command.issuer) === 'operator' || knowledge.cycleS === undefined) return undefined
  const { cycleS } = timingOf(command)
  const stepS = Math.abs(cycleS - knowledge.cycleS)
  if (stepS <= cycleStepSMax) return undefined
  return `the cycle would move from ${knowledge.cycleS} to ${cycleS} s at once, limit ${cycleStepSMax} s`
}

function stageIsSafe(command: GuardedCommand, junction: Junction) {
  const { stage } = command.values
  const isThere = Number.isInteger(stage) && Object.hasOwn(junction.stages, String(stage))
  if (!isThere) return `there is no stage ${String(stage)}`
  const pair = envelopeOf(junction).badStages.get(stage as number)
  return pair && `stage ${String(stage)} gives green to ${pair}`
}

function redStaysInBounds(command: GuardedCommand, junction: Junction, knowledge: SignalKnowledge) {
  return redBound(command, junction, knowledge, command.values.stage as number)
}

function redBound(
  command: GuardedCommand,
  junction: Junction,
  knowledge: SignalKnowledge,
  stage: number | null,
) {
  const startsInMs = Math.max(0, command.expiresAtMs - knowledge.nowMs)
  const { holdForMs } = command
  const tightest = tightestRed(junction, knowledge, stage, { startsInMs, holdForMs })
  if (!tightest || tightest.reachS <= tightest.maxRedS + roundingS) return undefined
  const { group, reachS, maxRedS } = tightest
  return `${group} could be red for ${round(reachS)} s, its maximum is ${maxRedS} s`
}

function planIsAllowed(command: GuardedCommand, junction: Junction) {
  const { plan } = command.values
  const isThere = Number.isInteger(plan) && Object.hasOwn(junction.plans, String(plan))
  const allowed = isThere ? junction.plans[String(plan)] : undefined
  if (!allowed) return `plan ${String(plan)} is not among the junction's plans`
  const envelope = envelopeOf(junction)
  const { cycleS, greensS, stages } = allowed
  const { min, max } = junction.cycleS
  const bad = stages.find((stage) => envelope.badStages.has(stage))
  const isBounded = cycleS >= min && cycleS <= max
  const why =
    (bad === undefined
      ? undefined
      : `stage ${bad} gives green to ${envelope.badStages.get(bad)}`) ??
    (isBounded ? undefined : `cycle ${cycleS} s, allowed are ${min} to ${max}`) ??
    shortGreen(junction, stages, greensS) ??
    longRed(junction, stages, allowed)
  return why && `plan ${String(plan)}: ${why}`
}

function modeIsBounded(command: GuardedCommand, junction: Junction, knowledge: SignalKnowledge) {
  const { mode } = command.values
  if (mode === 'normal' || mode === 'flashing') return undefined
  if (mode !== 'all-red') return `there is no mode ${String(mode)} to ask for`
  return redBound(command, junction, knowledge, null)
}

/** Who asks, by the first part of the issuer. */
export function issuerKind(
  issuer: string,
): 'strategy' | 'operator' | 'priority' | 'emergency' | 'ladder' | undefined {
  const kind = issuer.slice(0, issuer.indexOf(':'))
  switch (kind) {
    case 'strategy':
    case 'operator':
    case 'priority':
    case 'emergency':
    case 'ladder':
      return kind
    default:
      return undefined
  }
}

interface Timing {
  readonly cycleS: number
  readonly offsetS: number
  readonly greensS: Readonly<Record<string, number>>
}

function timingOf(command: GuardedCommand): Timing {
  return command.values as unknown as Timing
}

/** The stages in the order they are served: of the plan that runs, or else of the local one. */
export function orderOf(junction: Junction, knowledge: { readonly plan: number | undefined }) {
  const running = knowledge.plan === undefined ? undefined : junction.plans[String(knowledge.plan)]
  return (running ?? junction.plans[String(junction.localPlan)])?.stages ?? []
}

function numbersIn(value: unknown): number[] {
  if (typeof value === 'number') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap(numbersIn)
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
const round = (s: number) => Math.round(s * 10) / 10
