import { expect, test } from 'vitest'
import { readStages } from '../../../devices-sim/sumo/stages.ts'

const phase = (state: string, durationS: number, durationMaxS = durationS) => ({
  state,
  durationS,
  durationMaxS,
})
const all = () => true
const shown = (...args: Parameters<typeof readStages>) =>
  readStages(...args).map(({ number, state }) => `${number} ${state}`)

test('green phases without yellow that last a minimum green are stages, alike ones the same', () => {
  const phases = [phase('Gr', 20), phase('yr', 3), phase('rG', 15), phase('ry', 3), phase('Gr', 9)]
  expect(shown(phases, 5, all)).toEqual(['1 Gr', '2 rG', '1 Gr'])
})

test('an actuated phase counts with the longest it may last', () => {
  expect(shown([phase('Gr', 3, 40), phase('yr', 3), phase('rG', 4)], 5, all)).toContain('1 Gr')
})

test('a link that is green for a moment only, or only while others change, is not shut out', () => {
  const phases = [
    phase('Grrr', 30),
    phase('yGrr', 4),
    phase('rrGr', 20),
    phase('rrrr', 2),
    phase('rrrG', 3),
  ]
  expect(shown(phases, 5, all)).toEqual(['1 Grrr', '2 rGrr', '3 rrGr', '4 rrrG'])
})

test('a link nobody waits at makes no stage', () => {
  const phases = [phase('Grr', 30), phase('rGr', 30), phase('rrG', 2)]
  expect(shown(phases, 5, (link) => link !== 2)).toEqual(['1 Grr', '2 rGr'])
})
