/** The signal controller: its local plan, commands and leases, who wins, and what it reports. */
import { describe, expect, test } from 'vitest'
import { type Controller, createController } from '../../../devices-sim/controller/controller.ts'
import type { ControllerResult } from '../../../devices-sim/controller/orders.ts'
import { createMonitor } from '../../../devices-sim/monitor.ts'
import { createRandom } from '../../../devices-sim/random.ts'
import { createCommandId } from '../../../schemas/ids.ts'
import { formatTimestamp } from '../../../schemas/time.ts'
import { validateAgainst, validateMessage } from '../../../schemas/validators.ts'
import { crossing } from '../crossing.ts'

const startMs = Date.parse('2026-11-23T07:00:00.000Z')

function drive(junction = crossing) {
  const controller = createController(junction, { startMs, stepMs: 1000 })
  const monitor = createMonitor(junction)
  const results: (ControllerResult & { atMs: number })[] = []
  let nowMs = startMs
  const random = createRandom('ids')
  const step = () => {
    controller.advance(nowMs)
    monitor.observe(nowMs, controller.lamps())
    for (const result of controller.takeResults()) results.push({ ...result, atMs: nowMs })
    nowMs += 1000
  }
  const house = {
    controller,
    monitor,
    results,
    nowMs: () => nowMs,
    run(seconds: number, each?: (controller: Controller) => void) {
      for (let i = 0; i < seconds; i++) {
        step()
        each?.(controller)
      }
    },
    runUntil(isTrue: () => boolean, secondsMax = 300) {
      for (let i = 0; i < secondsMax; i++) {
        if (isTrue()) return i
        step()
      }
      throw new Error('never')
    },
    send(code: string, values: object, more: object = {}) {
      const id = createCommandId(nowMs, random)
      const command = {
        id,
        ts: formatTimestamp(nowMs),
        expiresAt: formatTimestamp(nowMs + 30_000),
        holdForMs: 60_000,
        epoch: 1,
        values,
        issuer: 'strategy:test',
        ...more,
      }
      controller.receive(code, command, nowMs)
      return command
    },
    statesOf: (id: string) => results.filter((each) => each.id === id).map((each) => each.state),
    last: () => results.at(-1),
  }
  return house
}

const timing = { cycleS: 70, offsetS: 5, greensS: { '1': 20, '2': 10, '3': 22 } }

describe('the local plan', () => {
  test('the test crossing is a valid document', () => {
    expect(validateAgainst('site/junction.schema.json', crossing)).toBeUndefined()
  })

  test('greens, cycle and offset are those of the plan once it has found into it', () => {
    const { controller, monitor, run, runUntil, nowMs } = drive()
    run(600)
    const stage = () => controller.groups(nowMs()).stage
    runUntil(() => stage() !== 1)
    runUntil(() => stage() === 1)
    // `advance` ran a second before nowMs; the plan's stage 1 begins at offset 10 of the 80 s cycle.
    expect(((nowMs() - 1000) / 1000 - 10) % 80).toBe(0)
    const shown: Record<string, number> = {}
    run(80, () => {
      const key = String(stage())
      shown[key] = (shown[key] ?? 0) + 1
    })
    expect(shown['1']).toBeGreaterThanOrEqual(30)
    expect(shown['2']).toBe(10)
    expect(shown['3']).toBeGreaterThanOrEqual(22)
    expect(monitor.violations).toEqual([])
    expect(controller.plan()).toMatchObject({ plan: 1, source: 'local', cycleS: 80 })
  })

  test('statuses fit their schemas at every step', () => {
    const { controller, run, nowMs } = drive()
    run(200, () => {
      for (const [code, values] of [
        ['tlc.groups', controller.groups(nowMs())],
        ['tlc.plan', controller.plan()],
        ['tlc.mode', controller.mode()],
      ] as const) {
        const message = { entries: [{ ts: formatTimestamp(nowMs()), seq: 1, values }] }
        expect(validateMessage('status', code, message)).toBeUndefined()
      }
    })
  })
})

describe('commands', () => {
  test('a timing is accepted, applied, shown with its id, and released when its lease ends', () => {
    const { controller, run, send, statesOf, last } = drive()
    run(100)
    const { id } = send('tlc.timing.set', timing)
    run(1)
    expect(statesOf(id)).toEqual(['accepted', 'applied'])
    expect(controller.plan()).toMatchObject({ ...timing, source: 'central', commandId: id })
    run(59)
    expect(controller.plan().source).toBe('central')
    run(1)
    expect(last()).toMatchObject({ id, state: 'released' })
    expect(controller.plan()).toMatchObject({ source: 'local', cycleS: 80 })
    expect(controller.plan()).not.toHaveProperty('commandId')
  })

  test('a timing that follows a plan runs on the plan it was judged by', () => {
    const { controller, monitor, run, send, statesOf, nowMs } = drive()
    run(100)
    send('tlc.plan.set', { plan: 2 }, { holdForMs: 600_000 })
    run(90)
    const greens = { cycleS: 66, offsetS: 0, greensS: { '1': 24, '3': 22 } }
    const { id } = send('tlc.timing.set', greens, { holdForMs: 600_000 })
    run(1)
    expect(statesOf(id)).toEqual(['accepted', 'applied'])
    expect(controller.plan()).toMatchObject({ plan: 2, ...greens, commandId: id })
    const shown = new Set<number | null>()
    run(150, () => shown.add(controller.groups(nowMs()).stage))
    expect(shown).toEqual(new Set([1, 3, null]))
    expect(monitor.violations).toEqual([])
  })

  test('a stage is applied when it is green and held while the lease lasts', () => {
    const { controller, monitor, run, runUntil, send, statesOf, nowMs } = drive()
    run(100)
    runUntil(() => controller.groups(nowMs()).stage === 1)
    const { id } = send('tlc.stage.set', { stage: 3 })
    run(2)
    expect(statesOf(id)).toEqual(['accepted'])
    expect(controller.mode().stage).toBeNull()
    runUntil(() => statesOf(id).includes('applied'))
    expect(controller.groups(nowMs()).stage).toBe(3)
    expect(controller.mode()).toMatchObject({ stage: 3, commandId: id, control: 'central' })
    run(55)
    expect(controller.groups(nowMs()).stage).toBe(3)
    run(20)
    expect(statesOf(id)).toEqual(['accepted', 'applied', 'released'])
    expect(monitor.count()).toBe(0)
  })

  test('renewing a stage keeps it green without a change of lamps', () => {
    const { controller, run, runUntil, send, statesOf } = drive()
    run(60)
    const first = send('tlc.stage.set', { stage: 1 }, { holdForMs: 15_000 })
    runUntil(() => statesOf(first.id).includes('applied'))
    for (let i = 0; i < 6; i++) {
      const { id } = send('tlc.stage.set', { stage: 1 }, { holdForMs: 15_000 })
      run(8, () => expect(controller.lamps()['sg/1']).toBe('G'))
      expect(statesOf(id)).toEqual(['accepted', 'applied'])
    }
    expect(statesOf(first.id)).toEqual(['accepted', 'applied'])
  })

  test('a held stage gives way before somebody is red for too long, and is resumed', () => {
    const { controller, monitor, run, send, nowMs } = drive()
    run(60)
    send('tlc.stage.set', { stage: 1 }, { holdForMs: 900_000 })
    const stages = new Set<number | null>()
    run(800, () => stages.add(controller.groups(nowMs()).stage))
    expect(stages).toContain(3)
    expect(monitor.violations).toEqual([])
    expect(monitor.worstRedMs()).toBeGreaterThan(90_000)
  })

  test('a repeated id is answered with what became of it and does nothing', () => {
    const { controller, run, send, results } = drive()
    run(100)
    const command = send('tlc.stage.set', { stage: 99 })
    run(1)
    expect(results.at(-1)).toMatchObject({ id: command.id, state: 'rejected' })
    controller.receive('tlc.stage.set', { ...command, values: { stage: 2 } }, startMs + 101_000)
    run(5)
    expect(results.map(({ state }) => state)).toEqual(['rejected', 'rejected'])
    expect(controller.mode().stage).toBeNull()
  })

  test.each([
    ['expired', 'tlc.stage.set', { stage: 1 }, { expiresAt: formatTimestamp(startMs) }],
    ['rejected', 'tlc.stage.set', { stage: 9 }, {}],
    ['rejected', 'tlc.plan.set', { plan: 7 }, {}],
    ['rejected', 'tlc.timing.set', { ...timing, cycleS: 30 }, {}],
    ['rejected', 'tlc.timing.set', { ...timing, cycleS: 60 }, {}],
    ['rejected', 'tlc.timing.set', { ...timing, greensS: { '1': 20, '3': 22 } }, {}],
    ['rejected', 'tlc.timing.set', { ...timing, greensS: { '1': 30, '2': 4, '3': 20 } }, {}],
    ['rejected', 'tlc.stage.set', { stage: 'one' }, {}],
    ['rejected', 'tlc.lamp.set', { lamp: 1 }, {}],
  ])('%s with a reason: %s %j %j', (state, code, values, more) => {
    const { run, send, last } = drive()
    run(30)
    const { id } = send(code, values, more)
    run(1)
    expect(last()).toMatchObject({ id, state, reason: expect.stringMatching(/.{5}/) })
  })

  test('an epoch lower than one seen is rejected, the same epoch is not', () => {
    const { run, send, statesOf } = drive()
    run(30)
    send('tlc.plan.set', { plan: 2 }, { epoch: 5 })
    const stale = send('tlc.plan.set', { plan: 1 }, { epoch: 4 })
    const equal = send('tlc.plan.set', { plan: 2 }, { epoch: 5 })
    run(1)
    expect(statesOf(stale.id)).toEqual(['rejected'])
    expect(statesOf(equal.id)).toEqual(['accepted', 'applied'])
  })

  test('what could not be begun before it expires is never begun', () => {
    const { controller, run, runUntil, send, statesOf, nowMs } = drive()
    run(60)
    runUntil(
      () =>
        controller.groups(nowMs()).stage === 1 && controller.groups(nowMs()).stageSinceMs! < 2000,
    )
    const expiresAt = formatTimestamp(nowMs() + 2_000)
    const { id } = send('tlc.stage.set', { stage: 3 }, { expiresAt })
    run(5)
    expect(statesOf(id)).toEqual(['accepted', 'expired'])
    expect(controller.groups(nowMs()).stage).toBe(1)
  })

  test('a priority request is begun shortly before its vehicle comes', () => {
    const { controller, run, runUntil, send, statesOf, nowMs } = drive()
    run(60)
    const request = { stage: 3, kind: 'bus', etaS: 40 }
    const { id } = send('tlc.priority.request', request, {
      holdForMs: 10_000,
      expiresAt: formatTimestamp(nowMs() + 60_000),
    })
    run(20)
    expect(statesOf(id)).toEqual(['accepted'])
    const waitedS = runUntil(() => statesOf(id).includes('applied'))
    expect(20 + waitedS).toBeLessThanOrEqual(41)
    expect(controller.groups(nowMs()).stage).toBe(3)
  })
})

describe('modes and who has control', () => {
  test('flashing is reached through red, shown as dark, and left through red', () => {
    const { controller, monitor, run, runUntil, send, statesOf } = drive()
    run(60)
    const { id } = send('tlc.mode.set', { mode: 'flashing' }, { holdForMs: 30_000 })
    runUntil(() => controller.mode().mode === 'flashing')
    run(1)
    expect(statesOf(id)).toContain('applied')
    expect(new Set(Object.values(controller.lamps()))).toEqual(new Set(['O']))
    run(60)
    expect(statesOf(id).at(-1)).toBe('released')
    expect(controller.mode().mode).toBe('normal')
    expect(monitor.violations).toEqual([])
  })

  test('all-red is left when maximum red comes, whatever the lease says', () => {
    const { controller, monitor, run, send, last, statesOf } = drive()
    run(60)
    const { id } = send('tlc.mode.set', { mode: 'all-red' }, { holdForMs: 3_600_000 })
    run(30)
    expect(controller.mode().mode).toBe('all-red')
    run(200)
    expect(statesOf(id)).toEqual(['accepted', 'applied', 'released'])
    expect(last()?.reason).toContain('maximum red')
    expect(monitor.violations).toEqual([])
  })

  test.each(['local', 'manual'] as const)(
    '%s control releases and then rejects commands',
    (who) => {
      const { controller, run, send, statesOf } = drive()
      run(60)
      const before = send('tlc.plan.set', { plan: 2 })
      run(2)
      controller.switchControl(who)
      const during = send('tlc.plan.set', { plan: 2 })
      run(1)
      expect(statesOf(before.id)).toEqual(['accepted', 'applied', 'released'])
      expect(statesOf(during.id)).toEqual(['rejected'])
      expect(controller.mode().control).toBe(who)
      controller.switchControl('central')
      const after = send('tlc.plan.set', { plan: 2 })
      run(1)
      expect(statesOf(after.id)).toEqual(['accepted', 'applied'])
    },
  )

  test('a silent gateway is given up before the lease ends', () => {
    const { controller, run, send, statesOf, nowMs } = drive()
    run(60)
    const { id } = send('tlc.plan.set', { plan: 2 }, { holdForMs: 600_000 })
    run(1)
    controller.linkChanged(false, nowMs())
    run(59)
    expect(controller.plan().source).toBe('central')
    run(3)
    expect(statesOf(id)).toEqual(['accepted', 'applied', 'released'])
    expect(controller.plan().source).toBe('local')
  })

  test('a fault sends it to flashing and it refuses commands until the fault is over', () => {
    const { controller, monitor, run, send, statesOf } = drive()
    run(60)
    controller.setFault(true)
    const { id } = send('tlc.plan.set', { plan: 2 })
    run(40)
    expect(statesOf(id)).toEqual(['rejected'])
    expect(controller.mode().mode).toBe('fault')
    controller.setFault(false)
    run(40)
    expect(controller.mode().mode).toBe('normal')
    expect(monitor.violations).toEqual([])
  })
})

test('a document that cannot be run safely is refused by name', () => {
  const broken = structuredClone(crossing)
  broken.stages['1'] = { green: ['sg/1', 'sg/5'], permissive: [] }
  expect(() => drive(broken)).toThrow(/conflicting greens/)
  const twice = structuredClone(crossing)
  twice.plans['1']?.stages.push(1)
  expect(() => drive(twice)).toThrow(/plan 1 serves stage 1 twice/)
  const unserved = structuredClone(crossing)
  unserved.stages['3'] = { green: ['sg/5'], permissive: [] }
  expect(() => drive(unserved)).toThrow(/no stage serves group sg\/6/)
  const starved = structuredClone(crossing)
  for (const group of Object.values(starved.groups)) group.maxRedS = 20
  expect(() => drive(starved)).toThrow(
    expect.objectContaining({
      code: 'IG_ERR_SIM_JUNCTION_INVALID',
      message: expect.stringContaining('maximum red'),
    }),
  )
})

test('times are whole milliseconds: a green of exactly the minimum is not below it', () => {
  const junction = structuredClone(crossing)
  // What a sum of tenths leaves of 5.1.
  for (const group of Object.values(junction.groups)) group.minGreenS = 5.1000000000000005
  const { send, run, statesOf, monitor } = drive(junction)
  run(5)
  const greensS = { '1': 24, '2': 5.1, '3': 22 }
  const { id } = send('tlc.timing.set', { cycleS: 70, offsetS: 5, greensS })
  run(150)
  expect(statesOf(id)).toContain('applied')
  expect(monitor.violations).toEqual([])
})
