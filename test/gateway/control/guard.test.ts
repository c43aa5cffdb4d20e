/** The guard, rule by rule; what it does to whole streams of commands is in loop.property.test.ts. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type GuardedCommand, guard } from '../../../gateway/control/guard.ts'
import type { IssuedCommand, SignalKnowledge } from '../../../gateway/control/ports.ts'
import type { Junction } from '../../../schemas/generated/messages.ts'
import { createCommandId, parseNodeId } from '../../../schemas/ids.ts'
import { crossing, node, startMs } from './junction.ts'

const nowMs = startMs
const junction = crossing()

function knowledge(changes: Partial<SignalKnowledge> = {}): SignalKnowledge {
  const green = { lamp: 'G', redSinceAtMs: undefined } as const
  const red = { lamp: 'r', redSinceAtMs: nowMs - 10_000 } as const
  return {
    nowMs,
    seenAtMs: nowMs - 500,
    groups: { 'sg/1': green, 'sg/3': green, 'sg/2': red, 'sg/4': red },
    plan: 1,
    cycleS: 60,
    mode: 'normal',
    control: 'central',
    ...changes,
  }
}

function command(changes: Partial<GuardedCommand> = {}): GuardedCommand {
  return {
    junction: parseNodeId(node),
    code: 'tlc.stage.set',
    values: { stage: 1 },
    issuer: 'strategy:predictive',
    holdForMs: 15_000,
    issuedAtMs: nowMs,
    expiresAtMs: nowMs + 10_000,
    ...changes,
  }
}

function timing(values: object, changes: Partial<GuardedCommand> = {}): GuardedCommand {
  const whole = { cycleS: 60, offsetS: 0, greensS: { '1': 25, '2': 25 }, ...values }
  return command({ code: 'tlc.timing.set', values: whole, holdForMs: 180_000, ...changes })
}

function issued(atMs: number, values: object, code: IssuedCommand['code'] = 'tlc.stage.set') {
  const id = createCommandId(atMs)
  return { ...command({ code, values: { ...values }, issuedAtMs: atMs }), id, state: 'applied' }
}

const ask = (
  it: GuardedCommand,
  known: SignalKnowledge | undefined = knowledge(),
  history: readonly IssuedCommand[] = [],
  document: Junction = junction,
) => guard(it, document, known, history)

test('what lies within the envelope is allowed', () => {
  expect(ask(command())).toBe('allowed')
  expect(ask(timing({}))).toBe('allowed')
  expect(ask(command({ code: 'tlc.plan.set', values: { plan: 2 } }))).toBe('allowed')
  const mode = { code: 'tlc.mode.set' as const, issuer: 'operator:desk-2' }
  expect(ask(command({ ...mode, values: { mode: 'flashing' } }))).toBe('allowed')
})

const refusals: [string, GuardedCommand, RegExp][] = [
  ['another junction', command({ junction: parseNodeId('north/tlc-009') }), /not for/],
  ['a code there is not', command({ code: 'tlc.lamps.set' as never }), /lease|no command/],
  ['an expired command', command({ issuedAtMs: nowMs - 9000, expiresAtMs: nowMs }), /expired/],
  ['a validity too short', command({ expiresAtMs: nowMs + 500 }), /valid for/],
  ['a validity too long', command({ expiresAtMs: nowMs + 121_000 }), /valid for/],
  ['a validity that is no number', command({ expiresAtMs: Number.NaN }), /valid for/],
  [
    'a command from the future',
    command({ issuedAtMs: nowMs + 5000, expiresAtMs: nowMs + 9000 }),
    /future/,
  ],
  ['a lease too short', command({ holdForMs: 999 }), /lease/],
  ['a lease too long', command({ holdForMs: 120_001 }), /lease/],
  ['an issuer nobody knows', command({ issuer: 'somebody:else' }), /nobody/],
  [
    'a mode a strategy asks for',
    command({ code: 'tlc.mode.set', values: { mode: 'flashing' } }),
    /operator's to change/,
  ],
  [
    'a plan a vehicle asks for',
    command({ code: 'tlc.plan.set', values: { plan: 2 }, issuer: 'priority:bus-7' }),
    /stage only/,
  ],
  ['a stage that is not there', command({ values: { stage: 7 } }), /no stage 7/],
  ['a plan that is not there', command({ code: 'tlc.plan.set', values: { plan: 9 } }), /plan 9/],
  ['a cycle below its bound', timing({ cycleS: 29 }), /cycle 29/],
  ['a cycle above its bound', timing({ cycleS: 121 }), /cycle 121/],
  ['a cycle that is no number', timing({ cycleS: Number.NaN }), /not a number/],
  ['an offset beyond the cycle', timing({ offsetS: 61 }), /offset/],
  ['a stage left out', timing({ greensS: { '1': 50 } }), /stage 2 of the plan/],
  ['a foreign stage', timing({ greensS: { '1': 20, '2': 20, '3': 10 } }), /stage 3 is not/],
  ['greens that overfill the cycle', timing({ greensS: { '1': 26, '2': 26 } }), /do not make/],
  ['greens that leave much over', timing({ greensS: { '1': 20, '2': 20 } }), /do not make/],
  ['a green below its minimum', timing({ greensS: { '1': 46, '2': 4 } }), /its minimum is 5/],
]

test.each(refusals)('%s is refused', (_name, wrong, reason) => {
  expect(ask(wrong)).toMatchObject({ refused: expect.stringMatching(reason) })
})

test('a timing whose red is longer than the maximum is refused', () => {
  const strict = crossing()
  strict.groups['sg/2'] = { ...strict.groups['sg/2']!, maxRedS: 50 }
  const wrong = timing({ cycleS: 70, greensS: { '1': 45, '2': 15 } })
  const verdict = ask(wrong, knowledge(), [], strict)
  expect(verdict).toMatchObject({ refused: expect.stringMatching(/sg\/2 would be red for 55 s/) })
})

test('a stage with conflicting protected greens is refused, in a stage, a timing and a plan', () => {
  const bad = crossing({
    stages: {
      '1': { green: ['sg/1', 'sg/2'], permissive: [] },
      '2': { green: ['sg/3', 'sg/4'], permissive: [] },
    },
  })
  for (const it of [
    command(),
    timing({}),
    command({ code: 'tlc.plan.set', values: { plan: 1 } }),
  ]) {
    const verdict = ask(it, knowledge(), [], bad)
    expect(verdict).toMatchObject({ refused: expect.stringMatching(/gives green to/) })
  }
})

test('a stage is not held so long that another group could pass its maximum red', () => {
  const red = { lamp: 'r', redSinceAtMs: nowMs - 60_000 } as const
  const known = knowledge({ groups: { ...knowledge().groups, 'sg/2': red } })
  // 60 s red, 10 s to begin, 5 s change, 15 s lease, 30 s way back: 120 s.
  expect(ask(command(), known)).toBe('allowed')
  const verdict = ask(command({ holdForMs: 16_000 }), known)
  expect(verdict).toMatchObject({ refused: expect.stringMatching(/sg\/2 could be red for 121 s/) })
  expect(ask(command({ values: { stage: 2 } }), known)).toBe('allowed')
})

test('a local plan that serves a stage twice, which no document may, is never reckoned with', () => {
  const { '1': plan, ...plans } = junction.plans
  const twice = crossing({ plans: { ...plans, '1': { ...plan!, stages: [1, 2, 1] } } })
  expect(() => ask(command(), knowledge(), [], twice)).toThrow(/serves each stage once/)
})

test('a group whose lamps are not known counts as red since the controller was last seen', () => {
  const { 'sg/2': _unknown, ...groups } = knowledge().groups
  const known = knowledge({ groups, seenAtMs: nowMs - 70_000 })
  expect(ask(command(), known)).toMatchObject({ refused: expect.stringMatching(/sg\/[24] could/) })
})

test('a group that was never shown may have been red as long as the local plan allows', () => {
  const { 'sg/2': _never, ...groups } = knowledge().groups
  // 35 s of the local plan and half a second since, 10 s to begin, 5 s change, the lease, 30 s way back.
  const [held, longer] = [39_000, 40_000].map((holdForMs) =>
    ask(command({ holdForMs }), knowledge({ groups })),
  )
  expect(held).toBe('allowed')
  expect(longer).toMatchObject({ refused: expect.stringMatching(/sg\/2 could be red for 120.5 s/) })
})

test('an operator does not change the mode of a controller that has not told it', () => {
  const flashing = command({
    code: 'tlc.mode.set',
    issuer: 'operator:desk-2',
    values: { mode: 'flashing' },
  })
  const verdict = ask(flashing, knowledge({ mode: undefined, control: undefined }))
  expect(verdict).toMatchObject({ refused: expect.stringMatching(/not told its mode/) })
})

test('all-red is bounded by the reds it makes, flashing is not', () => {
  const operator = { code: 'tlc.mode.set' as const, issuer: 'operator:desk-2' }
  const known = knowledge()
  const long = { ...operator, holdForMs: 90_000 }
  expect(ask(command({ ...long, values: { mode: 'all-red' } }), known)).not.toBe('allowed')
  expect(ask(command({ ...operator, values: { mode: 'all-red' } }), known)).toBe('allowed')
  expect(ask(command({ ...long, values: { mode: 'flashing' } }), known)).toBe('allowed')
})

test('a controller that is silent, away from normal, or in other hands is left alone', () => {
  const cases: [SignalKnowledge | undefined, RegExp][] = [
    [knowledge({ seenAtMs: nowMs - 181_000 }), /no lamps for 181 s/],
    [knowledge({ seenAtMs: nowMs + 7_000 }), /dated ahead of the gateway's clock/],
    [knowledge({ mode: undefined, control: undefined }), /not told its mode/],
    [knowledge({ control: 'manual' }), /manual/],
    [knowledge({ control: 'local' }), /local/],
    [knowledge({ mode: 'fault' }), /mode fault/],
  ]
  for (const [known, reason] of cases) {
    expect(ask(command(), known)).toMatchObject({ refused: expect.stringMatching(reason) })
  }
  expect(guard(command(), junction, undefined, [])).toMatchObject({
    refused: expect.stringMatching(/nothing is known/),
  })
})

test('an operator takes a junction back from local control, nobody from manual control', () => {
  const back = command({
    code: 'tlc.mode.set',
    issuer: 'operator:desk-2',
    values: { mode: 'normal', control: 'central' },
  })
  expect(ask(back, knowledge({ control: 'local' }))).toBe('allowed')
  expect(ask(back, knowledge({ control: 'manual' }))).not.toBe('allowed')
})

test('no more than so many commands and changes of stage leave in a minute', () => {
  const many = Array.from({ length: 60 }, (_, at) => issued(nowMs - at * 900, { stage: 1 }))
  expect(ask(command(), knowledge(), many)).toMatchObject({
    refused: expect.stringMatching(/60 commands/),
  })
  const back = Array.from({ length: 21 }, (_, at) =>
    issued(nowMs - (21 - at) * 2000, { stage: (at % 2) + 1 }),
  )
  expect(ask(command({ values: { stage: 2 } }), knowledge(), back)).toMatchObject({
    refused: expect.stringMatching(/21 changes of stage/),
  })
  expect(ask(command({ values: { stage: 1 } }), knowledge(), back)).toBe('allowed')
})

test('commands dated by a clock that was put back since are not counted against the new ones', () => {
  const many = Array.from({ length: 60 }, (_, at) => issued(nowMs + 600_000 - at, { stage: 1 }))
  expect(ask(command(), knowledge(), many)).toBe('allowed')
})

test('a command is not counted against itself when it is asked about again', () => {
  const many = Array.from({ length: 60 }, (_, at) => issued(nowMs - at * 900, { stage: 1 }))
  const again = command({ id: many[0]!.id } as Partial<GuardedCommand>)
  expect(ask(again, knowledge(), many)).toBe('allowed')
})

test('a strategy moves the cycle by steps; an operator may leap', () => {
  const wide = crossing({ cycleS: { min: 30, max: 200 } })
  for (const name of Object.keys(wide.groups)) wide.groups[name]!.maxRedS = 300
  const leap = timing({ cycleS: 130, greensS: { '1': 60, '2': 60 } })
  expect(ask(leap, knowledge(), [], wide)).toMatchObject({
    refused: expect.stringMatching(/at once/),
  })
  const byHand = { ...leap, issuer: 'operator:desk-2' }
  expect(ask(byHand, knowledge(), [], wide)).toBe('allowed')
})

test('whatever comes, the guard answers, and what it allows keeps minimum green, maximum red and the cycle', () => {
  const number = fc.oneof(
    fc.double({ min: -10, max: 200 }),
    fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, 5, 25, 60),
  )
  const commands = fc.record({
    code: fc.constantFrom(
      'tlc.timing.set',
      'tlc.stage.set',
      'tlc.plan.set',
      'tlc.mode.set',
    ) as fc.Arbitrary<GuardedCommand['code']>,
    values: fc.oneof(
      fc.record({
        cycleS: number,
        offsetS: number,
        greensS: fc.dictionary(fc.constantFrom('1', '2', '3'), number),
      }),
      fc.record({ stage: fc.constantFrom<unknown>(1, 2, 3, 0, -1, 1.5, '1', null) }),
      fc.record({ plan: fc.constantFrom<unknown>(1, 2, 3, '1', 'constructor') }),
      fc.record({ mode: fc.constantFrom('normal', 'flashing', 'all-red', 'dark') }),
    ),
    issuer: fc.constantFrom('strategy:x', 'operator:x', 'priority:x', 'ladder:x', ''),
    holdForMs: fc.oneof(fc.integer({ min: -1, max: 4_000_000 }), fc.constant(Number.NaN)),
    validMs: fc.integer({ min: -1000, max: 200_000 }),
    redForS: fc.integer({ min: 0, max: 200 }),
  })
  fc.assert(
    fc.property(commands, ({ validMs, redForS, ...it }) => {
      const red = { lamp: 'r', redSinceAtMs: nowMs - redForS * 1000 } as const
      const known = knowledge({ groups: { ...knowledge().groups, 'sg/2': red } })
      const asked = command({ ...it, expiresAtMs: nowMs + validMs } as Partial<GuardedCommand>)
      if (ask(asked, known) !== 'allowed') return
      expect(asked.holdForMs).toBeGreaterThanOrEqual(1000)
      expect(asked.holdForMs).toBeLessThanOrEqual(3_600_000)
      if (asked.code === 'tlc.timing.set') {
        const { cycleS, greensS } = asked.values as {
          cycleS: number
          greensS: Record<string, number>
        }
        for (const stage of ['1', '2']) expect(greensS[stage]).toBeGreaterThan(4.9)
        expect(cycleS - greensS['1']!).toBeLessThan(120.2)
        expect(cycleS).toBeGreaterThan(29)
      }
      if (asked.code === 'tlc.stage.set') {
        expect([1, 2]).toContain(asked.values.stage)
        const isServed = asked.values.stage === 2
        if (!isServed) expect(redForS + (validMs + asked.holdForMs) / 1000).toBeLessThan(90)
      }
    }),
    { numRuns: 2000 },
  )
})

test.each([
  ['a green below its minimum', { cycleS: 60, greensS: { '1': 2, '2': 48 } }, /minimum is 5 s/],
  ['a red beyond its maximum', { cycleS: 120, greensS: { '1': 5, '2': 105 } }, /maximum is 90 s/],
  ['a cycle beyond its bounds', { cycleS: 200, greensS: { '1': 40, '2': 40 } }, /30 to 120/],
])('a plan of the document with %s is not asked for either', (_what, plan, why) => {
  const document = crossing()
  const groups = Object.fromEntries(
    Object.entries(document.groups).map(([name, group]) => [name, { ...group, maxRedS: 90 }]),
  )
  const plans = { ...document.plans, '9': { offsetS: 0, stages: [1, 2], ...plan } }
  const odd = crossing({ groups, plans } as Partial<Junction>)
  const verdict = ask(
    command({ code: 'tlc.plan.set', values: { plan: 9 } }),
    knowledge(),
    [],
    odd,
  ) as { refused?: string }
  expect(verdict.refused).toMatch(why)
})
