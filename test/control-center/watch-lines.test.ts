/** What the control center in a terminal shows of each message. */
import { expect, test } from 'vitest'
import { linesOf, render } from '../../control-center/watch-lines.ts'
import { isTopic, parseTopic } from '../../schemas/topics.ts'

const ts = '2026-11-23T07:01:05.000Z'
const id = '01JD8Z5N7QK3V9X2M4C6B8A0TR'

function shown(topicText: string, value: unknown): string[] {
  const topic = parseTopic(topicText)
  if (!isTopic(topic)) throw new Error(topic.reason)
  return linesOf(topic, value).map((line) => render(line, false))
}

const status = (values: object) => ({ entries: [{ ts, seq: 1, values }] })

test('a decision is shown with its reason and the forecast it rests on', () => {
  const values = {
    junction: 'north/tlc-001',
    strategy: 'predictive',
    rung: 'predictive',
    decision: 'stage',
    why: '7 vehicles come from the west in 9 s',
    commandId: id,
    values: { stage: 1 },
    forecast: { 'ln/1': 612.4, 'ln/2': 80 },
    forecastModel: 'seasonal-1',
    forecastAgeMs: 5000,
  }
  const [line] = shown('gateway/main/status/gateway.control', status(values))
  expect(line).toBe(
    '07:01:05  decision  north/tlc-001  stage …6B8A0TR stage 1 [predictive, predictive]: 7 vehicles come from the west in 9 s | forecast veh/h ln/1 612 ln/2 80 (seasonal-1, newest reading 5 s old)'.replace(
      '…6B8A0TR',
      `…${id.slice(-8)}`,
    ),
  )
})

test('keeping on is no event, nor are healthy accounts or readings', () => {
  const keep = { junction: 'north/tlc-001', decision: 'keep', why: 'x' }
  expect(shown('gateway/main/status/gateway.control', status(keep))).toEqual([])
  expect(shown('gateway/main/status/gateway.accounts', status({ residual: 0 }))).toEqual([])
  expect(shown('north/det-001/status/traffic.queue/live', status({ lanes: {} }))).toEqual([])
  expect(shown('gateway/main/status/gateway.accounts', status({ residual: 3 }))).toHaveLength(1)
})

test('a change of who forecasts is a line, and so is what becomes of a model', () => {
  const topic = 'gateway/main/status/gateway.models'
  const facts = {
    quantity: 'vehiclesPer5Min',
    from: 'profile',
    to: 'flow-2',
    why: 'better',
    pairs: 1500,
    ratio: 0.9372,
  }
  expect(shown(topic, status({ event: 'seatChanged', model: 'flow-2', facts }))).toEqual([
    '07:01:05  model     gateway/main  vehiclesPer5Min is forecast by flow-2 instead of profile (better, 94 % of its loss)',
  ])
  const refused = { event: 'modelRefused', model: 'wide', facts: { reason: 'not the vector' } }
  expect(shown(topic, status(refused))).toEqual([
    '07:01:05  model     gateway/main  modelRefused wide: not the vector',
  ])
})

test('a command, each step of its life, its result and what the junction runs', () => {
  const command = {
    id,
    ts,
    holdForMs: 15_000,
    issuer: 'strategy:predictive',
    values: { cycleS: 60, greensS: { '1': 20, '2': 8 } },
  }
  expect(shown('north/tlc-001/command/tlc.timing.set', command)[0]).toContain(
    'tlc.timing.set cycleS 60, greensS {1:20,2:8}, holds 15 s, by strategy:predictive',
  )
  const life = {
    id,
    junction: 'north/tlc-001',
    code: 'tlc.timing.set',
    state: 'issued',
    issuer: 'strategy:predictive',
  }
  expect(shown('gateway/main/status/gateway.commands', status(life))[0]).toMatch(
    /life {6}north\/tlc-001 {2}….{8} tlc\.timing\.set issued by strategy:predictive/,
  )
  const result = { id, ts, state: 'rejected', reason: 'under manual control' }
  expect(shown('north/tlc-001/result/tlc.timing.set', result)[0]).toContain(
    'rejected: under manual control',
  )
  const plan = {
    plan: 1,
    cycleS: 60,
    offsetS: 3,
    greensS: { '1': 20 },
    source: 'central',
    commandId: id,
  }
  expect(shown('north/tlc-001/status/tlc.plan', status(plan))[0]).toContain(
    'runs plan 1, cycle 60 s',
  )
  const mode = { mode: 'normal', control: 'central', stage: 2, commandId: id }
  expect(shown('north/tlc-001/status/tlc.mode', status(mode))[0]).toContain('holds stage 2')
})

test('what comes from outside cannot move the cursor or change the colour', () => {
  const result = { id, ts, state: 'rejected', reason: '\u001b[2J\u0007gone' }
  const [line = ''] = shown('north/tlc-001/result/tlc.timing.set', result)
  expect(line).not.toContain('\u001b')
  expect(line).toContain('?[2J?gone')
})
