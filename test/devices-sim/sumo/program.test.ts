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
const options = { node: 'z/tlc-001', detectorNodes: ['z/det-001'], roads: new Map() }

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

/** One street with a crossing over its side arm; turning right on red is allowed there. */
const walked: Light = {
  id: 'w',
  links: [
    way('main_0', ':w_0_0'),
    way('side_0', ':w_1_0'),
    [{ from: ':w_w0_0', to: ':w_c0_0', via: ':w_c0_0' }],
    way('bike_0', ':w_2_0'),
  ],
  phases: [
    { durationS: 30, durationMaxS: 30, state: 'GsGO' },
    { durationS: 5, durationMaxS: 5, state: 'GrrO' },
    { durationS: 3, durationMaxS: 3, state: 'yrrO' },
    { durationS: 20, durationMaxS: 20, state: 'rGrO' },
    { durationS: 3, durationMaxS: 3, state: 'ryrO' },
  ],
  foes: new Map([
    [':w_0_0', new Set([':w_1_0'])],
    [':w_1_0', new Set([':w_0_0', ':w_c0_0'])],
    [':w_c0_0', new Set<string>()],
  ]),
}
const crossing = { id: ':w_c0_0', lengthM: 9, speedMaxMps: 1, links: [] }
const walkedSite = lightToJunction(walked, {
  ...options,
  roads: new Map([[crossing.id, crossing]]),
})

test('those on foot are a group of their own, without yellow and without a lane, and get the time to walk', () => {
  const junction = walkedSite?.junction
  expect(junction?.groups['sg/3']).toMatchObject({ kind: 'pedestrian', yellowS: 0 })
  expect(Object.values(junction?.lanes ?? {}).map(({ groups }) => groups)).toEqual([
    ['sg/1'],
    ['sg/2'],
  ])
  const clear = junction?.intergreensS.find(({ from, to }) => from === 'sg/3' && to === 'sg/2')
  expect(clear?.s).toBe(8)
})

test('letters that are no signal of ours stay as the program has them', () => {
  expect(walkedSite?.groupOfLink).toEqual(['sg/1', 'sg/2', 'sg/3', ''])
  expect(walkedSite?.letters.always).toEqual(['r', 'r', 'r', 'O'])
  expect(walkedSite?.letters.perStage[0]?.state).toBe('GsGO')
})

test('a junction of more lanes than one message may name has more detector nodes', () => {
  const wide: Light = {
    ...light,
    links: Array.from({ length: 70 }, (_, at) =>
      way(`e${at % 35}_${at < 35 ? 0 : 1}`, `:x_${at}_0`),
    ),
    phases: [
      { durationS: 30, durationMaxS: 30, state: `${'G'.repeat(35)}${'r'.repeat(35)}` },
      { durationS: 30, durationMaxS: 30, state: `${'r'.repeat(35)}${'G'.repeat(35)}` },
    ],
    foes: new Map(),
  }
  const site = lightToJunction(wide, { ...options, detectorNodes: ['z/det-001', 'z/det-001-2'] })
  expect(site?.detectorNodes).toHaveLength(2)
  expect(site?.junction.lanes['ln/70']?.sensor?.node).toBe('z/det-001-2')
})

test('where SUMO knows no right of way, what the program keeps apart is in conflict', () => {
  const blind = { ...light, foes: new Map([[':x_0_0', new Set<string>()]]) }
  const conflicts = lightToJunction(blind, options)?.junction.conflicts ?? []
  expect(conflicts.map((pair) => [...pair].sort().join(' ')).sort()).toEqual([
    'sg/1 sg/4',
    'sg/2 sg/4',
    'sg/3 sg/4',
  ])
})
