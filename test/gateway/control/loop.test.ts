/** The loop from what the street shows to what leaves, with arbitration, ladder and shadow in force. */
import { expect, test } from 'vitest'
import { keeping, obedient, openHouse, scripted, stage } from './house.ts'
import { lamps, mode, node, queues, startMs } from './junction.ts'

test('a decision becomes a command, and the record says why', async () => {
  const house = await openHouse({ predictive: scripted(() => stage(2)) })
  await house.pass(3, obedient(house))
  expect(house.sent[0]).toMatchObject({
    code: 'tlc.stage.set',
    values: { stage: 2 },
    issuer: 'strategy:scripted',
  })
  const record = house.records.find((it) => it.values.commandId === house.sent[0]?.id)
  expect(record?.values).toMatchObject({
    junction: node,
    rung: 'predictive',
    decision: 'stage',
    why: 'stage 2 costs least',
  })
})

test('a command that would change nothing is not sent until its lease runs low', async () => {
  const house = await openHouse({ predictive: scripted(() => stage(1)) })
  await house.pass(30, obedient(house))
  expect(house.sent.length).toBeGreaterThanOrEqual(3)
  expect(house.sent.length).toBeLessThanOrEqual(5)
  expect(house.commands.pending().map((it) => it.state)).toEqual(['applied'])
})

test('keep renews what the strategy wanted; release lets the lease run out', async () => {
  let decide = () => stage(1)
  const house = await openHouse({ predictive: scripted(() => decide()) })
  const street = obedient(house)
  await house.pass(2, street)
  decide = () => ({ kind: 'keep', why: 'as before' }) as never
  await house.pass(20, street)
  expect(house.sent.length).toBeGreaterThan(2)
  decide = () => ({ kind: 'release', why: 'nothing to gain' }) as never
  const before = house.sent.length
  await house.pass(10, street)
  expect(house.sent.length).toBe(before)
})

test('nothing is sent before the controller has shown itself', async () => {
  const house = await openHouse({ predictive: scripted(() => stage(2)) })
  await house.pass(5, (nowMs) => house.observe(queues(nowMs)))
  expect(house.sent).toEqual([])
  expect(house.control.ladders()[node]?.rung).toBe('local')
})

test('nothing is sent before the controller has told its mode, and the record says so', async () => {
  const house = await openHouse({ predictive: scripted(() => stage(2)) })
  await house.pass(5, (nowMs) => house.observe(lamps(nowMs, 1), queues(nowMs)))
  await house.request('tlc.stage.set', { stage: 2 })
  expect(house.sent).toEqual([])
  const why = expect.stringMatching(/not told its mode/)
  expect(house.records.map((it) => it.values)).toContainEqual(
    expect.objectContaining({ rung: 'local', decision: 'stand-down', why }),
  )
  expect(house.answers).toMatchObject([{ state: 'rejected', reason: why }])
  house.observe(mode(house.clock.nowMs()))
  await house.pass(2, (nowMs) => house.observe(lamps(nowMs, 1), queues(nowMs)))
  expect(house.sent[0]).toMatchObject({ values: { stage: 2 }, issuer: 'strategy:scripted' })
})

test('a stage that is held too long for another group is left for it in time', async () => {
  const house = await openHouse({ predictive: scripted(() => stage(1)) })
  await house.pass(150, obedient(house))
  const relief = house.sent.find((it) => it.issuer === 'ladder:max-red')
  expect(relief?.values).toEqual({ stage: 2 })
  expect(house.counts['guardRefused strategy']).toBeUndefined()
  expect(house.records.some((it) => /near its maximum red/.test(it.values.why))).toBe(true)
})

test('a strategy that asks for what may not be is refused: IG_ERR_CONTROL_GUARD_REFUSED', async () => {
  const house = await openHouse({ predictive: scripted(() => stage(9)) })
  await house.pass(3, obedient(house))
  expect(house.sent).toEqual([])
  expect(house.errors).toContain('IG_ERR_CONTROL_GUARD_REFUSED')
  expect(house.counts['guardRefused strategy']).toBeGreaterThan(0)
  expect(house.records.at(-1)?.values.why).toMatch(/refused by the guard: .*no stage 9/)
})

test('a strategy that throws takes its junction down to the plan: IG_ERR_CONTROL_STRATEGY_FAILED', async () => {
  const failing = scripted(() => {
    throw new Error('no idea')
  })
  const house = await openHouse({ predictive: failing, plan: keeping })
  await house.pass(3, obedient(house))
  expect(house.errors).toContain('IG_ERR_CONTROL_STRATEGY_FAILED')
  expect(house.control.ladders()[node]).toMatchObject({ rung: 'plan', trigger: 'strategy-failed' })
})

test('the operator stands above the strategy until the hold is over, and hears what becomes of it', async () => {
  const house = await openHouse({ predictive: scripted(() => stage(1)) })
  const street = obedient(house)
  await house.pass(5, street)
  const id = await house.request('tlc.stage.set', { stage: 2 }, { holdForMs: 20_000 })
  await house.pass(10, street)
  const newest = house.commands.newest(node, 'stage')
  expect(newest).toMatchObject({ issuer: 'operator:desk-2', values: { stage: 2 } })
  await house.pass(15, street)
  expect(house.commands.newest(node, 'stage')?.issuer).toBe('strategy:scripted')
  expect(house.answers.filter((it) => it.id === id).map((it) => it.state)).toEqual([
    'accepted',
    'applied',
    'released',
  ])
})

test('an operator gives a junction back before the time', async () => {
  const house = await openHouse({ predictive: scripted(() => stage(1)) })
  const street = obedient(house)
  await house.pass(5, street)
  await house.request('tlc.stage.set', { stage: 2 }, { holdForMs: 600_000 })
  await house.pass(5, street)
  await house.request('release', {})
  await house.pass(2, street)
  expect(house.commands.newest(node, 'stage')?.issuer).toBe('strategy:scripted')
  expect(house.answers.map((it) => it.state)).toEqual([
    'accepted',
    'applied',
    'released',
    'released',
  ])
})

test('what an operator may not have is rejected with the reason, and is nobody’s bug', async () => {
  const house = await openHouse({ predictive: keeping })
  await house.pass(3, obedient(house))
  await house.request('tlc.stage.set', { stage: 9 })
  expect(house.answers).toMatchObject([
    { state: 'rejected', operator: 'desk-2', reason: expect.stringMatching(/no stage 9/) },
  ])
  expect(house.errors).toEqual([])
  await house.request('tlc.stage.set', { stage: 1 }, { target: 'north/tlc-404' })
  expect(house.answers.at(-1)).toMatchObject({ state: 'rejected' })
})

test('a request that comes too late has expired; the same request twice is one', async () => {
  const house = await openHouse({ predictive: keeping })
  const street = obedient(house)
  await house.pass(3, street)
  await house.request('tlc.stage.set', { stage: 2 }, { validMs: 0 })
  expect(house.answers.at(-1)).toMatchObject({ state: 'expired' })
  const id = await house.request('tlc.stage.set', { stage: 2 })
  await house.request('tlc.stage.set', { stage: 2 }, { id })
  expect(house.answers.filter((it) => it.state === 'accepted')).toHaveLength(1)
})

test('an ambulance stands above a bus, an operator above both', async () => {
  const house = await openHouse({ predictive: scripted(() => stage(1)) })
  const street = obedient(house)
  await house.pass(3, street)
  const bus = { stage: 2, kind: 'bus', etaS: 5 }
  await house.request('tlc.priority.request', bus, {
    from: 'transit',
    role: 'priority',
    holdForMs: 30_000,
  })
  expect(house.commands.newest(node, 'stage')?.issuer).toBe('priority:transit')
  const ambulance = { stage: 1, kind: 'emergency', etaS: 10 }
  await house.request('tlc.priority.request', ambulance, { from: 'rescue', role: 'emergency' })
  expect(house.commands.newest(node, 'stage')).toMatchObject({
    issuer: 'emergency:rescue',
    values: { stage: 1 },
  })
  await house.request('tlc.stage.set', { stage: 2 })
  expect(house.commands.newest(node, 'stage')?.issuer).toBe('operator:desk-2')
})

test('a bus that is far away is served when it comes, and released when it is gone', async () => {
  const house = await openHouse({ predictive: scripted(() => stage(1)) })
  const street = obedient(house)
  await house.pass(3, street)
  const bus = { stage: 2, kind: 'bus', etaS: 30 }
  const id = await house.request('tlc.priority.request', bus, {
    from: 'transit',
    role: 'priority',
    holdForMs: 1000,
  })
  await house.pass(10, street)
  expect(house.sent.some((it) => it.values.stage === 2)).toBe(false)
  await house.pass(40, street)
  expect(house.sent.some((it) => it.issuer === 'priority:transit')).toBe(true)
  const states = house.answers.filter((it) => it.id === id).map((it) => it.state)
  expect(states).toEqual(['accepted', 'applied', 'released'])
})

test('local control stands the gateway down, and it comes back after healthy cycles', async () => {
  const house = await openHouse({ predictive: scripted(() => stage(1)), plan: keeping })
  const street = obedient(house)
  await house.pass(5, street)
  const manual = (nowMs: number) =>
    house.observe(lamps(nowMs, 1), mode(nowMs, { control: 'manual' }), queues(nowMs))
  await house.pass(2, manual)
  expect(house.control.ladders()[node]).toMatchObject({ rung: 'local', trigger: 'local-control' })
  expect(house.records.at(-1)?.values).toMatchObject({ decision: 'stand-down', rung: 'local' })
  const before = house.sent.length
  await house.pass(60, manual)
  await house.pass(100, street)
  expect(house.sent.length).toBe(before)
  await house.pass(300, street)
  expect(house.control.ladders()[node]?.rung).toBe('predictive')
  expect(house.sent.length).toBeGreaterThan(before)
})

test.each([
  ['a lost detector', 'plan', 'detector-lost'],
  ['stale telemetry', 'plan', 'telemetry-stale'],
  ['a distrusted forecast', 'plan', 'forecast-distrusted'],
  ['a silent controller', 'local', 'controller-stale'],
  ['a controller that is away', 'local', 'controller-offline'],
])('%s takes the junction to %s, with the trigger %s counted', async (what, rung, trigger) => {
  let confidence = 0.9
  const horizons = [{ horizonMin: 5, p50: 10 }]
  const house = await openHouse({
    predictive: scripted(() => stage(1)),
    plan: keeping,
    forecaster: {
      forecast: () => ({ newestReadingAtMs: startMs, model: 'm', confidence, horizons }),
    },
  })
  const street = obedient(house)
  await house.pass(20, street)
  expect(house.control.ladders()[node]?.rung).toBe('predictive')
  const lost = { 'ln/3': { quality: 'undefined' } }
  const after: Record<string, (nowMs: number) => void> = {
    'a lost detector': (nowMs) => house.observe(lamps(nowMs, 1), mode(nowMs), queues(nowMs, lost)),
    'stale telemetry': (nowMs) => house.observe(lamps(nowMs, 1), mode(nowMs)),
    'a distrusted forecast': (nowMs) => {
      confidence = 0.05
      street(nowMs)
    },
    'a silent controller': (nowMs) => house.observe(queues(nowMs)),
    'a controller that is away': (nowMs) => {
      house.device.isReachable = false
      street(nowMs)
    },
  }
  await house.pass(40, after[what])
  expect(house.control.ladders()[node]).toMatchObject({ rung, trigger })
  expect(house.counts[`steps ${rung} ${trigger}`]).toBe(1)
  expect(house.counts[`junctions ${rung}`]).toBe(1)
  const said = house.records.find((it) => it.values.rung === rung)
  expect(said?.values.why).not.toBe('')
  if (rung === 'local') expect(said?.values.decision).toBe('stand-down')
})

test('an operator’s hold ends when another group has waited long enough', async () => {
  const house = await openHouse({ predictive: scripted(() => stage(1)) })
  const street = obedient(house)
  await house.pass(3, street)
  const id = await house.request('tlc.stage.set', { stage: 2 }, { holdForMs: 600_000 })
  await house.pass(150, street)
  const answers = house.answers.filter((it) => it.id === id)
  expect(answers.map((it) => it.state)).toEqual(['accepted', 'applied', 'released'])
  expect(answers.at(-1)?.reason).toMatch(/near its maximum red/)
})

test('an operator sets the junction to flashing and no strategy speaks against it', async () => {
  const house = await openHouse({ predictive: scripted(() => stage(1)) })
  const street = obedient(house)
  await house.pass(3, street)
  const id = await house.request('tlc.mode.set', { mode: 'flashing' }, { holdForMs: 20_000 })
  const flashing = (nowMs: number) => {
    const commandId = house.sent.filter((it) => it.code === 'tlc.mode.set').at(-1)?.id
    house.observe(lamps(nowMs, null), mode(nowMs, { mode: 'flashing', commandId }), queues(nowMs))
  }
  await house.pass(20, flashing)
  await house.pass(5, street)
  expect(house.control.ladders()[node]?.rung).toBe('predictive')
  expect(house.errors).toEqual([])
  const states = house.answers.filter((it) => it.id === id).map((it) => it.state)
  expect(states).toEqual(['accepted', 'applied', 'released'])
})

test.each(['rejected', 'expired'])(
  'commands that are %s again and again take the junction down',
  async (state) => {
    const house = await openHouse({ predictive: scripted((nowMs) => stage(1 + (nowMs % 2))) })
    house.device.receive = (command) => {
      const value = { ts: '2026-11-23T07:00:00.000Z', id: command.id, state, reason: 'no' }
      queueMicrotask(() =>
        house.observe({
          node,
          type: 'result',
          code: command.code,
          value,
          receivedAtMs: house.clock.nowMs(),
        }),
      )
      return 'delivered'
    }
    await house.pass(20, (nowMs) => house.observe(lamps(nowMs, 1), mode(nowMs), queues(nowMs)))
    expect(house.counts['steps local commands-failed']).toBe(1)
    expect(house.sent.length).toBeLessThan(8)
  },
)

test('a shadow decides on the same views and sends nothing', async () => {
  const shadow = scripted(() => stage(2), 'other')
  const house = await openHouse({ predictive: scripted(() => stage(1)), shadows: [shadow] })
  await house.pass(5, obedient(house))
  expect(house.sent.every((it) => it.values.stage === 1)).toBe(true)
  const shadowed = house.records.filter((it) => it.values.isShadow)
  expect(shadowed[0]?.values).toMatchObject({ strategy: 'other', decision: 'stage' })
  const inForce = house.records.filter((it) => !it.values.isShadow && it.values.commandId)
  expect(inForce[0]?.values).toMatchObject({ strategy: 'scripted', decision: 'stage' })
})

test('an unchanged decision is recorded once a minute, not once a second', async () => {
  const house = await openHouse({ predictive: keeping })
  await house.pass(130, obedient(house))
  expect(house.records.length).toBeLessThanOrEqual(5)
  expect(house.clock.nowMs()).toBe(startMs + 130_000)
})

test('what fails in one look costs that look only', async () => {
  let isBroken = true
  const forecaster = {
    forecast() {
      if (isBroken) throw new Error('no model at all')
      return undefined
    },
  }
  const house = await openHouse({
    predictive: scripted(() => stage(2)),
    forecaster,
  })
  house.observe(mode(startMs), lamps(startMs, 1), queues(startMs))
  await house.pass(2)
  expect(house.errors.join()).toContain('no model at all')
  isBroken = false
  house.observe(lamps(house.clock.nowMs(), 1), queues(house.clock.nowMs()))
  await house.pass(2)
  expect(house.sent.map((it) => it.values)).toEqual([{ stage: 2 }])
})

test('two operators who choose the same id are told apart', async () => {
  const house = await openHouse({ predictive: keeping })
  house.observe(mode(startMs), lamps(startMs, 1), queues(startMs))
  const id = await house.request('tlc.stage.set', { stage: 2 }, { from: 'center/desk-1' })
  await house.request('tlc.stage.set', { stage: 1 }, { from: 'center/desk-2', id })
  await house.pass(1)
  const heard = (operator: string) =>
    house.answers.filter((it) => it.operator === operator).map((it) => it.state)
  expect(heard('center/desk-1').at(-1)).toBe('released')
  expect(heard('center/desk-2')).toEqual(['accepted'])
  expect(house.sent.at(-1)).toMatchObject({
    issuer: 'operator:center/desk-2',
    values: { stage: 1 },
  })
})

test('an operator is served though buses have asked without end, and the one that goes hears why', async () => {
  const house = await openHouse({ predictive: keeping })
  const street = obedient(house)
  await house.pass(3, street)
  const bus = (vehicle: string, etaS = 60) =>
    house.request(
      'tlc.priority.request',
      { stage: 2, kind: 'bus', etaS, vehicle },
      { from: 'bus', role: 'priority' },
    )
  const first = await bus('bus-1')
  for (let at = 0; at < 20; at++) await bus('bus-1', 70 + at)
  expect(house.answers.find((it) => it.id === first && it.state === 'released')).toBeDefined()
  for (let at = 2; at < 9; at++) await bus(`bus-${at}`, 60 + at)
  expect(house.answers.map((it) => it.state)).not.toContain('rejected')
  const id = await house.request('tlc.mode.set', { mode: 'flashing' }, { holdForMs: 20_000 })
  expect(house.answers.find((it) => it.state === 'rejected')).toMatchObject({
    operator: 'bus',
    reason: expect.stringMatching(/that of desk-2 ranks higher/),
  })
  expect(house.answers.at(-1)).toMatchObject({ id, state: 'accepted' })
  expect(house.sent.at(-1)).toMatchObject({ code: 'tlc.mode.set', issuer: 'operator:desk-2' })
})
