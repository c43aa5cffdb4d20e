/** The life of commands, on a real outbox, with a device that answers early, late, twice, wrongly or never. */

import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import type { CommandRecord } from '../../../gateway/commands/record.ts'
import { isCodedError } from '../../../schemas/coded-error.ts'
import {
  type Desk,
  held,
  junction,
  openDesk,
  result,
  stageRequest,
  startMs,
  status,
  tempDir,
  timingRequest,
} from './desk.ts'

function issue(desk: Desk, request = stageRequest(2)): CommandRecord {
  const issued = desk.commands.issue(request)
  if (isCodedError(issued)) throw issued
  return issued
}

async function issueAndSettle(desk: Desk, request = stageRequest(2)): Promise<CommandRecord> {
  const issued = issue(desk, request)
  await desk.commands.settled()
  return issued
}

test('a command goes from issued over delivered and accepted to applied, and is released', async () => {
  const desk = await openDesk()
  const { id } = await issueAndSettle(desk)
  desk.commands.observe(result(id, 'accepted', startMs))
  desk.commands.observe(result(id, 'applied', startMs))
  desk.commands.observe(held(2, startMs + 1000, id))
  desk.commands.observe(result(id, 'released', startMs))
  expect(desk.lives[id]).toEqual(['issued', 'delivered', 'accepted', 'applied', 'released'])
  expect(desk.sent[0]?.topic).toBe('north/tlc-001/command/tlc.stage.set')
})

test('a command is on disk before the device sees it', async () => {
  const desk = await openDesk()
  desk.device.outcome = 'later'
  const { id } = issue(desk)
  expect(desk.sent).toHaveLength(0)
  await expect.poll(() => desk.sent.length).toBe(1)
  desk.sent[0]?.answer('delivered')
  await desk.commands.settled()
  await desk.commands.stop(1000)
  const db = new DatabaseSync(join(desk.dir, 'commands.db'), { readOnly: true })
  const row = db.prepare('SELECT body FROM commands WHERE id = ?').get(id)
  db.close()
  expect(JSON.parse(row?.body as string)).toMatchObject({ id, state: 'delivered' })
})

test('the device saying applied is not enough: its status must show it', async () => {
  const desk = await openDesk()
  const { id } = await issueAndSettle(desk)
  desk.commands.observe(result(id, 'applied', startMs))
  expect(desk.lives[id]).toEqual(['issued', 'delivered', 'accepted'])
})

test('a result that comes before the PUBACK counts, and the PUBACK after it changes nothing', async () => {
  const desk = await openDesk()
  desk.device.outcome = 'later'
  const { id } = issue(desk)
  await expect.poll(() => desk.sent.length).toBe(1)
  desk.commands.observe(result(id, 'accepted', startMs))
  desk.sent[0]?.answer('delivered')
  await desk.commands.settled()
  expect(desk.lives[id]).toEqual(['issued', 'accepted'])
})

test('a delivery that timed out may still be answered', async () => {
  const desk = await openDesk()
  desk.device.outcome = 'timeout'
  const { id } = await issueAndSettle(desk)
  expect(desk.lives[id]).toEqual(['issued'])
  desk.commands.observe(held(2, startMs + 1000, id))
  expect(desk.lives[id]).toEqual(['issued', 'applied'])
  expect(desk.counts.deliveryTimeouts).toBe(1)
})

test('a command that is never answered expires (IG_ERR_COMMAND_EXPIRED) and the late answer is counted as stale', async () => {
  const desk = await openDesk()
  const { id } = await issueAndSettle(desk)
  desk.clock.advanceTo(startMs + 13_000)
  expect(desk.lives[id]).toEqual(['issued', 'delivered', 'expired'])
  expect(desk.codes).toEqual(['IG_ERR_COMMAND_EXPIRED'])
  desk.commands.observe(result(id, 'accepted', startMs + 13_000))
  desk.commands.observe(held(2, startMs + 13_000, id))
  expect(desk.lives[id]).toEqual(['issued', 'delivered', 'expired'])
  expect(desk.counts.staleResults).toBe(1)
})

test('a result that comes twice counts once', async () => {
  const desk = await openDesk()
  const { id } = await issueAndSettle(desk)
  desk.commands.observe(result(id, 'rejected', startMs, 'local control'))
  desk.commands.observe(result(id, 'rejected', startMs, 'local control'))
  expect(desk.lives[id]).toEqual(['issued', 'delivered', 'rejected'])
  expect(desk.codes).toEqual(['IG_ERR_COMMAND_REFUSED_BY_DEVICE'])
  expect(desk.counts.staleResults).toBe(1)
})

test('a result from another device than the one commanded is ignored and counted', async () => {
  const desk = await openDesk()
  const { id } = await issueAndSettle(desk)
  desk.commands.observe({ ...result(id, 'rejected', startMs), node: 'north/tlc-002' })
  expect(desk.lives[id]).toEqual(['issued', 'delivered'])
  expect(desk.counts.staleResults).toBe(1)
})

test('nothing is issued to a device that is not there: IG_ERR_COMMAND_DEVICE_OFFLINE', async () => {
  const desk = await openDesk()
  desk.device.isReachable = false
  expect(desk.commands.issue(stageRequest(2))).toMatchObject({
    code: 'IG_ERR_COMMAND_DEVICE_OFFLINE',
  })
  desk.device.isReachable = true
  await desk.commands.settled()
  expect(desk.sent).toHaveLength(0)
})

test('a device that left while the command was written gets nothing later', async () => {
  const desk = await openDesk()
  desk.device.outcome = 'offline'
  const { id } = await issueAndSettle(desk)
  expect(desk.lives[id]).toEqual(['issued', 'expired'])
  expect(desk.commands.pending()).toEqual([])
})

test('a command that nobody understands is not issued: IG_ERR_COMMAND_INVALID', async () => {
  const desk = await openDesk()
  const wrong = stageRequest(2, { values: { stage: 'two' } })
  expect(desk.commands.issue(wrong)).toMatchObject({ code: 'IG_ERR_COMMAND_INVALID' })
})

test('a device that never answers is not buried in commands: IG_ERR_COMMAND_TOO_MANY_PENDING', async () => {
  const desk = await openDesk({ limits: { pendingPerJunctionMax: 2 } })
  issue(desk)
  issue(desk)
  expect(desk.commands.issue(stageRequest(2))).toMatchObject({
    code: 'IG_ERR_COMMAND_TOO_MANY_PENDING',
  })
  await desk.commands.settled()
})

test('epochs count up, also across a restart', async () => {
  const dir = tempDir()
  const first = await openDesk({ dir })
  const before = await issueAndSettle(first)
  const after = await issueAndSettle(first)
  expect(after.epoch).toBe(before.epoch + 1)
  await first.commands.stop(1000)
  const second = await openDesk({ dir, startMs: startMs - 3_600_000 })
  expect((await issueAndSettle(second)).epoch).toBe(after.epoch + 1)
})

test('a newer command that is shown supersedes the older one', async () => {
  const desk = await openDesk()
  const older = await issueAndSettle(desk)
  desk.commands.observe(held(2, startMs + 1000, older.id))
  const newer = await issueAndSettle(desk, stageRequest(3))
  // While stages change the device shows neither; the older one is on its way out, not reverted.
  desk.commands.observe(held(null, startMs + 2000))
  desk.commands.observe(held(3, startMs + 6000, newer.id))
  expect(desk.lives[older.id]).toEqual(['issued', 'delivered', 'applied', 'superseded'])
  expect(desk.lives[newer.id]).toEqual(['issued', 'delivered', 'applied'])
})

test('of two commands that wait for the disk only the newer one is sent', async () => {
  const desk = await openDesk()
  const older = issue(desk, stageRequest(2))
  const newer = issue(desk, stageRequest(3))
  await desk.commands.settled()
  expect(desk.sent.map((it) => it.message.id)).toEqual([newer.id])
  expect(desk.lives[older.id]).toEqual(['issued', 'superseded'])
})

test('a stage command and a timing stand side by side', async () => {
  const desk = await openDesk()
  const timing = await issueAndSettle(desk, timingRequest(80))
  const stage = await issueAndSettle(desk, stageRequest(2))
  const plan = { plan: 1, ...timing.values, source: 'central', commandId: timing.id }
  desk.commands.observe(status('tlc.plan', startMs + 1000, plan))
  desk.commands.observe(held(2, startMs + 1000, stage.id))
  expect(desk.commands.pending(junction).map((it) => it.state)).toEqual(['applied', 'applied'])
})

test('equal values of a status newer than the command show it where the device names none', async () => {
  const desk = await openDesk()
  const plan = { plan: 1, ...timingRequest(80).values, source: 'central' }
  desk.clock.advanceTo(startMs + 10_000)
  const { id } = await issueAndSettle(desk, timingRequest(80))
  desk.commands.observe(status('tlc.plan', startMs + 9000, plan))
  expect(desk.lives[id]).toEqual(['issued', 'delivered'])
  desk.commands.observe(status('tlc.plan', startMs + 11_000, plan))
  expect(desk.lives[id]).toEqual(['issued', 'delivered', 'applied'])
})

test('a device that shows something else during the lease has reverted', async () => {
  const desk = await openDesk()
  const { id } = await issueAndSettle(desk)
  desk.commands.observe(held(2, startMs + 1000, id))
  desk.commands.observe(held(null, startMs + 5000))
  expect(desk.lives[id]).toEqual(['issued', 'delivered', 'applied', 'reverted'])
})

test('a device that shows something else when the lease is over has given it back', async () => {
  const desk = await openDesk()
  const { id } = await issueAndSettle(desk)
  desk.commands.observe(held(2, startMs, id))
  desk.clock.advanceTo(startMs + 14_500)
  desk.commands.observe(held(null, startMs + 14_500))
  expect(desk.lives[id]?.at(-1)).toBe('released')
})

test('a lease that ends in silence expires by our own clock', async () => {
  const desk = await openDesk()
  const { id } = await issueAndSettle(desk)
  desk.commands.observe(held(2, startMs, id))
  desk.clock.advanceTo(startMs + 18_000)
  expect(desk.lives[id]?.at(-1)).toBe('expired')
  expect(desk.counts['transitions expired']).toBe(1)
})

test('an accepted command may take until the end of the cycle before it is shown', async () => {
  const desk = await openDesk()
  const { id } = await issueAndSettle(desk, timingRequest(80))
  desk.commands.observe(result(id, 'accepted', startMs))
  desk.clock.advanceTo(startMs + 120_000)
  expect(desk.lives[id]?.at(-1)).toBe('accepted')
  desk.clock.advanceTo(startMs + 400_000)
  expect(desk.lives[id]?.at(-1)).toBe('expired')
})

test('what the guard refuses at the last moment is not sent', async () => {
  const desk = await openDesk({ lastWord: () => 'maximum red' })
  const { id } = await issueAndSettle(desk)
  expect(desk.sent).toHaveLength(0)
  expect(desk.commands.recent().find((it) => it.id === id)).toMatchObject({
    state: 'rejected',
    reason: 'guard: maximum red',
  })
})

/** The device runs this timing by itself and names no command. */
const runningAlready = (atMs: number) =>
  status('tlc.plan', atMs, { plan: 1, ...timingRequest(80).values, source: 'central' })

test('what the guard refuses at the last moment is not sent, though the device shows the same by itself', async () => {
  const desk = await openDesk({ lastWord: () => 'maximum red' })
  const { id } = issue(desk, timingRequest(80))
  desk.commands.observe(runningAlready(startMs + 1000))
  await desk.commands.settled()
  expect(desk.sent).toHaveLength(0)
  expect(desk.lives[id]).toEqual(['issued', 'rejected'])
})

test('what must not leave does not, though the device names it', async () => {
  const refused = await openDesk({ lastWord: () => 'maximum red' })
  const { id } = issue(refused)
  refused.commands.observe(held(2, startMs + 1000, id))
  await refused.commands.settled()
  expect(refused.sent).toHaveLength(0)
  expect(refused.lives[id]).toEqual(['issued', 'applied', 'rejected'])

  const late = await openDesk()
  const early = issue(late)
  late.commands.observe(held(2, startMs + 1000, early.id))
  late.clock.advanceTo(startMs + 10_000)
  await late.commands.settled()
  expect(late.sent).toHaveLength(0)
})

test('equal values show a command once it has left', async () => {
  const desk = await openDesk()
  desk.device.outcome = 'later'
  const { id } = issue(desk, timingRequest(80))
  desk.commands.observe(runningAlready(startMs + 1000))
  expect(desk.lives[id]).toEqual(['issued'])
  await expect.poll(() => desk.sent.length).toBe(1)
  desk.commands.observe(runningAlready(startMs + 2000))
  expect(desk.lives[id]).toEqual(['issued', 'applied'])
  desk.sent[0]?.answer('delivered')
  await desk.commands.settled()
  expect(desk.lives[id]).toEqual(['issued', 'applied'])
})

test('a command that found nobody there is not in force, though the device showed the same meanwhile', async () => {
  const desk = await openDesk()
  desk.device.outcome = 'later'
  const { id } = issue(desk, timingRequest(80))
  await expect.poll(() => desk.sent.length).toBe(1)
  desk.commands.observe(runningAlready(startMs + 1000))
  desk.sent[0]?.answer('offline')
  await desk.commands.settled()
  expect(desk.lives[id]).toEqual(['issued', 'applied', 'expired'])
})

test('after a restart what was under way has expired and is not sent again; a lease that runs goes on', async () => {
  const dir = tempDir()
  const first = await openDesk({ dir })
  const applied = await issueAndSettle(first)
  first.commands.observe(held(2, startMs + 1000, applied.id))
  const pending = await issueAndSettle(first, timingRequest(80))
  await first.commands.stop(1000)

  const second = await openDesk({ dir, startMs: startMs + 3000 })
  await second.commands.settled()
  expect(second.sent).toHaveLength(0)
  second.clock.advanceTo(startMs + 4000)
  expect(second.commands.pending().map((it) => it.id)).toEqual([applied.id])
  expect(second.commands.recent().find((it) => it.id === pending.id)?.state).toBe('expired')
  second.clock.advanceTo(startMs + 30_000)
  expect(second.commands.pending()).toEqual([])
})

test('a simulated run that begins again before its last commands does not take them for in force', async () => {
  const dir = tempDir()
  const first = await openDesk({ dir })
  const applied = await issueAndSettle(first)
  first.commands.observe(held(2, startMs + 1000, applied.id))
  await first.commands.stop(1000)
  const second = await openDesk({ dir, startMs: startMs - 3_600_000 })
  second.clock.advanceTo(startMs - 3_599_000)
  expect(second.commands.pending()).toEqual([])
  expect((await issueAndSettle(second)).epoch).toBe(applied.epoch + 1)
})

test('a second gateway on the same directory is refused: IG_ERR_COMMAND_STORE_UNUSABLE', async () => {
  const desk = await openDesk()
  await expect(openDesk({ dir: desk.dir })).rejects.toMatchObject({
    code: 'IG_ERR_COMMAND_STORE_UNUSABLE',
  })
})

test('a status of a device whose clock jumped ahead once does not make it unheard for ever', async () => {
  const desk = await openDesk()
  desk.commands.observe(held(1, startMs + 86_400_000))
  const { id } = await issueAndSettle(desk)
  desk.clock.advanceTo(startMs + 2000)
  desk.commands.observe(held(2, startMs + 2000, id))
  expect(desk.lives[id]?.at(-1)).toBe('applied')
})

test('settled waits for every delivery that is under way', async () => {
  const desk = await openDesk()
  desk.device.outcome = 'later'
  issue(desk)
  let isSettled = false
  const settled = desk.commands.settled().then(() => {
    isSettled = true
  })
  await expect.poll(() => desk.sent.length).toBe(1)
  expect(isSettled).toBe(false)
  desk.sent[0]?.answer('timeout')
  await settled
})
