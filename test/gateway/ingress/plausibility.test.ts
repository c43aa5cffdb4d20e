import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createLocalRun } from '../../../devices-sim/local-run.ts'
import { createStreet } from '../../../devices-sim/street/street.ts'
import {
  createPlausibility,
  type DetectorFaultNotice,
  detectorFaultMessage,
} from '../../../gateway/ingress/plausibility.ts'
import { isTopic, parseTopic } from '../../../schemas/topics.ts'
import { validateMessage } from '../../../schemas/validators.ts'

const minuteMs = 60_000
const baseMs = Date.parse('2026-11-22T07:00:00.000Z')
const parsed = parseTopic('north/det-1/status/traffic.count/1min')
if (!isTopic(parsed)) throw new Error('the topic is none')
const topic = parsed

type Values = { vehicles: number; occupancy?: number | null; speed?: number | null }

function detector(options: { detectorsMax?: number } = {}) {
  const faults: DetectorFaultNotice[] = []
  const plausibility = createPlausibility({ ...options, onFault: (fault) => faults.push(fault) })
  let at = 0
  function window(values: Values, windowMs = minuteMs, component = 'dl/1') {
    at += 1
    const ts = new Date(baseMs + at * windowMs).toISOString()
    const message = {
      entries: [{ ts, seq: at, values: { windowMs, detectors: { [component]: values } } }],
    }
    return plausibility.judge(topic, message, baseMs)?.[component]
  }
  const told = () => faults.map(({ kind, isActive }) => `${kind} ${isActive ? 'on' : 'off'}`)
  /** Ordinary traffic: numbers that move, and fit each other. */
  const ordinary = (at: number): Values => {
    const vehicles = 8 + ((at * 7) % 9)
    const speed = 42 + ((at * 5) % 13)
    const lengthMeters = 6.5 + ((at * 3) % 5) / 10
    return {
      vehicles,
      speed,
      occupancy: Math.round(((vehicles * lengthMeters) / (speed / 3.6) / 60) * 1000) / 10,
    }
  }
  return { plausibility, faults, window, told, ordinary }
}

test('ordinary traffic, a quiet night and a queue on the detector are left alone', () => {
  const { window, told, ordinary } = detector()
  const qualities = new Set<string | undefined>()
  for (let at = 0; at < 300; at++) qualities.add(window(ordinary(at)))
  for (let at = 0; at < 300; at++) qualities.add(window({ vehicles: 0, occupancy: 0, speed: null }))
  for (let at = 0; at < 15; at++)
    qualities.add(window({ vehicles: 0, occupancy: 100, speed: null }))
  for (let at = 0; at < 60; at++)
    qualities.add(
      window({ vehicles: 3 + (at % 4), occupancy: 55 + (at % 9), speed: 12 + (at % 5) }),
    )
  expect([...qualities]).toEqual([undefined])
  expect(told()).toEqual([])
})

test.each([
  ['more vehicles than seconds', { vehicles: 75, occupancy: 90, speed: 30 }, 'chattering'],
  ['a speed nobody drives', { vehicles: 5, occupancy: 3, speed: 240 }, 'implausible'],
  ['a speed without a vehicle', { vehicles: 0, occupancy: 0, speed: 50 }, 'implausible'],
  ['vehicles shorter than any', { vehicles: 30, occupancy: 1, speed: 30 }, 'implausible'],
] as const)('%s is undefined at once, and a fault when it lasts', (_, values, kind) => {
  const { window, told, ordinary } = detector()
  for (let at = 0; at < 5; at++) expect(window(ordinary(at))).toBeUndefined()
  expect(window(values)).toBe('undefined')
  expect(window({ ...values, vehicles: values.vehicles && values.vehicles + 1 })).toBe('undefined')
  expect(told()).toEqual([])
  expect(window(values)).toBe('undefined')
  expect(told()).toEqual([`${kind} on`])
})

test('a fault is over only after more good windows than bad ones, and says since when it was', () => {
  const { window, faults, told, ordinary } = detector()
  for (let at = 0; at < 4; at++) window({ vehicles: 5, occupancy: 3 + at, speed: 240 })
  expect(told()).toEqual(['implausible on'])
  expect(faults[0]).toMatchObject({
    node: 'north/det-1',
    component: 'dl/1',
    sinceMs: baseMs + minuteMs,
  })
  // Possible again, but not yet believed.
  expect(window(ordinary(0))).toBe('unknown')
  // An empty minute proves nothing.
  for (let at = 0; at < 20; at++)
    expect(window({ vehicles: 0, occupancy: 0, speed: null })).toBe('unknown')
  for (let at = 1; at < 3; at++) expect(window(ordinary(at))).toBe('unknown')
  expect(window(ordinary(3))).toBeUndefined()
  expect(told()).toEqual(['implausible on', 'implausible off'])
})

test('one bad window now and then is no fault', () => {
  const { window, told, ordinary } = detector()
  for (let at = 0; at < 60; at++)
    window(at % 3 === 0 ? { vehicles: 5, occupancy: 3, speed: 240 } : ordinary(at))
  expect(told()).toEqual([])
})

test('values that do not move are stuck, and it is over when they move', () => {
  const { window, told, ordinary } = detector()
  const same = { vehicles: 7, occupancy: 5.5, speed: 48.1 }
  for (let at = 0; at < 9; at++) expect(window(same)).toBeUndefined()
  expect(window(same)).toBe('unknown')
  expect(told()).toEqual(['stuck on'])
  window(ordinary(1))
  expect(told()).toEqual(['stuck on', 'stuck off'])
})

test('a count alone may repeat for longer, and small counts for ever', () => {
  const { window, told } = detector()
  for (let at = 0; at < 200; at++) expect(window({ vehicles: 2 })).toBeUndefined()
  for (let at = 0; at < 19; at++) expect(window({ vehicles: 9 })).toBeUndefined()
  expect(window({ vehicles: 9 })).toBe('unknown')
  expect(told()).toEqual(['stuck on'])
})

test('presence that does not end is stuck', () => {
  const { window, told, ordinary } = detector()
  for (let at = 0; at < 19; at++) expect(window({ vehicles: 0, occupancy: 100 })).toBeUndefined()
  expect(window({ vehicles: 0, occupancy: 100 })).toBe('unknown')
  expect(told()).toEqual(['stuck on'])
  window(ordinary(1))
  expect(told()).toEqual(['stuck on', 'stuck off'])
})

test('occupied in part, window after window, and nobody counted is undefined', () => {
  const { window } = detector()
  const found = Array.from({ length: 12 }, (_, at) => window({ vehicles: 0, occupancy: 20 + at }))
  expect(found.slice(0, 9)).toEqual(Array(9).fill(undefined))
  expect(found.slice(9)).toEqual(Array(3).fill('undefined'))
})

test('a road that carried traffic and is empty for half a day has a dead detector', () => {
  const { window, told, ordinary } = detector()
  const empty = { vehicles: 0, occupancy: 0, speed: null }
  for (let at = 0; at < 60; at++) window(ordinary(at))
  for (let at = 0; at < 719; at++) expect(window(empty)).toBeUndefined()
  expect(window(empty)).toBe('unknown')
  expect(told()).toEqual(['dead on'])
  window(ordinary(1))
  expect(told()).toEqual(['dead on', 'dead off'])
})

test('a detector that never saw anybody is not called dead', () => {
  const { window, told } = detector()
  for (let at = 0; at < 1_500; at++) window({ vehicles: 0, occupancy: 0, speed: null })
  expect(told()).toEqual([])
})

test('a level that jumps is unknown, and taken as the new one when it stays', () => {
  const { window, told } = detector()
  const level = (vehicles: number, at: number) =>
    window({ vehicles: vehicles + (at % 3), occupancy: null })
  for (let at = 0; at < 90; at++) level(8, at)
  expect(level(50, 1)).toBe('unknown')
  expect(told()).toEqual([])
  for (let at = 0; at < 120; at++) level(50, at)
  expect(told()).toEqual(['jump on', 'jump off'])
  expect(level(50, 1)).toBeUndefined()
})

test('a rush hour that grows within minutes is no jump', () => {
  const { window, told } = detector()
  for (let at = 0; at < 300; at++) {
    const vehicles = Math.round(4 + Math.max(0, Math.min(36, (at - 120) * 0.8))) + (at % 4)
    expect(window({ vehicles, occupancy: null })).toBeUndefined()
  }
  expect(told()).toEqual([])
})

test('a copy of a window, or one filled in later, disturbs nothing', () => {
  const { plausibility, faults } = detector()
  const message = (at: number) => {
    const ts = new Date(baseMs + at * minuteMs).toISOString()
    const detectors = { 'dl/1': { vehicles: 7, occupancy: 5.5, speed: 48.1 } }
    return { entries: [{ ts, seq: at, values: { windowMs: minuteMs, detectors } }] }
  }
  plausibility.judge(topic, message(100), baseMs)
  for (let at = 0; at < 50; at++) {
    expect(plausibility.judge(topic, message(100), baseMs)).toBeUndefined()
    expect(plausibility.judge(topic, message(at), baseMs)).toBeUndefined()
  }
  expect(faults).toEqual([])
})

test('a fault that was active before a restart is told over when it is', () => {
  const { plausibility, window, told, ordinary } = detector()
  const fault = { node: 'north/det-1', component: 'dl/1', kind: 'stuck', sinceMs: baseMs } as const
  plausibility.restore([fault])
  expect(window(ordinary(1))).toBe('unknown')
  for (let at = 2; at < 10; at++) window(ordinary(at))
  expect(told()).toEqual(['stuck off'])
})

test('a detector too many pushes out the one silent longest', () => {
  const { window, told } = detector({ detectorsMax: 2 })
  const same = { vehicles: 7, occupancy: 5.5, speed: 48.1 }
  for (let at = 0; at < 8; at++) window(same, minuteMs, 'dl/1')
  window(same, minuteMs, 'dl/2')
  window(same, minuteMs, 'dl/3')
  for (let at = 0; at < 5; at++) window(same, minuteMs, 'dl/1')
  expect(told()).toEqual([])
})

test('the built-in street has no faults of its own, by night, by day, and when it is jammed', async () => {
  for (const [demandFactor, hours] of [
    [0.3, 3],
    [1, 6],
    [1.6, 1],
  ] as const) {
    const { faults, doubtful } = await watchStreet(demandFactor, hours)
    expect(faults).toEqual([])
    expect(doubtful).toBe(0)
  }
})

/** Shows hours of the street under its local plans, from four in the morning on. */
async function watchStreet(demandFactor: number, hours: number) {
  const startMs = Date.parse('2026-11-23T04:00:00.000Z')
  const layout = { zone: 'north', junctions: 2, linkM: [300], entryM: 300 }
  const run = createLocalRun(createStreet({ layout, seed: 1, startMs, demandFactor }), 1000)
  const faults: DetectorFaultNotice[] = []
  const plausibility = createPlausibility({ onFault: (fault) => faults.push(fault) })
  const sums = new Map<string, { vehicles: number; occupiedMs: number; speedSumKmh: number }>()
  let doubtful = 0
  for (let second = 1; second <= hours * 3600; second++) {
    await run.step(1000)
    for (const { node, detectors } of run.world.sensors) {
      const reading = run.world.readSensor(node)
      const values: Record<string, Values> = {}
      for (const name of detectors) {
        const key = `${node} ${name}`
        const sum = sums.get(key) ?? { vehicles: 0, occupiedMs: 0, speedSumKmh: 0 }
        const step = reading.detectors[name]!
        const { vehicles, occupiedMs, speedSumKmh } = {
          vehicles: sum.vehicles + step.vehicles,
          occupiedMs: sum.occupiedMs + step.occupiedMs,
          speedSumKmh: sum.speedSumKmh + step.speedSumKmh,
        }
        sums.set(key, { vehicles, occupiedMs, speedSumKmh })
        if (second % 60 !== 0) continue
        const speed = vehicles === 0 ? null : Math.round((speedSumKmh / vehicles) * 10) / 10
        values[name] = { vehicles, occupancy: Math.round(occupiedMs / 60) / 10, speed }
        sums.delete(key)
      }
      if (second % 60 !== 0) continue
      const ts = new Date(startMs + second * 1000).toISOString()
      const message = {
        entries: [{ ts, seq: second, values: { windowMs: minuteMs, detectors: values } }],
      }
      const found = plausibility.judge({ ...topic, node: node as never }, message, startMs)
      doubtful += Object.keys(found ?? {}).length
    }
  }
  return { faults, doubtful }
}

test('the notice as an alarm fits its schema', () => {
  const { window, faults } = detector()
  for (let at = 0; at < 3; at++) window({ vehicles: 5, occupancy: 3, speed: 240 })
  const message = detectorFaultMessage(faults[0]!)
  expect(validateMessage('alarm', 'detector.fault', message)).toBeUndefined()
})

test('whatever it is shown, raised and cleared alternate, and no judgement is lost to a NaN', () => {
  const values = fc.record({
    vehicles: fc.nat(200),
    occupancy: fc.option(fc.double({ min: 0, max: 100, noNaN: true })),
    speed: fc.option(fc.double({ min: 0, max: 250, noNaN: true })),
  })
  fc.assert(
    fc.property(fc.array(values, { maxLength: 120 }), (windows) => {
      const { window, faults } = detector()
      for (const each of windows) window(each)
      const active = new Set<string>()
      for (const { kind, isActive } of faults) {
        expect(active.has(kind)).toBe(!isActive)
        if (isActive) active.add(kind)
        else active.delete(kind)
      }
    }),
  )
})
