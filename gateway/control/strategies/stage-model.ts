/**
 * A junction's data, turned once into the tables every strategy asks for: which lane is served by which stage and
 * how well, and how long the way from stage to stage takes. Pure, numbers by index for speed.
 */
import type { Junction } from '../../../schemas/generated/messages.ts'

export interface StageModel {
  readonly lanes: readonly string[]
  readonly stages: readonly number[]
  /**
   * Share of a full lane's discharge the lane has in a stage, [lane][stage]: 1 protected for all its movements,
   * 0 red for all; giving way counts `permissiveShare`.
   */
  readonly service: readonly (readonly number[])[]
  /** Seconds from the end of one stage to the beginning of another, [from][to]. */
  readonly intergreenS: readonly (readonly number[])[]
  /** Minimum green of a stage: the longest of its groups'. */
  readonly minGreenS: readonly number[]
  /** Longest red any group of the lane tolerates. */
  readonly maxRedS: readonly number[]
  /**
   * Lanes a lane has to give way to in a stage, [lane][stage]. Empty where it gives way to nobody, and where one of
   * those gives way as well: who of them goes first cannot be foreseen.
   */
  readonly givesWayTo: readonly (readonly (readonly number[])[])[]
  /** Stages of the plan that runs locally, in the order they are served, as indexes. */
  readonly localOrder: readonly number[]
}

/** HCM 2010, exhibit 18-13 gives left turns that give way to medium opposing flow about a quarter of full capacity. */
const permissiveShare = 0.25

export function createStageModel(junction: Junction): StageModel {
  const lanes = Object.keys(junction.lanes)
  const stages = Object.keys(junction.stages)
    .map(Number)
    .sort((a, b) => a - b)
  const shows = stages.map((stage) => {
    const { green = [], permissive = [] } = junction.stages[String(stage)] ?? {}
    return {
      green: new Set(green),
      permissive: new Set(permissive),
      all: new Set([...green, ...permissive]),
    }
  })
  const service = lanes.map((lane) => {
    const groups = junction.lanes[lane]?.groups ?? []
    return shows.map(({ green, permissive }) => {
      const sum = groups.reduce(
        (total, group) =>
          total + (green.has(group) ? 1 : permissive.has(group) ? permissiveShare : 0),
        0,
      )
      return groups.length === 0 ? 0 : sum / groups.length
    })
  })
  const givesWayTo = lanesGivenWayTo(junction, lanes, shows)
  const intergreen = new Map(junction.intergreensS.map(({ from, to, s }) => [`${from}>${to}`, s]))
  const intergreenS = shows.map((before) =>
    shows.map((after) => {
      const ending = [...before.all].filter((group) => !after.all.has(group))
      const beginning = [...after.all].filter((group) => !before.all.has(group))
      const yellowS = Math.max(0, ...ending.map((group) => junction.groups[group]?.yellowS ?? 0))
      const pairs = ending.flatMap((from) =>
        beginning.map((to) => intergreen.get(`${from}>${to}`) ?? 0),
      )
      return Math.max(yellowS, ...pairs)
    }),
  )
  const minGreenS = shows.map(({ all }) =>
    Math.max(0, ...[...all].map((group) => junction.groups[group]?.minGreenS ?? 0)),
  )
  const maxRedS = lanes.map((lane) =>
    Math.min(
      ...(junction.lanes[lane]?.groups ?? []).map(
        (group) => junction.groups[group]?.maxRedS ?? Infinity,
      ),
    ),
  )
  const plan = junction.plans[String(junction.localPlan)]
  const localOrder = (plan?.stages ?? stages)
    .map((stage) => stages.indexOf(stage))
    .filter((at) => at >= 0)
  return { lanes, stages, service, intergreenS, minGreenS, maxRedS, givesWayTo, localOrder }
}

function lanesGivenWayTo(
  junction: Junction,
  lanes: readonly string[],
  shows: readonly { readonly green: Set<string>; readonly permissive: Set<string> }[],
): number[][][] {
  const conflicts = new Set(junction.conflicts.flatMap(([a, b]) => [`${a} ${b}`, `${b} ${a}`]))
  const groupsOf = (lane: string) => junction.lanes[lane]?.groups ?? []
  const crossed = lanes.map((lane) =>
    shows.map(({ green, permissive }) => {
      const yielding = groupsOf(lane).filter((group) => permissive.has(group))
      const hasRightOfWay = (group: string) =>
        green.has(group) &&
        !groupsOf(lane).includes(group) &&
        yielding.some((own) => conflicts.has(`${own} ${group}`))
      return lanes.flatMap((other, at) => (groupsOf(other).some(hasRightOfWay) ? [at] : []))
    }),
  )
  return crossed.map((row) =>
    row.map((others, stage) =>
      others.some((other) => (crossed[other]?.[stage]?.length ?? 0) > 0) ? [] : others,
    ),
  )
}

/** Name of a lane for people, with what it waits for. */
export function describeLanes(lanes: readonly string[]): string {
  return lanes.length === 0 ? 'no lane' : lanes.join(', ')
}
