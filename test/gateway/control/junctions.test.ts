/** Junction documents: what holds together is read, what does not ends the start with file and path. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { parseJunction, readJunctions } from '../../../gateway/control/junctions.ts'
import type { Junction } from '../../../schemas/generated/messages.ts'
import { crossing } from './junction.ts'

function dirWith(files: Record<string, unknown>): string {
  const dir = mkdtempSync(join(tmpdir(), 'intergreen-junctions-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  for (const [name, value] of Object.entries(files)) {
    writeFileSync(join(dir, name), typeof value === 'string' ? value : JSON.stringify(value))
  }
  return dir
}

/** The same crossing with one thing changed in place. */
function spoilt(spoil: (junction: Junction) => void): Junction {
  const junction = structuredClone(crossing())
  spoil(junction)
  return junction
}

test('a directory of documents is read whole, and nothing in it can be changed afterwards', () => {
  const dir = dirWith({
    'a.json': crossing(),
    'b.json': crossing({ node: 'north/tlc-002' }),
    'readme.txt': 'not a junction',
  })
  const junctions = readJunctions(dir)
  expect([...junctions.keys()]).toEqual(['north/tlc-001', 'north/tlc-002'])
  expect(Object.isFrozen(junctions.get('north/tlc-001')?.stages['1']?.green)).toBe(true)
})

test('a single file is read too', () => {
  const dir = dirWith({ 'a.json': crossing() })
  expect(readJunctions(join(dir, 'a.json')).size).toBe(1)
})

test('what cannot be read is named: IG_ERR_CONTROL_JUNCTION_UNREADABLE', () => {
  const dir = dirWith({})
  mkdirSync(join(dir, 'folder.json'))
  for (const path of [join(dir, 'absent'), dir]) {
    expect(() => readJunctions(path)).toThrow(
      expect.objectContaining({ code: 'IG_ERR_CONTROL_JUNCTION_UNREADABLE' }),
    )
  }
})

test('two documents of the same junction are refused, and both files named', () => {
  const dir = dirWith({ 'a.json': crossing(), 'b.json': crossing() })
  expect(() => readJunctions(dir)).toThrow(/b\.json .*\/node is north\/tlc-001, which .*a\.json/)
})

test('a lane that leads to a lane its neighbour does not have is refused', () => {
  const leading = spoilt((it) => {
    const downstream = [{ node: 'north/tlc-002', lane: 'ln/9', distanceM: 300 }]
    it.lanes['ln/1'] = { ...it.lanes['ln/1']!, downstream }
  })
  const alone = dirWith({ 'a.json': leading })
  expect(readJunctions(alone).size).toBe(1)
  const both = dirWith({ 'a.json': leading, 'b.json': crossing({ node: 'north/tlc-002' }) })
  expect(() => readJunctions(both)).toThrow(
    /a\.json .*\/lanes\/ln~11\/downstream\/0 north\/tlc-002/,
  )
})

const bad: [string, string | Junction, RegExp][] = [
  ['what is not JSON', '{"node":', /\/ is not JSON/],
  ['what misses a member', '{"node":"north/tlc-001"}', /must have required property/],
  [
    'a cycle upside down',
    spoilt((it) => {
      it.cycleS = { min: 90, max: 60 }
    }),
    /\/cycleS min 90/,
  ],
  [
    'a conflict with an unknown group',
    spoilt((it) => void it.conflicts.push(['sg/1', 'sg/9'])),
    /\/conflicts\/4 there is no group sg\/9/,
  ],
  [
    'a group in conflict with itself',
    spoilt((it) => {
      it.conflicts.push(['sg/1', 'sg/1'])
      it.intergreensS.push({ from: 'sg/1', to: 'sg/1', s: 5 })
    }),
    /\/conflicts\/4 sg\/1 cannot conflict/,
  ],
  [
    'a conflict without its intergreen',
    spoilt((it) => void it.intergreensS.splice(1, 1)),
    /\/conflicts\/0 there is no intergreen from sg\/2 to sg\/1/,
  ],
  [
    'an intergreen shorter than the yellow in it',
    spoilt((it) => {
      it.intergreensS[2]!.s = 2
    }),
    /\/intergreensS\/2 2 s is shorter than the yellow/,
  ],
  [
    'a stage with conflicting greens',
    spoilt((it) => {
      it.stages['1'] = { green: ['sg/1', 'sg/2'], permissive: [] }
    }),
    /\/stages\/1 gives green to sg\/1 and sg\/2/,
  ],
  [
    'a group both green and permissive',
    spoilt((it) => {
      it.stages['1'] = { green: ['sg/1', 'sg/3'], permissive: ['sg/1'] }
    }),
    /\/stages\/1 sg\/1 is both/,
  ],
  [
    'a group that is never green',
    spoilt((it) => {
      it.stages['1'] = { green: ['sg/1'], permissive: [] }
    }),
    /\/groups\/sg~13 is green in no stage/,
  ],
  [
    'a local plan that is not there',
    spoilt((it) => {
      it.localPlan = 7
    }),
    /\/localPlan there is no plan 7/,
  ],
  [
    'a plan with a stage that is not there',
    spoilt((it) => {
      it.plans['2']!.stages.push(5)
    }),
    /\/plans\/2\/stages there is no stage 5/,
  ],
  [
    'a plan that serves a stage twice',
    spoilt((it) => {
      it.plans['2']!.stages = [1, 2, 1]
    }),
    /\/plans\/2\/stages must NOT have duplicate items/,
  ],
  [
    'a plan without a green for its stage',
    spoilt((it) => {
      it.plans['2']!.greensS = { '1': 80 }
    }),
    /\/plans\/2\/greensS says nothing about stage 2/,
  ],
  [
    'a lane of an unknown group',
    spoilt((it) => {
      it.lanes['ln/1']!.groups = ['sg/8']
    }),
    /\/lanes\/ln~11\/groups there is no group sg\/8/,
  ],
]

test.each(bad)('%s is refused: IG_ERR_CONTROL_JUNCTION_INVALID', (_name, document, message) => {
  const text = typeof document === 'string' ? document : JSON.stringify(document)
  const read = () => parseJunction('north.json', text)
  expect(read).toThrow(expect.objectContaining({ code: 'IG_ERR_CONTROL_JUNCTION_INVALID' }))
  expect(read).toThrow(message)
})
