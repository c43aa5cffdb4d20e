/** The way of a command: forecast → decision → guard → outbox → device → result and status → back in by the same door. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { eventually } from '../support/eventually.ts'
import { type Client, connect, openHouse, temporaryFolder } from '../support/house.ts'
import { openStreetHouse, runStreet } from '../support/street-house.ts'

const messagesOf = (client: Client, part: string) =>
  client.received.filter(({ topic }) => topic.includes(part)).map(({ message }) => message as never)

test('a decision becomes a command that the controller obeys and its own status confirms', async () => {
  const house = await openStreetHouse()
  const center = await house.connect('center', 'center/desk-1')
  await center.subscribe(
    '+/+/command/#',
    '+/+/result/#',
    '+/+/status/tlc.mode/#',
    'gateway/+/status/#',
  )
  const run = runStreet(house, ['--speed=max', '--duration-s=90'])
  expect(await run.ended, run.errors()).toBe(0)
  await eventually(() => {
    const [command] = messagesOf(center, '/command/tlc.stage.set') as {
      id: string
      expiresAt: string
      holdForMs: number
      epoch: number
      issuer: string
    }[]
    expect(command).toMatchObject({ issuer: 'strategy:predictive', holdForMs: expect.any(Number) })
    const life = (
      messagesOf(center, '/status/gateway.commands') as {
        entries: { values: { id: string; state: string } }[]
      }[]
    )
      .flatMap(({ entries }) => entries.map(({ values }) => values))
      .filter(({ id }) => id === command!.id)
      .map(({ state }) => state)
    expect(life.slice(0, 4)).toEqual(['issued', 'delivered', 'accepted', 'applied'])
    const decisions = messagesOf(center, '/status/gateway.control') as {
      entries: { values: { why: string } }[]
    }[]
    expect(decisions[0]?.entries[0]?.values.why.length).toBeGreaterThan(10)
  })
  expect(
    center.received.every(({ topic, retain }) => !topic.includes('/command/') || !retain),
  ).toBe(true)
  const summary = house.gateway.summary()
  expect(summary).toMatchObject({ quarantined: 0, residual: 0, delay: { monitorViolations: 0 } })
  expect(summary.commands.applied).toBeGreaterThan(0)
})

test('over a simulated hour drivers wait less under control than under the local plan', async () => {
  const house = await openStreetHouse()
  const run = runStreet(house, ['--speed=max', '--duration-s=3600'])
  expect(await run.ended, run.errors()).toBe(0)
  const { delay, residual, quarantined } = house.gateway.summary()
  expect({ residual, quarantined, violations: delay.monitorViolations }).toEqual({
    residual: 0,
    quarantined: 0,
    violations: 0,
  })
  expect(delay.vehicles).toBeGreaterThan(1_000)
  expect(delay.controlS).toBeLessThan(delay.localPlanS!)
}, 240_000)

test('an operator holds a stage, is answered, and gives the junction back', async () => {
  const house = await openStreetHouse()
  const operator = await house.connect('operator', 'center/operator-1')
  await operator.subscribe('center/operator-1/result/#', 'north/tlc-001/command/#')
  const run = runStreet(house, ['--speed=20'])
  await run.ready
  await eventually(
    () => expect(house.gateway.summary().commands.applied).toBeGreaterThan(0),
    20_000,
  )
  const { createCommandId } = await import('../../schemas/ids.ts')
  const ask = (code: string, values: object) => {
    const nowMs = house.gateway.nowMs()
    const iso = (ms: number) => new Date(ms).toISOString()
    return operator.publish(`center/operator-1/request/${code}`, {
      id: createCommandId(nowMs),
      ts: iso(nowMs),
      expiresAt: iso(nowMs + 60_000),
      target: 'north/tlc-001',
      ...(code === 'release' ? {} : { holdForMs: 60_000 }),
      values,
    })
  }
  await ask('tlc.stage.set', { stage: 2 })
  await eventually(() => {
    expect(messagesOf(operator, '/result/tlc.stage.set')).toContainEqual(
      expect.objectContaining({ state: 'accepted' }),
    )
    expect(messagesOf(operator, '/command/')).toContainEqual(
      expect.objectContaining({ issuer: 'operator:center/operator-1', values: { stage: 2 } }),
    )
  }, 20_000)
  await ask('release', {})
  await eventually(() => {
    expect((messagesOf(operator, '/command/') as { issuer: string }[]).at(-1)?.issuer).toBe(
      'strategy:predictive',
    )
  }, 20_000)
}, 60_000)

test('a junction document that contradicts itself is a coded error that names the file', async () => {
  const dir = await temporaryFolder()
  writeFileSync(join(dir, 'tlc-1.json'), '{"node":"north/tlc-001"}')
  await expect(openHouse({ junctions: dir })).rejects.toMatchObject({
    code: 'IG_ERR_CONTROL_JUNCTION_INVALID',
  })
})

test('a client of another authority is not let in', async () => {
  const house = await openHouse()
  const other = await openHouse()
  await expect(
    connect(
      other.certificates,
      house.port,
      { role: 'device', name: 'north/det-001' },
      { rejectUnauthorized: false },
    ),
  ).rejects.toThrow()
})
