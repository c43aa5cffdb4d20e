/**
 * What a junction document means in seconds: the change from stage to stage, the reds a timing leads to, and
 * the red that holding a stage could lead to. Pure; worked out once per document.
 *
 *   hold of stage S, seen from a group g that S does not serve:
 *
 *   ├─ red so far ─┤├─ until it is begun ─┤├─ change ─┤├─ lease ─┤├─ way back ─┤ green
 *
 * The way back is the local plan's: from S on in its order until a stage that serves g.
 */
import assert from 'node:assert'
import type { Junction } from '../../schemas/generated/messages.ts'
import type { SignalKnowledge } from './ports.ts'

export interface Envelope {
  /** Groups with green of either kind, by stage. */
  readonly served: ReadonlyMap<number, ReadonlySet<string>>
  /** Seconds from the end of one stage's green to the beginning of the other's. */
  changeS(from: number, to: number): number
  /** Longest change there is from any stage to any other. */
  readonly longestChangeS: number
  /** Longest minimum green of any group. */
  readonly longestMinGreenS: number
  /** Longest minimum green of the stage's groups. */
  minGreenS(stage: number): number
  /** Longest time without green for the group in the local plan. */
  localRedS(group: string): number
  /** Longest way back from a stage (null: from none) to a stage that serves the group, by the local plan. */
  wayBackS(stage: number | null, group: string): number
  /** Pairs of groups of a stage that must not both be protected, as text. */
  readonly badStages: ReadonlyMap<number, string>
}

const envelopes = new WeakMap<Junction, Envelope>()

export function envelopeOf(junction: Junction): Envelope {
  const known = envelopes.get(junction)
  if (known) return known
  const made = createEnvelope(junction)
  envelopes.set(junction, made)
  return made
}

function createEnvelope(junction: Junction): Envelope {
  const intergreens = new Map(junction.intergreensS.map((it) => [`${it.from} ${it.to}`, it.s]))
  const served = new Map(
    Object.entries(junction.stages).map(([key, stage]) => [
      Number(key),
      new Set([...stage.green, ...stage.permissive]),
    ]),
  )

  const minGreenS = new Map(
    [...served].map(([stage, groups]) => [
      stage,
      Math.max(0, ...[...groups].map((group) => junction.groups[group]?.minGreenS ?? 0)),
    ]),
  )

  function changeS(from: number, to: number): number {
    const before = served.get(from) ?? new Set()
    const after = served.get(to) ?? new Set()
    const wasProtected = new Set(junction.stages[String(from)]?.green)
    const isProtected = new Set(junction.stages[String(to)]?.green)
    const ending = [...before].filter((group) => !after.has(group))
    const beginning = [...after].filter((group) => !before.has(group))
    // A green that gave way and becomes protected waits for its conflicts like one that begins.
    const promoted = [...before].filter((it) => isProtected.has(it) && !wasProtected.has(it))
    const redYellows = beginning.map((group) => junction.groups[group]?.redYellowS ?? 0)
    const clearances = ending.flatMap((from) =>
      [...beginning, ...promoted].map((to) => intergreens.get(`${from} ${to}`) ?? 0),
    )
    return Math.max(0, ...redYellows, ...clearances)
  }

  const plan = junction.plans[String(junction.localPlan)]
  const order = plan?.stages ?? []
  // The junction's schema sees to it; a way back counted from the wrong turn of a stage would be too short.
  assert(new Set(order).size === order.length, 'the local plan serves each stage once in a cycle')
  const greens = order.map((stage) => plan?.greensS[String(stage)] ?? 0)

  const localRedS = memo((group: string) =>
    Math.max(0, ...redsInOrder(order, greens, (at) => !!served.get(at)?.has(group), changeS)),
  )

  function wayBackS(stage: number | null, group: string): number {
    const at = stage === null ? -1 : order.indexOf(stage)
    if (at < 0) return localRedS(group) + (stage === null ? 0 : longestChangeS(stage))
    let s = greens[at] ?? 0
    for (let step = 1; step <= order.length; step++) {
      const from = order[(at + step - 1) % order.length] as number
      const to = order[(at + step) % order.length] as number
      s += changeS(from, to)
      if (served.get(to)?.has(group)) return s
      s += greens[(at + step) % order.length] ?? 0
    }
    return Number.POSITIVE_INFINITY // The local plan never serves it.
  }

  function longestChangeS(from: number): number {
    return Math.max(0, ...order.map((to) => changeS(from, to)))
  }

  const stages = [...served.keys()]
  return {
    served,
    changeS,
    longestChangeS: Math.max(0, ...stages.flatMap((a) => stages.map((b) => changeS(a, b)))),
    longestMinGreenS: Math.max(0, ...Object.values(junction.groups).map((it) => it.minGreenS)),
    minGreenS: (stage) => minGreenS.get(stage) ?? 0,
    localRedS,
    wayBackS,
    badStages: conflictingStages(junction),
  }
}

/** Lengths of all reds of one group in a cyclic order of stages; infinite when none serves it. */
export function redsInOrder(
  order: readonly number[],
  greens: readonly number[],
  isServed: (stage: number) => boolean,
  changeS: (from: number, to: number) => number,
): number[] {
  const first = order.findIndex(isServed)
  if (first < 0) return [Number.POSITIVE_INFINITY]
  const reds: number[] = []
  let redS = 0
  for (let step = 1; step <= order.length; step++) {
    const from = order[(first + step - 1) % order.length] as number
    const to = order[(first + step) % order.length] as number
    if (!isServed(from) || !isServed(to)) redS += changeS(from, to)
    if (isServed(to)) {
      if (redS > 0) reds.push(redS)
      redS = 0
    } else {
      redS += greens[(first + step) % order.length] ?? 0
    }
  }
  return reds
}

export interface RedReach {
  readonly group: string
  readonly reachS: number
  readonly maxRedS: number
}

/** How long the group may have been red by now, losses of status included; one never shown may be at the end of its longest red. */
function redSoFarS(knowledge: SignalKnowledge, group: string, localRedS: number): number {
  const seen = knowledge.groups[group]
  const sinceAtMs = seen?.redSinceAtMs ?? knowledge.seenAtMs
  const sinceS = Math.max(0, knowledge.nowMs - sinceAtMs) / 1000
  return seen ? sinceS : sinceS + localRedS
}

/**
 * The group whose red would come nearest to (or furthest beyond) its maximum if the stage were held for a
 * lease that begins at the last moment; `null` holds all groups red. Undefined when no group waits.
 */
export function tightestRed(
  junction: Junction,
  knowledge: SignalKnowledge,
  stage: number | null,
  lease: { readonly startsInMs: number; readonly holdForMs: number },
): RedReach | undefined {
  const envelope = envelopeOf(junction)
  const leaseS = (lease.startsInMs + lease.holdForMs) / 1000 + envelope.longestChangeS
  let tightest: RedReach | undefined
  for (const [group, { maxRedS }] of Object.entries(junction.groups)) {
    if (stage !== null && envelope.served.get(stage)?.has(group)) continue
    const soFarS = redSoFarS(knowledge, group, envelope.localRedS(group))
    const reachS = soFarS + leaseS + envelope.wayBackS(stage, group)
    const isTighter = !tightest || maxRedS - reachS < tightest.maxRedS - tightest.reachS
    if (isTighter) tightest = { group, reachS, maxRedS }
  }
  return tightest
}

function conflictingStages(junction: Junction): Map<number, string> {
  const bad = new Map<number, string>()
  for (const [key, stage] of Object.entries(junction.stages)) {
    const green = new Set(stage.green)
    const pair = junction.conflicts.find(([a = '', b = '']) => green.has(a) && green.has(b))
    if (pair) bad.set(Number(key), pair.join(' and '))
  }
  return bad
}

function memo(of: (group: string) => number): (group: string) => number {
  const known = new Map<string, number>()
  return (group) => {
    const value = known.get(group) ?? of(group)
    known.set(group, value)
    return value
  }
}
