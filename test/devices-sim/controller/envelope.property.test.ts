/**
 * Whatever is sent, however often, late or in whatever order, whatever the steps: the monitor, which shares no
 * code with the controller, sees no conflict, no green or intergreen cut short, and no red beyond its maximum.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createController } from '../../../devices-sim/controller/controller.ts'
import { createMonitor } from '../../../devices-sim/monitor.ts'
import type { Junction } from '../../../schemas/generated/messages.ts'
import { formatTimestamp } from '../../../schemas/time.ts'
import { crossing } from '../crossing.ts'

/** Seconds of testing; set INTERGREEN_TEST_RUNS for a long night. */
const runs = Number(process.env.INTERGREEN_TEST_RUNS ?? 200)
const startMs = Date.parse('2026-11-23T07:00:00.000Z')
const seconds = (min: number, max: number) =>
  fc.integer({ min: min * 10, max: max * 10 }).map((x) => x / 10)

/** A junction with random conflicts, times, stages that respect the conflicts, and a plan of all of them. */
const junctions: fc.Arbitrary<Junction> = fc
  .record({
    groups: fc.array(
      fc.record({
        minGreenS: seconds(1, 8),
        yellowS: fc.constantFrom(0, 3, 3.5, 5),
        redYellowS: fc.constantFrom(0, 0, 1, 1.5),
        moreRedS: seconds(0, 120),
      }),
      { minLength: 2, maxLength: 7 },
    ),
    conflictBits: fc.array(fc.boolean(), { minLength: 49, maxLength: 49 }),
    intergreens: fc.array(seconds(0, 9), { minLength: 49, maxLength: 49 }),
    order: fc.array(fc.nat(), { minLength: 7, maxLength: 7 }),
    permissiveBits: fc.array(fc.boolean(), { minLength: 49, maxLength: 49 }),
  })
  .map(({ groups, conflictBits, intergreens, order, permissiveBits }) => {
    const names = groups.map((_, index) => `sg/${index + 1}`)
    const inConflict = (a: number, b: number) =>
      conflictBits[Math.min(a, b) * 7 + Math.max(a, b)] ?? false
    const conflicts: string[][] = []
    const intergreensS: Junction['intergreensS'] = []
    for (let a = 0; a < names.length; a++) {
      for (let b = a + 1; b < names.length; b++) {
        if (!inConflict(a, b)) continue
        conflicts.push([names[a]!, names[b]!])
        intergreensS.push({ from: names[a]!, to: names[b]!, s: intergreens[a * 7 + b]! })
        intergreensS.push({ from: names[b]!, to: names[a]!, s: intergreens[b * 7 + a]! })
      }
    }
    // Each group leads a stage; others join where they may, as protected or giving way.
    const stages: Junction['stages'] = {}
    names.forEach((_, leader) => {
      const green = [leader]
      const permissive: number[] = []
      const others = names
        .map((_, i) => i)
        .sort((a, b) => (order[a] ?? 0) - (order[b] ?? 0) || a - b)
      for (const other of others) {
        if (other === leader) continue
        if (!green.some((each) => inConflict(each, other))) green.push(other)
        else if (permissiveBits[leader * 7 + other]) permissive.push(other)
      }
      stages[String(leader + 1)] = {
        green: green.map((i) => names[i]!),
        permissive: permissive.map((i) => names[i]!),
      }
    })
    const numbers = names.map((_, index) => index + 1)
    const longestS = Math.max(...groups.map(({ minGreenS }) => minGreenS))
    const clearS = Math.max(5, ...intergreensS.map(({ s }) => s))
    const roundS = names.length * (longestS + clearS + 4)
    return {
      node: 'north/tlc-001',
      groups: Object.fromEntries(
        groups.map(({ moreRedS, ...group }, index) => [
          names[index],
          { ...group, maxRedS: roundS + moreRedS, kind: 'vehicle' as const },
        ]),
      ),
      conflicts,
      intergreensS,
      stages,
      cycleS: { min: 20, max: 300 },
      plans: {
        '1': {
          cycleS: 120,
          offsetS: 0,
          greensS: Object.fromEntries(numbers.map((number) => [number, 12])),
          stages: numbers,
        },
        '2': { cycleS: 60, offsetS: 7, greensS: { '1': 20, '2': 20 }, stages: [1, 2] },
      },
      localPlan: 1,
      lanes: { 'ln/1': { groups: ['sg/1'], lengthM: 100 } },
    }
  })

const ids = fc.integer({ min: 0, max: 40 }).map((n) => `01J${String(n).padStart(23, '0')}`)

const stage = fc.integer({ min: 1, max: 9 })
const orders = fc.oneof(
  fc.record({ code: fc.constant('tlc.stage.set'), values: fc.record({ stage }) }),
  fc.record({
    code: fc.constant('tlc.timing.set'),
    values: fc.record({
      cycleS: fc.integer({ min: 20, max: 300 }),
      offsetS: fc.integer({ min: 0, max: 300 }),
      greensS: fc.dictionary(stage.map(String), fc.integer({ min: 0, max: 60 }), { minKeys: 1 }),
    }),
  }),
  fc.record({
    code: fc.constant('tlc.plan.set'),
    values: fc.record({ plan: fc.integer({ min: 1, max: 3 }) }),
  }),
  fc.record({
    code: fc.constant('tlc.mode.set'),
    values: fc.record(
      {
        mode: fc.constantFrom('normal', 'flashing', 'all-red'),
        control: fc.constantFrom('central', 'local'),
      },
      { requiredKeys: ['mode'] },
    ),
  }),
  fc.record({
    code: fc.constant('tlc.priority.request'),
    values: fc.record({
      stage,
      kind: fc.constantFrom('bus', 'emergency'),
      etaS: fc.integer({ min: 0, max: 60 }),
    }),
  }),
  fc.record({ code: fc.constantFrom('tlc.stage.set', 'x', '__proto__'), values: fc.anything() }),
)

/** What happens at one moment: something arrives (perhaps twice, perhaps old), or somebody turns a switch. */
const happenings = fc.record({
  afterSteps: fc.integer({ min: 0, max: 40 }),
  what: fc.oneof(
    {
      weight: 9,
      arbitrary: fc.record({
        kind: fc.constant('command' as const),
        id: ids,
        order: orders,
        holdForMs: fc.integer({ min: 1_000, max: 600_000 }),
        expiresInMs: fc.integer({ min: -5_000, max: 60_000 }),
        epoch: fc.integer({ min: 0, max: 3 }),
        times: fc.integer({ min: 1, max: 3 }),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('link' as const),
        isUp: fc.boolean(),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        kind: fc.constant('cabinet' as const),
        control: fc.constantFrom('central' as const, 'local' as const, 'manual' as const),
        isFaulty: fc.boolean(),
      }),
    },
  ),
})

function witness(
  junction: Junction,
  happened: readonly (typeof happenings extends fc.Arbitrary<infer T> ? T : never)[],
  stepsMs: readonly number[],
): string[] {
  const controller = createController(junction, { startMs, stepMs: 1000, silenceMsMax: 20_000 })
  const monitor = createMonitor(junction)
  let nowMs = startMs
  let steps = 0
  const run = (count: number) => {
    for (let i = 0; i < count; i++) {
      controller.advance(nowMs)
      controller.takeResults()
      monitor.observe(nowMs, controller.lamps())
      nowMs += stepsMs[steps++ % stepsMs.length] ?? 1000
    }
  }
  for (const { afterSteps, what } of happened) {
    run(afterSteps)
    if (what.kind === 'link') controller.linkChanged(what.isUp, nowMs)
    else if (what.kind === 'cabinet') {
      controller.switchControl(what.control)
      controller.setFault(what.isFaulty)
    } else {
      const { code, values } = what.order
      const command = {
        id: what.id,
        ts: formatTimestamp(nowMs),
        expiresAt: formatTimestamp(nowMs + what.expiresInMs),
        holdForMs: what.holdForMs,
        epoch: what.epoch,
        values,
        issuer: 'operator:chaos',
      }
      for (let i = 0; i < what.times; i++) controller.receive(code, command, nowMs)
    }
  }
  run(400)
  return monitor.violations.map(({ kind, atMs, text }) => `${kind} at ${atMs - startMs}: ${text}`)
}

const story = fc.array(happenings, { maxLength: 40 })
const stepTimes = fc.oneof(
  fc.constant([1000]),
  fc.array(fc.integer({ min: 50, max: 1000 }), { minLength: 1, maxLength: 7 }),
)

test('no story makes the test crossing show what must never happen', () => {
  fc.assert(
    fc.property(story, stepTimes, (happened, stepsMs) => {
      expect(witness(crossing, happened, stepsMs)).toEqual([])
    }),
    { numRuns: runs },
  )
})

test('nor any junction, with any conflicts, stages and times', () => {
  fc.assert(
    fc.property(junctions, story, stepTimes, (junction, happened, stepsMs) => {
      expect(witness(junction, happened, stepsMs)).toEqual([])
    }),
    { numRuns: runs },
  )
})
