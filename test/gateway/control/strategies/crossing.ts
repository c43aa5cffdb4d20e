/** A crossing of two one-way streets, and views of it: the smallest junction a strategy can be asked about. */
import type {
  JunctionView,
  LaneFlow,
  LaneView,
  SignalView,
} from '../../../../gateway/control/ports.ts'
import type { Junction } from '../../../../schemas/generated/messages.ts'

const group = { minGreenS: 5, yellowS: 3, redYellowS: 0, maxRedS: 120, kind: 'vehicle' as const }

export const crossing: Junction = {
  node: 'test/tlc-001',
  groups: { 'sg/1': group, 'sg/2': group },
  conflicts: [['sg/1', 'sg/2']],
  intergreensS: [
    { from: 'sg/1', to: 'sg/2', s: 4 },
    { from: 'sg/2', to: 'sg/1', s: 4 },
  ],
  stages: {
    '1': { green: ['sg/1'], permissive: [] },
    '2': { green: ['sg/2'], permissive: [] },
  },
  cycleS: { min: 30, max: 120 },
  plans: { '1': { cycleS: 60, offsetS: 0, greensS: { '1': 26, '2': 26 }, stages: [1, 2] } },
  localPlan: 1,
  lanes: {
    'ln/1': { groups: ['sg/1'], lengthM: 200 },
    'ln/2': { groups: ['sg/2'], lengthM: 200 },
  },
}

export function laneView(change: Partial<LaneView> = {}): LaneView {
  return {
    queueVehicles: 0,
    queueMeters: 0,
    approachingVehicles: 0,
    passedVehicles: 0,
    arrivalsS: [],
    blockedVehicles: 0,
    rangeMeters: 200,
    seenAtMs: 0,
    isTrusted: true,
    ...change,
  }
}

export function flow(vehiclesPerHour: number, confidence = 1): LaneFlow {
  return {
    vehiclesPerHour5: vehiclesPerHour,
    vehiclesPerHour15: vehiclesPerHour,
    confidence,
    model: 'test',
    newestReadingAtMs: 0,
  }
}

export function signalView(change: Partial<SignalView> = {}): SignalView {
  return {
    groups: { 'sg/1': 'G', 'sg/2': 'r' },
    stage: 1,
    nextStage: null,
    stageSinceMs: 10_000,
    cycleCounter: 1,
    timing: { plan: 1, cycleS: 60, offsetS: 0, greensS: { '1': 26, '2': 26 } },
    seenAtMs: 0,
    ...change,
  }
}

export function viewOf(change: Partial<JunctionView>): JunctionView {
  return {
    nowMs: 0,
    junction: crossing,
    signal: signalView(),
    lanes: { 'ln/1': laneView(), 'ln/2': laneView() },
    flows: {},
    neighbours: {},
    ...change,
  }
}
