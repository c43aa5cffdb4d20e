/** A junction of three arms: who turns left out of ln/2 gives way to ln/1 coming towards him; ln/3 is the stem. */
import type { Junction } from '../../../../schemas/generated/messages.ts'
import { crossing } from './crossing.ts'

export const group = {
  minGreenS: 5,
  yellowS: 3,
  redYellowS: 0,
  maxRedS: 120,
  kind: 'vehicle' as const,
}

export const tee: Junction = {
  ...crossing,
  groups: { 'sg/1': group, 'sg/2': group, 'sg/3': group },
  conflicts: [
    ['sg/1', 'sg/2'],
    ['sg/1', 'sg/3'],
    ['sg/2', 'sg/3'],
  ],
  intergreensS: ['sg/1', 'sg/2', 'sg/3'].flatMap((from, _, all) =>
    all.flatMap((to) => (from === to ? [] : [{ from, to, s: 4 }])),
  ),
  stages: {
    '1': { green: ['sg/1'], permissive: ['sg/2'] },
    '2': { green: ['sg/3'], permissive: [] },
  },
  lanes: {
    'ln/1': { groups: ['sg/1'], lengthM: 200 },
    'ln/2': { groups: ['sg/2'], lengthM: 200 },
    'ln/3': { groups: ['sg/3'], lengthM: 200 },
  },
}
