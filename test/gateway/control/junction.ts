/** A crossing of two streets for tests of control: lanes with sensors and detectors, a neighbour downstream. */
import type { Junction } from '../../../schemas/generated/messages.ts'
import { formatTimestamp } from '../../../schemas/time.ts'

export const startMs = Date.parse('2026-11-23T07:00:00.000Z')
export const node = 'north/tlc-001'
export const sensorNode = 'north/det-001'

export function crossing(changes: Partial<Junction> = {}): Junction {
  const group = { minGreenS: 5, yellowS: 3, redYellowS: 1, maxRedS: 120, kind: 'vehicle' as const }
  const lane = (number: number, groups: string[]): Junction['lanes'][string] => ({
    groups,
    sensor: { node: sensorNode, component: `ln/${number}` },
    detector: { node: sensorNode, component: `dl/${number}` },
    lengthM: 200,
  })
  return {
    node,
    groups: { 'sg/1': group, 'sg/2': group, 'sg/3': group, 'sg/4': group },
    conflicts: [
      ['sg/1', 'sg/2'],
      ['sg/1', 'sg/4'],
      ['sg/3', 'sg/2'],
      ['sg/3', 'sg/4'],
    ],
    intergreensS: [
      ['sg/1', 'sg/2'],
      ['sg/1', 'sg/4'],
      ['sg/3', 'sg/2'],
      ['sg/3', 'sg/4'],
    ].flatMap(([a = '', b = '']) => [
      { from: a, to: b, s: 5 },
      { from: b, to: a, s: 5 },
    ]),
    stages: {
      '1': { green: ['sg/1', 'sg/3'], permissive: [] },
      '2': { green: ['sg/2', 'sg/4'], permissive: [] },
    },
    cycleS: { min: 30, max: 120 },
    plans: {
      '1': { cycleS: 60, offsetS: 0, greensS: { '1': 25, '2': 25 }, stages: [1, 2] },
      '2': { cycleS: 90, offsetS: 0, greensS: { '1': 50, '2': 30 }, stages: [1, 2] },
    },
    localPlan: 1,
    lanes: {
      'ln/1': lane(1, ['sg/1']),
      'ln/2': lane(2, ['sg/2']),
      'ln/3': lane(3, ['sg/3']),
      'ln/4': lane(4, ['sg/4']),
    },
    ...changes,
  }
}

let seq = 0

export function status(from: string, code: string, atMs: number, values: object) {
  const entries = [{ ts: formatTimestamp(atMs), seq: seq++, values }]
  return { node: from, type: 'status' as const, code, value: { entries }, receivedAtMs: atMs }
}

export function lamps(atMs: number, stage: number | null, stageSinceMs = 0) {
  const green = stage === 1 ? ['sg/1', 'sg/3'] : stage === 2 ? ['sg/2', 'sg/4'] : []
  const groups = Object.fromEntries(
    ['sg/1', 'sg/2', 'sg/3', 'sg/4'].map((name) => [name, green.includes(name) ? 'G' : 'r']),
  )
  return status(node, 'tlc.groups', atMs, { groups, stage, stageSinceMs, cycleCounter: 0 })
}

export function mode(atMs: number, values: object = {}) {
  return status(node, 'tlc.mode', atMs, { mode: 'normal', control: 'central', ...values })
}

export function queues(atMs: number, lanes: Record<string, object> = {}) {
  const all = Object.fromEntries(
    ['ln/1', 'ln/2', 'ln/3', 'ln/4'].map((name) => [
      name,
      { queueVehicles: 2, queueMeters: 15, approachingVehicles: 1, ...lanes[name] },
    ]),
  )
  return status(sensorNode, 'traffic.queue', atMs, { lanes: all })
}
