/** The program itself: a real house, an operator's certificate, a street that obeys. */
import { expect, test } from 'vitest'
import { openHouse as openDoor } from '../broker/house.ts'
import { eventually } from '../support/eventually.ts'
import { type House, openHouse, type RunningProgram, runProgramFile } from '../support/house.ts'
import { openStreetHouse, runStreet } from '../support/street-house.ts'

type Line = Readonly<Record<string, unknown>>

async function request(house: House, words: readonly string[]): Promise<RunningProgram> {
  const files = await house.certificates.of('operator', 'center/operator-1')
  return runProgramFile('control-center/request.ts', [
    ...words,
    ...['--url', `mqtts://localhost:${house.port}`],
    ...['--cert', files.cert, '--key', files.key, '--ca', files.ca],
  ])
}

const linesOf = (run: RunningProgram) => run.lines.map((line) => JSON.parse(line) as Line)
const answersOf = (run: RunningProgram) =>
  linesOf(run)
    .filter(({ event }) => event === 'answer')
    .map(({ state }) => state)

/** A street of which everything is known already. */
async function openObedientStreet(): Promise<House> {
  const house = await openStreetHouse()
  await runStreet(house, ['--speed=20']).ready
  await eventually(
    () => expect(house.gateway.summary().commands.applied).toBeGreaterThan(0),
    20_000,
  )
  return house
}

test('a stage is asked for, applied and given back, each answer and step of the command a line', async () => {
  const house = await openObedientStreet()
  const stage = await request(house, ['stage', 'north/tlc-001', '2', '--hold', '60s'])
  expect(await stage.ended, stage.errors()).toBe(0)
  expect(answersOf(stage)).toEqual(['accepted', 'applied'])
  const [first] = linesOf(stage)
  // Dated by the gateway's simulated time, not by the wall's.
  expect(first).toMatchObject({
    event: 'request',
    topic: 'center/operator-1/request/tlc.stage.set',
    ts: expect.stringMatching(/^2026-11-23T07/),
    target: 'north/tlc-001',
    holdForMs: 60_000,
    values: { stage: 2 },
  })
  const life = linesOf(stage).filter(({ event }) => event === 'command')
  expect(life.map(({ state }) => state)).toEqual(
    expect.arrayContaining(['issued', 'delivered', 'accepted']),
  )
  expect(life[0]).toMatchObject({ issuer: 'operator:center/operator-1', code: 'tlc.stage.set' })

  const plan = await request(house, ['plan', 'north/tlc-001', '1', '--hold', '5m'])
  expect(await plan.ended, plan.errors()).toBe(0)
  const release = await request(house, ['release', 'north/tlc-001'])
  expect(await release.ended, release.errors()).toBe(0)
  expect(answersOf(release)).toEqual(['released'])
}, 60_000)

test('what the guard or the gateway refuses is told with its reason, and the exit code is 1', async () => {
  const house = await openObedientStreet()
  const run = await request(house, ['stage', 'north/tlc-001', '77'])
  expect(await run.ended, run.errors()).toBe(1)
  expect(linesOf(run).at(-1)).toMatchObject({
    event: 'answer',
    state: 'rejected',
    reason: expect.stringMatching(/stage/),
  })
  const elsewhere = await request(house, ['release', 'north/tlc-999'])
  expect(await elsewhere.ended).toBe(1)
  expect(linesOf(elsewhere).at(-1)).toMatchObject({ state: 'rejected' })
}, 60_000)

test.each([
  ['a word that is none', ['stages', 'north/tlc-001', '2']],
  ['no junction', ['stage']],
  ['a stage that is no number', ['stage', 'north/tlc-001', 'two']],
  ['a stage that cannot be', ['stage', 'north/tlc-001', '0']],
  ['a timing without a cycle', ['timing', 'north/tlc-001', '1=41,2=21']],
  ['a mode that is none', ['mode', 'north/tlc-001', 'dark']],
  ['a hold without a unit', ['stage', 'north/tlc-001', '2', '--hold', '60']],
  ['a hold of two days', ['stage', 'north/tlc-001', '2', '--hold', '48h']],
  ['a release of something', ['release', 'north/tlc-001', '2']],
])('%s is said before anybody is asked, with exit code 2', async (_what, words) => {
  const run = runProgramFile('control-center/request.ts', words)
  expect(await run.ended).toBe(2)
  expect(run.lines).toEqual([])
  expect(JSON.parse(run.errors())).toMatchObject({ code: 'IG_ERR_COMMAND_LINE_INVALID' })
})

test('a center may not ask: the door closes, and the error says whose certificate it takes', async () => {
  const house = await openHouse()
  const files = await house.certificates.of('center', 'center/desk-1')
  const run = runProgramFile('control-center/request.ts', [
    ...['release', 'north/tlc-001', '--url', `mqtts://localhost:${house.port}`],
    ...['--cert', files.cert, '--key', files.key, '--ca', files.ca],
  ])
  expect(await run.ended).toBe(2)
  expect(JSON.parse(run.errors())).toMatchObject({
    code: 'IG_ERR_CENTER_REFUSED',
    msg: expect.stringContaining('operator'),
  })
}, 30_000)

test('a gateway that does not answer is a coded error with exit code 1', async () => {
  const door = await openDoor()
  await door.issue('operator', 'center/operator-1')
  const { paths } = door.authority
  const run = runProgramFile('control-center/request.ts', [
    ...['release', 'north/tlc-001', '--url', door.url, '--answer-s', '1'],
    ...['--cert', paths.cert('center/operator-1'), '--key', paths.key('center/operator-1')],
    ...['--ca', paths.caCert],
  ])
  expect(await run.ended).toBe(1)
  expect(JSON.parse(run.errors())).toMatchObject({ code: 'IG_ERR_CENTER_UNANSWERED' })
}, 30_000)
