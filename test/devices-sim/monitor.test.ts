/** The witness sees what it is there to see: each kind of violation, made on purpose. */
import { expect, test } from 'vitest'
import { createMonitor } from '../../devices-sim/monitor.ts'
import type { LampState, Lamps } from '../../devices-sim/world.ts'
import { crossing } from './crossing.ts'

/** Lamps as a word, sg/1 to sg/6. */
const lamps = (word: string): Lamps =>
  Object.fromEntries([...word].map((lamp, i) => [`sg/${i + 1}`, lamp as LampState]))

/** `[word, seconds]`… shown one after the other, observed each second. */
function kindsSeen(...shown: readonly (readonly [string, number])[]): string[] {
  const monitor = createMonitor(crossing)
  let atMs = 0
  for (const [word, seconds] of shown) {
    for (let i = 0; i < seconds; i++) {
      monitor.observe(atMs, lamps(word))
      atMs += 1000
    }
  }
  expect(monitor.count()).toBe(monitor.violations.length)
  return [...new Set(monitor.violations.map(({ kind }) => kind))]
}

test('a correct change of stages is no violation', () => {
  const change = [
    ['GrGrrr', 10],
    ['yryrrr', 3],
    ['rrrrrr', 3],
    ['rrrruu', 1],
    ['rrrrGG', 10],
    ['rrrryy', 3],
    ['rrrrrr', 3],
    ['ururrr', 1],
    ['GrGrrr', 10],
  ] as const
  expect(kindsSeen(...change)).toEqual([])
})

test.each([
  [
    'conflict',
    [
      ['GrGrrr', 5],
      ['GrGrGr', 1],
    ],
  ],
  [
    'intergreen',
    [
      ['GrGrrr', 8],
      ['yryrrr', 3],
      ['rrrruu', 1],
      ['rrrrGG', 8],
    ],
  ],
  [
    'minimum-green',
    [
      ['rrrrrr', 9],
      ['ururrr', 1],
      ['GrGrrr', 4],
      ['yryrrr', 3],
      ['rrrrrr', 1],
    ],
  ],
  ['maximum-red', [['GrGrrr', 115]]],
  [
    'yellow',
    [
      ['GrGrrr', 8],
      ['rrrrrr', 2],
    ],
  ],
  [
    'yellow',
    [
      ['GrGrrr', 8],
      ['yryrrr', 2],
      ['rrrrrr', 2],
    ],
  ],
  [
    'yellow',
    [
      ['rrrrrr', 20],
      ['GrGrrr', 8],
    ],
  ],
  [
    'yellow',
    [
      ['GrGrrr', 8],
      ['yryrrr', 3],
      ['GrGrrr', 8],
    ],
  ],
  [
    'intergreen',
    [
      ['OOOOOO', 8],
      ['GrGrrr', 8],
    ],
  ],
  [
    'intergreen',
    [
      ['OOOOOO', 8],
      ['rrrrrr', 1],
      ['rrrruu', 1],
      ['rrrrGG', 8],
    ],
  ],
] as const)('%s: %j', (kind, shown) => {
  expect(kindsSeen(...shown)).toContain(kind)
})

test('two greens in conflict are none when one gives way', () => {
  expect(kindsSeen(['GgGgrr', 30])).toEqual([])
})

test('a red that is too long is counted once, not each second', () => {
  const monitor = createMonitor(crossing)
  for (let s = 0; s < 300; s++) monitor.observe(s * 1000, lamps('rrrrGr'))
  expect(monitor.violations.filter(({ text }) => text.startsWith('sg/1 '))).toHaveLength(1)
  expect(monitor.worstRedMs()).toBe(299_000)
})

test('a bound that arithmetic left a hair below a whole millisecond is that millisecond', () => {
  const junction = structuredClone(crossing)
  for (const group of Object.values(junction.groups)) group.maxRedS = 36.99999999999999
  const monitor = createMonitor(junction)
  monitor.observe(0, lamps('rrrrGG'))
  monitor.observe(37_000, lamps('rrrrGG'))
  expect(monitor.violations).toEqual([])
  monitor.observe(37_001, lamps('rrrrGG'))
  expect(monitor.violations.map(({ kind }) => kind)).toContain('maximum-red')
})
