/**
 * No sequence of commands, from any strategy or operator, with any losses and delays, makes the lamps show
 * what must never be: checked by the simulator's monitor, which shares no code with controller or gateway.
 *
 * And of what leaves the gateway each command lies within the envelope, whatever was wished for.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createController } from '../../../devices-sim/controller/controller.ts'
import { createMonitor } from '../../../devices-sim/monitor.ts'
import type { Decision } from '../../../gateway/control/ports.ts'
import type { Junction } from '../../../schemas/generated/messages.ts'
import { crossing as threeStages } from '../../devices-sim/crossing.ts'
import { type House, openHouse, type SentCommand, scripted } from './house.ts'
import { crossing, node, startMs, status } from './junction.ts'

/** A few seconds of testing; set INTERGREEN_TEST_RUNS for a long night. */
const runs = Number(process.env.INTERGREEN_TEST_RUNS ?? 40)
const minutes = 6

const seconds = (min: number, max: number) =>
  fc.integer({ min: min * 10, max: max * 10 }).map((tenths) => tenths / 10)
const holdForMs = fc.constantFrom(500, 1000, 5000, 15_000, 60_000, 180_000, 10_000_000)
const stageNumber = fc.integer({ min: 0, max: 4 })
const greensS = fc.dictionary(fc.constantFrom('1', '2', '3'), seconds(0, 60))
const timing = fc.record({ cycleS: seconds(20, 200), offsetS: seconds(0, 60), greensS })
const why = fc.constant('because')

const decisions: fc.Arbitrary<Decision> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('stage'), stage: stageNumber, holdForMs, why }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('timing'), timing, holdForMs, why }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('plan'),
      plan: fc.integer({ min: 1, max: 3 }),
      holdForMs,
      why,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('release'), why }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('keep'), why }) },
) as fc.Arbitrary<Decision>

const asks = fc.record({
  code: fc.constantFrom(
    'tlc.stage.set',
    'tlc.mode.set',
    'tlc.plan.set',
    'tlc.priority.request',
    'release',
  ),
  stage: fc.integer({ min: 1, max: 4 }),
  mode: fc.constantFrom('normal', 'flashing', 'all-red'),
  kind: fc.constantFrom('bus', 'emergency'),
  holdForMs: fc.constantFrom(1000, 20_000, 300_000),
})

/** What happens in one second. */
const moment = fc.record({
  decision: fc.option(decisions, { freq: 2 }),
  ask: fc.option(asks, { freq: 25 }),
  /** How the network treats commands: none lost, lost without a trace, or arrived without a PUBACK. */
  outcome: fc.constantFrom('delivered', 'delivered', 'delivered', 'timeout', 'lost', 'offline'),
  delayS: fc.constantFrom(0, 0, 0, 1, 3, 9, 30),
  losesStatus: fc.boolean(),
})
type Moment = typeof moment extends fc.Arbitrary<infer T> ? T : never

async function ask(house: House, asked: NonNullable<Moment['ask']>): Promise<void> {
  const { code, stage, mode, kind, holdForMs } = asked
  const values = {
    'tlc.stage.set': { stage },
    'tlc.mode.set': { mode },
    'tlc.plan.set': { plan: 1 + (stage % 2) },
    'tlc.priority.request': { stage, kind, etaS: stage * 4 },
    release: {},
  }[code]
  await house.request(code, values as object, { holdForMs })
}

/** `built` is what the controller was built to, where that is not the document. */
async function live(
  junction: Junction,
  moments: readonly Moment[],
  built: Junction = junction,
): Promise<void> {
  let present = moments[0] as Moment
  let wish: Decision = { kind: 'keep', why: 'nothing' }
  const strategy = scripted(() => wish)
  const house = await openHouse({ junction, predictive: strategy, plan: strategy })
  const controller = createController(built, { startMs, stepMs: 500 })
  const monitor = createMonitor(junction)
  const onTheWay: { atMs: number; command: SentCommand; raw: unknown }[] = []
  house.device.receive = (command, raw) => {
    const { outcome, delayS } = present
    if (outcome === 'offline') return 'offline'
    if (outcome !== 'lost') {
      onTheWay.push({ atMs: house.clock.nowMs() + delayS * 1000, command, raw })
    }
    return outcome === 'delivered' ? 'delivered' : 'timeout'
  }
  for (let second = 0; second < minutes * 60; second++) {
    present = moments[second % moments.length] as Moment
    if (present.decision) wish = present.decision
    const nowMs = startMs + (second + 1) * 1000
    for (const halfMs of [nowMs - 500, nowMs]) {
      for (const arrived of onTheWay.filter((it) => it.atMs <= halfMs)) {
        onTheWay.splice(onTheWay.indexOf(arrived), 1)
        controller.receive(arrived.command.code, arrived.raw, halfMs)
      }
      controller.advance(halfMs)
      monitor.observe(halfMs, controller.lamps())
    }
    const results = controller.takeResults()
    if (!present.losesStatus) {
      house.observe(
        status(node, 'tlc.groups', nowMs, controller.groups(nowMs)),
        status(node, 'tlc.plan', nowMs, controller.plan()),
        status(node, 'tlc.mode', nowMs, controller.mode()),
      )
      for (const { code, ...value } of results) {
        house.observe({ node, type: 'result', code, value, receivedAtMs: nowMs })
      }
    }
    await house.pass(1)
    if (present.ask) await ask(house, present.ask)
  }
  expect(monitor.violations).toEqual([])
  for (const command of house.sent) within(junction, command)
  await house.control.stop(0)
  await house.commands.stop(0)
}

function within(junction: Junction, command: SentCommand): void {
  expect(command.holdForMs).toBeGreaterThanOrEqual(1000)
  if (command.code === 'tlc.stage.set') {
    expect(Object.keys(junction.stages)).toContain(String(command.values.stage))
  }
  if (command.code === 'tlc.mode.set') expect(command.issuer).toMatch(/^operator:/)
  if (command.code !== 'tlc.timing.set') return
  const asked = command.values as { cycleS: number; greensS: Record<string, number> }
  expect(asked.cycleS).toBeGreaterThanOrEqual(junction.cycleS.min)
  expect(asked.cycleS).toBeLessThanOrEqual(junction.cycleS.max)
  for (const [name, group] of Object.entries(junction.groups)) {
    for (const [stage, { green, permissive }] of Object.entries(junction.stages)) {
      if (![...green, ...permissive].includes(name)) continue
      expect(asked.greensS[stage] ?? group.minGreenS).toBeGreaterThanOrEqual(group.minGreenS - 0.1)
    }
  }
}

const streets: [string, Junction][] = [
  ['two stages', crossing()],
  ['three stages with permissive greens', threeStages],
]

test.each(streets)(
  'the monitor sees no violation on a junction of %s',
  async (_name, junction) => {
    await fc.assert(
      fc.asyncProperty(fc.array(moment, { minLength: 10, maxLength: 120 }), (moments) =>
        live(junction, moments),
      ),
      { numRuns: runs },
    )
  },
  120_000,
)

/** Stages only: how long a change from timing to timing takes is the controller's own affair. */
const stageMoment = fc.record({
  decision: fc.option(
    fc.oneof(
      fc.record({
        kind: fc.constant('stage'),
        stage: fc.integer({ min: 1, max: 3 }),
        holdForMs,
        why,
      }),
      fc.record({ kind: fc.constant('keep'), why }),
      fc.record({ kind: fc.constant('release'), why }),
    ) as fc.Arbitrary<Decision>,
    { freq: 8 },
  ),
  ask: fc.option(
    fc.record({
      code: fc.constantFrom('tlc.stage.set', 'tlc.priority.request', 'release'),
      stage: fc.integer({ min: 1, max: 3 }),
      mode: fc.constant('normal'),
      kind: fc.constantFrom('bus', 'emergency'),
      holdForMs: fc.constantFrom(1000, 20_000, 300_000),
    }),
    { freq: 25 },
  ),
  outcome: fc.constantFrom('delivered', 'delivered', 'delivered', 'timeout', 'lost', 'offline'),
  delayS: fc.constantFrom(0, 0, 0, 1, 3, 9, 30),
  losesStatus: fc.boolean(),
}) as typeof moment

test.each(streets)(
  'the guard alone keeps maximum red with a controller that does not, on %s',
  async (_name, junction) => {
    const trusting = structuredClone(junction)
    for (const group of Object.values(trusting.groups)) group.maxRedS = 600
    await fc.assert(
      fc.asyncProperty(fc.array(stageMoment, { minLength: 10, maxLength: 120 }), (moments) =>
        live(junction, moments, trusting),
      ),
      { numRuns: runs },
    )
  },
  120_000,
)

test('a strategy that flaps as fast as it can is held within the rate of change', async () => {
  const junction = crossing()
  const flapping = Array.from({ length: 60 }, (_, at) => ({
    decision: { kind: 'stage', stage: 1 + (at % 2), holdForMs: 15_000, why: 'flap' },
    ask: null,
    outcome: 'delivered',
    delayS: 0,
    losesStatus: false,
  })) as Moment[]
  await live(junction, flapping)
})
