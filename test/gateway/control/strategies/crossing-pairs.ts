/** The crossing with two lanes in each of its groups, and hours of it second by second, one sensor frozen or lost. */
import type { Decision, LaneView, Strategy } from '../../../../gateway/control/ports.ts'
import type { Junction } from '../../../../schemas/generated/messages.ts'
import { crossing, laneView, signalView, viewOf } from './crossing.ts'

export const pairs: Junction = {
  ...crossing,
  lanes: {
    'ln/1': { groups: ['sg/1'], lengthM: 200 },
    'ln/2': { groups: ['sg/1'], lengthM: 200 },
    'ln/3': { groups: ['sg/2'], lengthM: 200 },
    'ln/4': { groups: ['sg/2'], lengthM: 200 },
  },
}

export type Lanes = Readonly<Record<string, Partial<LaneView>>>

/** Asks once a second; each answer is shown at once. Lanes say what they show in a second, and of which stage. */
export function drive(
  strategy: Strategy,
  seconds: number,
  lanesAt: (second: number, stage: number) => Lanes,
  afterEach: (second: number, stage: number, decision: Decision) => void = () => {},
): void {
  let memory = strategy.remember(pairs)
  let stage = 1
  let sinceS = 0
  for (let second = 1; second <= seconds; second++) {
    const nowMs = second * 1000
    const lanes = Object.fromEntries(
      Object.entries(lanesAt(second, stage)).map(([name, lane]) => [
        name,
        laneView({ seenAtMs: nowMs, ...lane }),
      ]),
    )
    const signal = signalView({ stage, stageSinceMs: sinceS * 1000 })
    const answer = strategy.decide(viewOf({ nowMs, junction: pairs, signal, lanes }), memory)
    memory = answer.memory
    sinceS += 1
    if (answer.decision.kind === 'stage' && answer.decision.stage !== stage) {
      stage = answer.decision.stage
      sinceS = 0
    }
    afterEach(second, stage, answer.decision)
  }
}
