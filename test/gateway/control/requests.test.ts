/** What is asked for is granted by the certificate it came with, through the whole loop. */
import { expect, test } from 'vitest'
import type { House } from './house.ts'
import { obedient, openHouse, scripted, stage } from './house.ts'
import { node } from './junction.ts'

const bus = { stage: 2, kind: 'bus', etaS: 5 }
const ambulance = { stage: 1, kind: 'emergency', etaS: 10 }
const vehicle = 'tlc.priority.request'

async function openStreet(): Promise<{ house: House; street: (nowMs: number) => void }> {
  const house = await openHouse({ predictive: scripted(() => stage(1)) })
  const street = obedient(house)
  await house.pass(3, street)
  return { house, street }
}

const issuer = (house: House) => house.commands.newest(node, 'stage')?.issuer
const answersTo = (house: House, id: string) => house.answers.filter((answer) => answer.id === id)

test('an emergency ranks above a bus when its certificate says so, and is rejected when only its message does', async () => {
  const { house } = await openStreet()
  const transit = { from: 'transit', role: 'priority', holdForMs: 30_000 } as const
  await house.request(vehicle, bus, transit)
  expect(issuer(house)).toBe('priority:transit')
  const claimed = await house.request(vehicle, ambulance, { ...transit, from: 'courier' })
  expect(issuer(house)).toBe('priority:transit')
  expect(answersTo(house, claimed)).toMatchObject([
    {
      operator: 'courier',
      state: 'rejected',
      reason: expect.stringMatching(/^IG_ERR_MSG_BEYOND_CERTIFICATE: .*role priority.*emergency/),
    },
  ])
  const certified = await house.request(vehicle, ambulance, { from: 'rescue', role: 'emergency' })
  expect(issuer(house)).toBe('emergency:rescue')
  expect(answersTo(house, certified)).toMatchObject([{ state: 'accepted' }])
})

test('an operator may ask for either kind, and who has the certificate for emergencies for a bus', async () => {
  const { house } = await openStreet()
  await house.request(vehicle, bus, { from: 'rescue', role: 'emergency' })
  expect(issuer(house)).toBe('priority:rescue')
  await house.request(vehicle, ambulance)
  expect(issuer(house)).toBe('emergency:desk-2')
})

test.each([
  ['tlc.stage.set', { stage: 2 }],
  ['tlc.mode.set', { mode: 'flashing' }],
  ['tlc.plan.set', { plan: 1 }],
  ['tlc.timing.set', { cycleS: 60, offsetS: 0, greensS: { 1: 25, 2: 25 } }],
])(
  '%s of a priority system, or of nobody known, is rejected and nothing is sent',
  async (code, values) => {
    const { house } = await openStreet()
    const sent = house.sent.length
    for (const role of ['priority', 'emergency', 'none'] as const) {
      const id = await house.request(code, values, { from: 'transit', role })
      expect(answersTo(house, id)).toMatchObject([
        { state: 'rejected', reason: expect.stringContaining('IG_ERR_MSG_BEYOND_CERTIFICATE') },
      ])
    }
    expect(house.sent).toHaveLength(sent)
  },
)

test('a priority system gives back what it asked for itself, an operator what every operator holds', async () => {
  const { house } = await openStreet()
  const held = await house.request('tlc.mode.set', { mode: 'flashing' }, { holdForMs: 300_000 })
  const theirs = await house.request(vehicle, bus, { from: 'trams', role: 'priority' })
  const ours = await house.request(vehicle, bus, { from: 'transit', role: 'priority' })
  await house.request('release', {}, { from: 'transit', role: 'priority' })
  expect(answersTo(house, ours).at(-1)?.state).toBe('released')
  for (const id of [held, theirs]) expect(answersTo(house, id).at(-1)?.state).toBe('accepted')
  await house.request('release', {}, { from: 'desk-1' })
  expect(answersTo(house, held).at(-1)?.state).toBe('released')
  expect(answersTo(house, theirs).at(-1)?.state).toBe('accepted')
})
