import { expect, test } from 'vitest'
import { createLocalRun } from '../../../devices-sim/local-run.ts'
import { createStreet } from '../../../devices-sim/street/street.ts'
import { createQueueChecks } from '../../../gateway/ingress/queue-checks.ts'
import { crossing, sensorNode } from '../control/junction.ts'

const minuteMs = 60_000
const baseMs = Date.parse('2026-11-22T07:00:00.000Z')

type Shown = {
  queueVehicles: number
  queueMeters: number
  approachingVehicles: number
  rangeMeters?: number
}

function lane() {
  const faults: { kind: string; isActive: boolean; sinceMs: number; text: string }[] = []
  const junction = crossing()
  const checks = createQueueChecks(new Map([[junction.node, junction]]), (fault) =>
    faults.push(fault),
  )
  let seq = 0
  return {
    checks,
    faults,
    told: () => faults.map(({ kind, isActive }) => `${kind} ${isActive ? 'on' : 'off'}`),
    /** A minute of the street: what the sensor shows, and what was counted at the stop line. */
    show(shown: Partial<Shown>, passed = 0, component = 'ln/1') {
      seq += 1
      const ts = new Date(baseMs + seq * minuteMs).toISOString()
      checks.count(sensorNode, 'dl/1', passed)
      const full = { queueVehicles: 0, queueMeters: 0, approachingVehicles: 0, ...shown }
      const entries = [{ ts, seq, values: { lanes: { [component]: full } } }]
      return checks.judge(sensorNode, entries)?.[component]
    },
  }
}

const queue = (vehicles: number) => ({ queueVehicles: vehicles, queueMeters: vehicles * 7 })

test('an ordinary queue, an empty night and a full lane are left alone', () => {
  const { show, told } = lane()
  const qualities = new Set<string | undefined>()
  for (let i = 0; i < 60; i++) qualities.add(show(queue(i % 9), 12))
  for (let i = 0; i < 600; i++) qualities.add(show({}))
  for (let i = 0; i < 60; i++) qualities.add(show(queue(28 + (i % 3)), 12))
  // Nothing moves: a closed road, not a fault of the sensor.
  for (let i = 0; i < 120; i++) qualities.add(show(queue(28)))
  expect([...qualities]).toEqual([undefined])
  expect(told()).toEqual([])
})

test.each([
  ['longer than its lane', { queueVehicles: 60, queueMeters: 420 }],
  ['longer than the sensor sees', { queueVehicles: 20, queueMeters: 150, rangeMeters: 80 }],
  ['without a vehicle', { queueVehicles: 0, queueMeters: 60 }],
  ['shorter than its vehicles', { queueVehicles: 25, queueMeters: 30 }],
])('a queue %s is no value, and after some time a fault until it is ordinary', (_, shown) => {
  const { show, told, faults } = lane()
  show(queue(3))
  for (let i = 0; i < 4; i++) expect(show(shown)).toBe('undefined')
  expect(told()).toEqual([])
  show(shown)
  expect(told()).toEqual(['implausible on'])
  expect(faults[0]!.text).toMatch(/m/)
  expect(show(queue(3))).toBe('unknown')
  for (let i = 0; i < 10; i++) show(queue(2 + (i % 3)), 10)
  expect(told()).toEqual(['implausible on', 'implausible off'])
  expect(show(queue(3))).toBeUndefined()
})

test('a queue that stands for half an hour while vehicles pass is stuck until it changes', () => {
  const { show, told } = lane()
  for (let i = 0; i < 31; i++) show(queue(6), 5)
  expect(told()).toEqual(['stuck on'])
  expect(show(queue(6), 5)).toBe('unknown')
  show(queue(4), 5)
  expect(told()).toEqual(['stuck on', 'stuck off'])
})

test('a sensor that sees nobody while a hundred vehicles pass is dead until it sees one', () => {
  const { show, told, faults } = lane()
  show(queue(1), 5)
  for (let i = 0; i < 40; i++) show({}, 5)
  expect(told()).toEqual(['dead on'])
  expect(faults[0]!.text).toMatch(/nobody while \d+ vehicles passed/)
  show({ approachingVehicles: 1 }, 5)
  expect(told()).toEqual(['dead on', 'dead off'])
})

test('lanes that no junction document names, old entries and copies are judged by nothing', () => {
  const { checks, show, told } = lane()
  for (let i = 0; i < 20; i++) expect(show({ queueMeters: 400 }, 0, 'ln/9')).toBeUndefined()
  show(queue(3))
  const old = { ts: new Date(baseMs).toISOString(), seq: 0 }
  const lanes = { 'ln/1': { queueVehicles: 0, queueMeters: 400, approachingVehicles: 0 } }
  for (let i = 0; i < 20; i++)
    expect(checks.judge(sensorNode, [{ ...old, values: { lanes } }])).toBeUndefined()
  expect(told()).toEqual([])
})

test('what was active before a restart is over when the queue is ordinary', () => {
  const { checks, show, told } = lane()
  const fault = { node: sensorNode, component: 'ln/1', sinceMs: baseMs - minuteMs }
  checks.restore([
    { ...fault, kind: 'implausible' },
    { ...fault, kind: 'stuck' },
    { ...fault, kind: 'chattering' },
    { ...fault, kind: 'dead', component: 'ln/77' },
  ])
  expect(show(queue(4), 5)).toBe('unknown')
  for (let i = 0; i < 40; i++) show(queue(2 + (i % 3)), 5)
  expect(told()).toEqual(['stuck off', 'implausible off'])
})

test('the queues of the built-in street have no faults, jammed or not', async () => {
  for (const [demandFactor, minutes] of [
    [1, 120],
    [1.6, 60],
  ] as const)
    expect(await watchStreet(demandFactor, minutes)).toEqual([])
})

/** The street under its local plans, from seven in the morning on, entry by entry. */
async function watchStreet(demandFactor: number, minutes: number): Promise<readonly unknown[]> {
  const startMs = Date.parse('2026-11-23T07:00:00.000Z')
  const layout = { zone: 'north', junctions: 2, linkM: [300], entryM: 300 }
  const street = createStreet({ layout, seed: 1, startMs, demandFactor })
  const run = createLocalRun(street, 1000)
  const junctions = new Map(run.world.junctions.map((junction) => [junction.node, junction]))
  const found: unknown[] = []
  const checks = createQueueChecks(junctions, (fault) => found.push(fault))
  for (let second = 1; second <= minutes * 60; second++) {
    await run.step(1000)
    const ts = new Date(startMs + second * 1000).toISOString()
    for (const { node } of run.world.sensors) {
      const { lanes: shown, detectors } = run.world.readSensor(node)
      const lanes = Object.fromEntries(
        Object.entries(shown).map(([name, { arrivalsS: _, ...lane }]) => [name, lane]),
      )
      for (const [component, { vehicles }] of Object.entries(detectors))
        checks.count(node, component, vehicles)
      const qualities = checks.judge(node, [{ ts, seq: second, values: { lanes } }])
      if (qualities) found.push({ second, qualities })
    }
  }
  return found
}
