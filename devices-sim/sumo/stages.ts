/**
 * Which phases of a SUMO signal program are stages, and what the links show in them. Pure.
 *
 * - A stage is a phase with green, without yellow or red-yellow, that lasts a minimum green.
 * - A link that would have no green by that rule gets its longest phase with green as a stage too, whatever else it
 *   shows there: nobody is shut out because a program is short of breath or its phases overlap.
 * - A letter that is neither green nor red (`s`, turn on red after a stop; `O` and `o`, off) belongs to the stage.
 */

export interface Phase {
  readonly durationS: number
  readonly durationMaxS: number
  readonly state: string
}

export interface StagePhase {
  /** Index of the phase in the program. */
  readonly index: number
  /** Stages that look alike are one. */
  readonly number: number
  readonly durationS: number
  /** Letters per link; what changes in the phase is red. */
  readonly state: string
}

export const isGreen = (lamp: string | undefined) => lamp === 'G' || lamp === 'g'
const changing = /[yYu]/g

/** In the order of the program. `isUsed` says which links anybody waits at. */
export function readStages(
  phases: readonly Phase[],
  minGreenS: number,
  isUsed: (link: number) => boolean,
): readonly StagePhase[] {
  const chosen = new Set<number>()
  phases.forEach(({ state, durationMaxS }, index) => {
    if (!state.match(changing) && /[Gg]/.test(state) && durationMaxS >= minGreenS) chosen.add(index)
  })
  const links = phases[0]?.state.length ?? 0
  for (let link = 0; link < links; link++) {
    if (!isUsed(link) || [...chosen].some((at) => isGreen(phases[at]?.state[link]))) continue
    const longest = phases
      .map((phase, index) => ({ phase, index }))
      .filter(({ phase }) => isGreen(phase.state[link]))
      .sort((a, b) => b.phase.durationMaxS - a.phase.durationMaxS)[0]
    if (longest) chosen.add(longest.index)
  }
  const states: string[] = []
  return [...chosen]
    .sort((a, b) => a - b)
    .map((index) => {
      const { state, durationS } = phases[index] as Phase
      const shown = state.replace(changing, 'r')
      if (!states.includes(shown)) states.push(shown)
      return { index, number: states.indexOf(shown) + 1, durationS, state: shown }
    })
}
