/** A crossing for tests: four approaches, protected lefts of the main street, all kinds of lamp times. */
import type { Junction } from '../../schemas/generated/messages.ts'

export const crossing: Junction = {
  node: 'north/tlc-001',
  name: 'Test crossing',
  groups: {
    'sg/1': group(6, 120),
    'sg/2': group(5, 120),
    'sg/3': group(6, 120),
    'sg/4': group(5, 120),
    'sg/5': group(5, 110),
    'sg/6': group(5, 110),
  },
  conflicts: [
    ['sg/1', 'sg/4'],
    ['sg/2', 'sg/3'],
    ['sg/1', 'sg/5'],
    ['sg/1', 'sg/6'],
    ['sg/2', 'sg/5'],
    ['sg/2', 'sg/6'],
    ['sg/3', 'sg/5'],
    ['sg/3', 'sg/6'],
    ['sg/4', 'sg/5'],
    ['sg/4', 'sg/6'],
  ],
  intergreensS: [],
  stages: {
    '1': { green: ['sg/1', 'sg/3'], permissive: ['sg/2', 'sg/4'] },
    '2': { green: ['sg/2', 'sg/4'], permissive: [] },
    '3': { green: ['sg/5', 'sg/6'], permissive: [] },
  },
  cycleS: { min: 40, max: 120 },
  plans: {
    '1': { cycleS: 80, offsetS: 10, greensS: { '1': 30, '2': 10, '3': 22 }, stages: [1, 2, 3] },
    '2': { cycleS: 60, offsetS: 0, greensS: { '1': 20, '3': 20 }, stages: [1, 3] },
  },
  localPlan: 1,
  lanes: { 'ln/1': { groups: ['sg/1'], lengthM: 200 } },
}

for (const [a = '', b = ''] of crossing.conflicts) {
  const isCross = (name: string) => name === 'sg/5' || name === 'sg/6'
  crossing.intergreensS.push({ from: a, to: b, s: isCross(b) ? 6 : 5 })
  crossing.intergreensS.push({ from: b, to: a, s: isCross(b) ? 7 : 4 })
}

function group(minGreenS: number, maxRedS: number): Junction['groups'][string] {
  return { minGreenS, yellowS: 3, redYellowS: 1, maxRedS, kind: 'vehicle' }
}
