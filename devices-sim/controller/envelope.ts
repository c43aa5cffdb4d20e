/**
 * What a junction document says may never happen, made quick to ask: conflicts, intergreens, what each stage
 * shows, and how long a change between two stages takes. Refuses documents that cannot be run safely.
 */
import type { Junction } from '../../schemas/generated/messages.ts'
import { JunctionInvalid } from '../errors.ts'

/**
 * Seconds of a document or command in whole milliseconds, as clocks count: a bound of 36.99999999999999 s, which
 * arithmetic on tenths leaves behind, is 37 s, and 4.1 s is not less than 4.1 s.
 */
export const wholeMs = (seconds: number): number => Math.round(seconds * 1000)

export type Green = 'G' | 'g'

export interface Group {
  readonly name: string
  readonly minGreenMs: number
  readonly yellowMs: number
  readonly redYellowMs: number
  readonly maxRedMs: number
  /** Indexes of the groups it must never be protected green with. */
  readonly conflicts: readonly number[]
  /** By index of a conflicting group whose green ended: how long before this one may begin. */
  readonly clearAfterMs: ReadonlyMap<number, number>
}

export interface Stage {
  readonly number: number
  /** By group index: what it shows in this stage; undefined is red. */
  readonly greens: readonly (Green | undefined)[]
  /** Longest minimum green of its groups. */
  readonly minGreenMs: number
}

export interface Envelope {
  readonly junction: Junction
  readonly groups: readonly Group[]
  readonly stages: ReadonlyMap<number, Stage>
  /** No group green: what all-red and the start look like. */
  readonly allRed: Stage
  /** Time from the end of `from` until all of `to` is green, in ms. */
  changeMs(from: Stage, to: Stage): number
  /** Longest intergreen or yellow of the junction: after this all is clear, whatever was before. */
  readonly clearMs: number
}

/** @throws IG_ERR_SIM_JUNCTION_INVALID */
export function createEnvelope(junction: Junction): Envelope {
  const names = Object.keys(junction.groups)
  const indexOf = (name: string) => {
    const index = names.indexOf(name)
    if (index < 0) throw JunctionInvalid(junction.node, `there is no group ${name}`)
    return index
  }
  const groups = readGroups(junction, names, indexOf)
  const stages = readStages(junction, groups, indexOf)
  const allRed: Stage = { number: 0, greens: groups.map(() => undefined), minGreenMs: 0 }
  const changes = new Map<string, number>()

  function changeMs(from: Stage, to: Stage): number {
    const key = `${from.number}>${to.number}`
    const known = changes.get(key)
    if (known !== undefined) return known
    const changed = computeChangeMs(groups, from, to)
    changes.set(key, changed)
    return changed
  }

  checkRound(junction, groups, stages, allRed, changeMs)
  const clearMs = Math.max(
    clearMsMin,
    ...groups.map((group) => group.yellowMs),
    ...groups.flatMap((group) => [...group.clearAfterMs.values()]),
  )
  return { junction, groups, stages, allRed, changeMs, clearMs }
}

function readGroups(
  junction: Junction,
  names: readonly string[],
  indexOf: (name: string) => number,
): readonly Group[] {
  const conflicts = names.map(() => new Set<number>())
  for (const [a = '', b = ''] of junction.conflicts) {
    conflicts[indexOf(a)]?.add(indexOf(b))
    conflicts[indexOf(b)]?.add(indexOf(a))
  }
  const clear = names.map(() => new Map<number, number>())
  for (const { from, to, s } of junction.intergreensS) {
    clear[indexOf(to)]?.set(indexOf(from), wholeMs(s))
  }
  return names.map((name, index) => {
    const group = junction.groups[name]
    if (!group) throw JunctionInvalid(junction.node, `there is no group ${name}`)
    for (const other of conflicts[index] ?? []) {
      if (!clear[index]?.has(other)) {
        const pair = `${names[other]} to ${name}`
        throw JunctionInvalid(junction.node, `the intergreen from ${pair} is missing`)
      }
    }
    return {
      name,
      minGreenMs: wholeMs(group.minGreenS),
      yellowMs: wholeMs(group.yellowS),
      redYellowMs: wholeMs(group.redYellowS),
      maxRedMs: wholeMs(group.maxRedS),
      conflicts: [...(conflicts[index] ?? [])],
      clearAfterMs: clear[index] ?? new Map(),
    }
  })
}

function readStages(
  junction: Junction,
  groups: readonly Group[],
  indexOf: (name: string) => number,
): ReadonlyMap<number, Stage> {
  const stages = new Map<number, Stage>()
  for (const [key, { green, permissive }] of Object.entries(junction.stages)) {
    const greens: (Green | undefined)[] = groups.map(() => undefined)
    for (const name of permissive) greens[indexOf(name)] = 'g'
    for (const name of green) greens[indexOf(name)] = 'G'
    groups.forEach((group, index) => {
      const rival = group.conflicts.find((other) => greens[index] === 'G' && greens[other] === 'G')
      if (rival === undefined) return
      const pair = `${group.name} and ${groups[rival]?.name}`
      throw JunctionInvalid(junction.node, `stage ${key} has conflicting greens: ${pair}`)
    })
    const lit = groups.filter((_, index) => greens[index] !== undefined)
    const minGreenMs = Math.max(0, ...lit.map((group) => group.minGreenMs))
    stages.set(Number(key), { number: Number(key), greens, minGreenMs })
  }
  for (const [key, plan] of Object.entries(junction.plans)) {
    const missing = plan.stages.find((number) => !stages.has(number))
    if (missing !== undefined) {
      throw JunctionInvalid(junction.node, `plan ${key} serves stage ${missing}, which is missing`)
    }
    const twice = plan.stages.find((number, at) => plan.stages.indexOf(number) !== at)
    if (twice !== undefined) {
      throw JunctionInvalid(junction.node, `plan ${key} serves stage ${twice} twice`)
    }
  }
  if (!junction.plans[String(junction.localPlan)]) {
    throw JunctionInvalid(junction.node, `the local plan ${junction.localPlan} is missing`)
  }
  return stages
}

function computeChangeMs(groups: readonly Group[], from: Stage, to: Stage): number {
  let longestMs = 0
  groups.forEach((group, index) => {
    const before = from.greens[index]
    const after = to.greens[index]
    if (before && !after) return
    if (!after || before === after || (before === 'G' && after === 'g')) return
    if (!before) longestMs = Math.max(longestMs, group.redYellowMs)
    for (const other of group.conflicts) {
      if (from.greens[other] && !to.greens[other]) {
        longestMs = Math.max(longestMs, group.clearAfterMs.get(other) ?? 0)
      }
    }
  })
  return longestMs
}

/** Also a junction without any conflict shows red for a second before its first green. */
const clearMsMin = 1_000
/** What a stage may take longer because the controller acts in steps. */
const slackMs = 2_000

/** Every group must be served by a stage, and all of them in turn within each one's maximum red. */
function checkRound(
  junction: Junction,
  groups: readonly Group[],
  stages: ReadonlyMap<number, Stage>,
  allRed: Stage,
  changeMs: (from: Stage, to: Stage) => number,
): void {
  const cover: Stage[] = []
  const isCovered = groups.map(() => false)
  for (const [index, group] of groups.entries()) {
    if (isCovered[index]) continue
    const serving = [...stages.values()].filter((stage) => stage.greens[index])
    const best = serving.sort((a, b) => countGreens(b) - countGreens(a))[0]
    if (!best) throw JunctionInvalid(junction.node, `no stage serves group ${group.name}`)
    cover.push(best)
    best.greens.forEach((green, other) => {
      if (green) isCovered[other] = true
    })
  }
  const roundMs = cover.reduce((sum, stage, index) => {
    const before = cover[(index || cover.length) - 1] ?? allRed
    return sum + stage.minGreenMs + (before === stage ? 0 : changeMs(before, stage)) + slackMs
  }, 0)
  const strictest = [...groups].sort((a, b) => a.maxRedMs - b.maxRedMs)[0]
  if (strictest && strictest.maxRedMs < roundMs) {
    const text = `maximum red of ${strictest.name} is ${strictest.maxRedMs / 1000} s`
    throw JunctionInvalid(
      junction.node,
      `${text}, but a round of minimum greens takes ${roundMs / 1000} s`,
    )
  }
}

const countGreens = (stage: Stage) => stage.greens.filter((green) => green !== undefined).length
