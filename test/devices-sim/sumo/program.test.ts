import { expect, test } from 'vitest'
import { createController } from '../../../devices-sim/controller/controller.ts'
import { type Light, lightToJunction } from '../../../devices-sim/sumo/program.ts'

const way = (from: string, via: string) => [{ from, to: 'out_0', via }]
/** Main street straight on and a left turn that gives way; a side street; two seconds of red between. */
const light: Light = {
  id: 'x',
  links: [
    way('main_0', ':x_0_0'),
    way('back_0', ':x_1_0'),
    way('main_1', ':x_2_0'),
    way('side_0', ':x_3_0'),
  ],
  phases: [
    { durationS: 30, durationMaxS: 30, state: 'GGgr' },
    { durationS: 3, durationMaxS: 3, state: 'yygr' },
    { durationS: 6, durationMaxS: 6, state: 'rrGr' },
    { durationS: 3, durationMaxS: 3, state: 'rryr' },
    { durationS: 2, durationMaxS: 2, state: 'rrrr' },
    { durationS: 20, durationMaxS: 20, state: 'rrrG' },
    { durationS: 3, durationMaxS: 3, state: 'rrry' },
    { durationS: 2, durationMaxS: 2, state: 'rrrr' },
  ],
  foes: new Map([
    [':x_3_0', new Set([':x_0_0', ':x_1_0', ':x_2_0'])],
    [':x_2_0', new Set([':x_1_0'])],
  ]),
}
const options = { node: 'z/tlc-001', detectorNode: 'z/det-001', roads: new Map() }

test('green phases become stages, what lies between them intergreens', () => {
  const site = lightToJunction(light, options)
  const junction = site?.junction
  expect(junction?.stages).toEqual({
    '1': { green: ['sg/1', 'sg/2'], permissive: ['sg/3'] },
    '2': { green: ['sg/3'], permissive: [] },
    '3': { green: ['sg/4'], permissive: [] },
  })
  expect(junction?.plans['1']?.stages).toEqual([1, 2, 3])
  const intergreenS = (from: string, to: string) =>
    junction?.intergreensS.find((each) => each.from === from && each.to === to)?.s
  expect(intergreenS('sg/3', 'sg/4')).toBe(5)
  expect(intergreenS('sg/4', 'sg/1')).toBe(5)
})

test('ways that cross and are never protected together are conflicts, a turn that gives way among them', () => {
  const conflicts = lightToJunction(light, options)?.junction.conflicts ?? []
  expect(conflicts.map((pair) => [...pair].sort().join(' ')).sort()).toEqual([
    'sg/1 sg/4',
    'sg/2 sg/3',
    'sg/2 sg/4',
    'sg/3 sg/4',
  ])
})

test('the controller finds the document safe to run', () => {
  const junction = lightToJunction(light, options)?.junction
  expect(junction).toBeDefined()
  if (junction) expect(() => createController(junction, { startMs: 0, stepMs: 1000 })).not.toThrow()
})

test('a light with nothing to choose between is no controller', () => {
  const blinking = { ...light, phases: [{ durationS: 90, durationMaxS: 90, state: 'GGGG' }] }
  expect(lightToJunction(blinking, options)).toBeUndefined()
})
