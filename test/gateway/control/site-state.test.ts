/** What the street shows, gathered: the newest of each, ages, trust, and since when a group has been red. */
import { expect, test } from 'vitest'
import type { FlowForecaster } from '../../../gateway/control/ports.ts'
import { createSiteState } from '../../../gateway/control/site-state.ts'
import type { Junction } from '../../../schemas/generated/messages.ts'
import { formatTimestamp } from '../../../schemas/time.ts'
import { crossing, lamps, mode, node, queues, sensorNode, startMs, status } from './junction.ts'

const silent: FlowForecaster = { forecast: () => undefined }

function site(options: { junctions?: Junction[]; forecaster?: FlowForecaster } = {}) {
  const junctions = new Map((options.junctions ?? [crossing()]).map((it) => [it.node, it]))
  return createSiteState({ junctions, forecaster: options.forecaster ?? silent })
}

function fault(code: string, from: string, component: string | undefined, active: boolean) {
  const values = { kind: code === 'tlc.fault' ? 'lamp' : 'stuck' }
  const entries = [
    { ts: formatTimestamp(startMs), ...(component && { component }), active, values },
  ]
  return { node: from, type: 'alarm' as const, code, value: { entries }, receivedAtMs: startMs }
}

test('there is no view before the controller has shown its lamps', () => {
  const state = site()
  state.observe(queues(startMs))
  expect(state.view(node, startMs)).toBeUndefined()
  state.observe(lamps(startMs, 1))
  expect(state.view(node, startMs)?.signal.stage).toBe(1)
})

test('the newest entry counts; an older one that comes late changes nothing', () => {
  const state = site()
  state.observe(lamps(startMs + 2000, 2))
  state.observe(lamps(startMs, 1))
  state.observe(queues(startMs + 2000, { 'ln/1': { queueVehicles: 7 } }))
  state.observe(queues(startMs, { 'ln/1': { queueVehicles: 1 } }))
  const view = state.view(node, startMs + 2000)
  expect(view?.signal.stage).toBe(2)
  expect(view?.lanes['ln/1']?.queueVehicles).toBe(7)
})

test('a controller whose clock ran ahead looks no fresher for it, and is heard again once the clock is right', () => {
  const state = site()
  const aheadMs = 3_600_000
  const ahead = {
    ...lamps(startMs + aheadMs, 1),
    receivedAtMs: startMs,
    notes: { future: true as const },
  }
  const queueAhead = { ...queues(startMs + aheadMs), receivedAtMs: startMs, notes: ahead.notes }
  state.observe(ahead)
  state.observe(queueAhead)
  expect(state.condition(node, startMs + 60_000)).toMatchObject({
    signalAgeMs: 60_000,
    freshLaneShare: 0,
  })
  expect(state.knowledge(node, startMs + 60_000)?.groups['sg/2']?.redSinceAtMs).toBeLessThanOrEqual(
    startMs,
  )
  state.observe(lamps(startMs + 61_000, 2))
  state.observe(queues(startMs + 61_000, { 'ln/1': { queueVehicles: 9 } }))
  const view = state.view(node, startMs + 61_000)
  expect(view?.signal.stage).toBe(2)
  expect(view?.lanes['ln/1']?.queueVehicles).toBe(9)
})

test('how long a stage has been green is told as of now', () => {
  const state = site()
  state.observe(lamps(startMs, 1, 4000))
  expect(state.view(node, startMs + 3000)?.signal.stageSinceMs).toBe(7000)
})

test('a lane is trusted while its values are fresh, good, and its detector has no fault', () => {
  const state = site()
  state.observe(lamps(startMs, 1))
  state.observe(queues(startMs, { 'ln/2': { quality: 'unknown' } }))
  const trusted = (atMs: number) =>
    Object.entries(state.view(node, atMs)?.lanes ?? {})
      .filter(([, lane]) => lane.isTrusted)
      .map(([name]) => name)
  expect(trusted(startMs)).toEqual(['ln/1', 'ln/3', 'ln/4'])
  state.observe(fault('detector.fault', sensorNode, 'ln/3', true))
  expect(trusted(startMs)).toEqual(['ln/1', 'ln/4'])
  state.observe(fault('detector.fault', sensorNode, 'ln/3', false))
  expect(trusted(startMs)).toEqual(['ln/1', 'ln/3', 'ln/4'])
  expect(trusted(startMs + 31_000)).toEqual([])
})

test('what the door doubts is not trusted', () => {
  const state = site()
  state.observe(lamps(startMs, 1))
  state.observe({ ...queues(startMs), notes: { qualities: { 'ln/1': 'undefined' } } })
  expect(state.view(node, startMs)?.lanes['ln/1']?.isTrusted).toBe(false)
})

test('a group that nobody watches any more is named', () => {
  const state = site()
  state.observe(lamps(startMs, 1))
  state.observe(queues(startMs))
  expect(state.condition(node, startMs).blindGroups).toEqual([])
  state.observe(fault('detector.fault', sensorNode, 'ln/3', true))
  expect(state.condition(node, startMs)).toMatchObject({
    blindGroups: ['sg/3'],
    freshLaneShare: 1,
  })
})

test('a fault of the controller holds until it is over', () => {
  const state = site()
  state.observe(fault('tlc.fault', node, undefined, true))
  expect(state.condition(node, startMs).hasFault).toBe(true)
  state.observe(fault('tlc.fault', node, undefined, false))
  expect(state.condition(node, startMs).hasFault).toBe(false)
})

test('a group is red since the status that first showed it, or the one before where one is missing', () => {
  const state = site()
  const redSince = () => state.knowledge(node, startMs)?.groups['sg/1']?.redSinceAtMs
  const groups = (lamp: string) => ({ groups: { 'sg/1': lamp }, stage: 1, cycleCounter: 5 })
  const seen = (seq: number, atMs: number, lamp: string) => {
    const message = status(node, 'tlc.groups', atMs, groups(lamp))
    message.value.entries[0]!.seq = seq
    state.observe(message)
  }
  seen(1, startMs, 'G')
  expect(redSince()).toBeUndefined()
  seen(2, startMs + 20_000, 'y')
  expect(redSince()).toBe(startMs + 20_000)
  seen(3, startMs + 23_000, 'r')
  expect(redSince()).toBe(startMs + 20_000)
  seen(4, startMs + 40_000, 'G')
  seen(6, startMs + 60_000, 'r')
  expect(redSince()).toBe(startMs + 40_000)
})

test('a group first seen red in the middle of a plan may have been red as long as the plan allows', () => {
  const state = site()
  const groups = { 'sg/1': 'r', 'sg/2': 'r' }
  state.observe(status(node, 'tlc.groups', startMs, { groups, stage: 2, cycleCounter: 5 }))
  // 60 s cycle, 25 s green.
  expect(state.knowledge(node, startMs)?.groups['sg/1']?.redSinceAtMs).toBe(startMs - 35_000)
})

test('flows come from the forecast of the stop-line detector, in vehicles per hour', () => {
  let asked = 0
  const forecaster: FlowForecaster = {
    forecast(from, component) {
      asked += 1
      if (from !== sensorNode || component !== 'dl/1') return undefined
      const horizons = [
        { horizonMin: 5, p50: 10 },
        { horizonMin: 15, p50: 12 },
      ]
      return { newestReadingAtMs: startMs - 1000, model: 'profile', confidence: 0.7, horizons }
    },
  }
  const state = site({ forecaster })
  state.observe(lamps(startMs, 1))
  expect(state.view(node, startMs)?.flows).toEqual({
    'ln/1': {
      vehiclesPerHour5: 120,
      vehiclesPerHour15: 144,
      confidence: 0.7,
      model: 'profile',
      newestReadingAtMs: startMs - 1000,
    },
  })
  state.view(node, startMs + 1000)
  expect(asked).toBe(4)
})

test('a young forecast is no distrusted one; one that was good and is lost counts as nothing', () => {
  let confidence: number | undefined = 0.1
  const horizons = [{ horizonMin: 5, p50: 10 }]
  const forecaster: FlowForecaster = {
    forecast: () =>
      confidence === undefined
        ? undefined
        : { newestReadingAtMs: startMs, model: 'm', confidence, horizons },
  }
  const state = site({ forecaster })
  const confidenceAt = (atMs: number) => state.condition(node, atMs).forecastConfidence
  expect(confidenceAt(startMs)).toBeUndefined()
  confidence = 0.6
  expect(confidenceAt(startMs + 20_000)).toBeCloseTo(0.6)
  confidence = 0.1
  expect(confidenceAt(startMs + 40_000)).toBeCloseTo(0.1)
  confidence = undefined
  expect(confidenceAt(startMs + 60_000)).toBe(0)
})

test('a neighbour is seen from both sides', () => {
  const downstream = [{ node: 'north/tlc-002', lane: 'ln/1', distanceM: 200 }]
  const first = crossing()
  first.lanes['ln/1'] = { ...first.lanes['ln/1']!, downstream }
  const second = crossing({ node: 'north/tlc-002' })
  const state = site({ junctions: [first, second] })
  state.observe(lamps(startMs, 1))
  state.observe({ ...lamps(startMs, 2), node: 'north/tlc-002' })
  expect(state.view(node, startMs)?.neighbours['north/tlc-002']?.signal.stage).toBe(2)
  expect(state.view('north/tlc-002', startMs)?.neighbours[node]?.signal.stage).toBe(1)
})

test('the age of the controller is that of its newest status of any kind', () => {
  const state = site()
  expect(state.condition(node, startMs).signalAgeMs).toBeUndefined()
  state.observe(lamps(startMs, 1))
  state.observe(mode(startMs + 9000, { control: 'local' }))
  expect(state.condition(node, startMs + 10_000)).toMatchObject({
    signalAgeMs: 1000,
    control: 'local',
  })
})

/** The gateway's clock is put back by this much; the devices follow, or stay where they were. */
const backMs = 600_000

test('after our clock was put back the next statuses count, whether or not the devices went back with it', () => {
  for (const isGatewayOnly of [false, true]) {
    const state = site()
    state.observe(lamps(startMs, 1))
    state.observe(mode(startMs))
    state.observe(queues(startMs))
    const nowMs = startMs - backMs + 1000
    const seen = (message: ReturnType<typeof status>) =>
      isGatewayOnly
        ? { ...message, receivedAtMs: nowMs, notes: { future: true as const } }
        : message
    const atMs = isGatewayOnly ? startMs + 1000 : nowMs
    state.observe(seen(lamps(atMs, 2)))
    state.observe(seen(mode(atMs, { control: 'manual' })))
    state.observe(seen(queues(atMs, { 'ln/1': { queueVehicles: 9 } })))
    expect(state.view(node, nowMs)).toMatchObject({
      signal: { stage: 2, seenAtMs: nowMs },
      lanes: { 'ln/1': { queueVehicles: 9, seenAtMs: nowMs, isTrusted: true } },
    })
    expect(state.condition(node, nowMs)).toMatchObject({ signalAgeMs: 0, control: 'manual' })
  }
})

test('what was seen before our clock was put back is fresh no more', () => {
  const state = site()
  state.observe(lamps(startMs, 1))
  state.observe(mode(startMs))
  state.observe(queues(startMs))
  const nowMs = startMs - 7_000
  expect(state.condition(node, nowMs)).toMatchObject({ signalAgeMs: -7_000, freshLaneShare: 0 })
  expect(state.view(node, nowMs)?.lanes['ln/1']?.isTrusted).toBe(false)
  // A clock of a device that runs a little ahead is none that was put back.
  expect(state.condition(node, startMs - 5_000)).toMatchObject({
    signalAgeMs: 0,
    freshLaneShare: 1,
  })
})

test('one status of the new time is enough to know the controller again', () => {
  const state = site()
  state.observe(lamps(startMs, 1))
  state.observe(mode(startMs))
  state.observe(lamps(startMs - backMs, 1))
  expect(state.condition(node, startMs - backMs + 2000).signalAgeMs).toBe(2000)
})

test('how long a group has been red outlives a clock that is put back', () => {
  const groupsAt = (seq: number, atMs: number, lamp: string) => {
    const values = { groups: { 'sg/1': lamp }, stage: 1, cycleCounter: 5 }
    const message = status(node, 'tlc.groups', atMs, values)
    message.value.entries[0]!.seq = seq
    return message
  }
  const redSinceAfter = (seq: number, before: string) => {
    const state = site()
    state.observe(groupsAt(1, startMs - 50_000, 'G'))
    state.observe(groupsAt(2, startMs - 45_000, before))
    state.observe(groupsAt(3, startMs, before))
    state.observe(groupsAt(seq, startMs - backMs, 'r'))
    return state.knowledge(node, startMs - backMs)?.groups['sg/1']?.redSinceAtMs
  }
  expect(redSinceAfter(4, 'r')).toBe(startMs - backMs - 45_000)
  expect(redSinceAfter(4, 'G')).toBe(startMs - backMs)
  // Statuses are missing: for how long nobody knows, so it may have been red as long as the plan allows.
  expect(redSinceAfter(9, 'G')).toBe(startMs - backMs - 35_000)
  expect(redSinceAfter(9, 'r')).toBe(startMs - backMs - 45_000)
})

test('a group that the controller names no more may be red since it was last seen green, and stays as red as it was', () => {
  const state = site()
  const shown = (atMs: number, groups: object) =>
    status(node, 'tlc.groups', atMs, { groups, stage: 1, cycleCounter: 5 })
  state.observe(shown(startMs, { 'sg/1': 'G', 'sg/2': 'r' }))
  state.observe(shown(startMs + 20_000, { 'sg/3': 'G' }))
  state.observe(shown(startMs + 40_000, { 'sg/3': 'G' }))
  const known = state.knowledge(node, startMs + 40_000)?.groups
  expect(known?.['sg/1']?.redSinceAtMs).toBe(startMs)
  expect(known?.['sg/2']?.redSinceAtMs).toBe(startMs - 35_000)
  expect(known?.['sg/3']?.redSinceAtMs).toBeUndefined()
  expect(known?.['sg/4']).toBeUndefined()
  state.observe(shown(startMs + 60_000, { 'sg/1': 'G' }))
  expect(state.knowledge(node, startMs + 60_000)?.groups['sg/1']?.redSinceAtMs).toBeUndefined()
})

test('no mode is taken for granted before the controller has told it', () => {
  const state = site()
  state.observe(lamps(startMs, 1))
  const unknown = { mode: undefined, control: undefined }
  expect(state.knowledge(node, startMs)).toMatchObject(unknown)
  expect(state.condition(node, startMs)).toMatchObject(unknown)
  state.observe(mode(startMs))
  const told = { mode: 'normal', control: 'central' }
  expect(state.knowledge(node, startMs)).toMatchObject(told)
  expect(state.condition(node, startMs)).toMatchObject(told)
})
