/** The history from the command line, beside a gateway's history that goes on being written. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect, onTestFinished, test } from 'vitest'
import { openHistory } from '../../../gateway/history/history.ts'
import {
  type HistoryProgramOptions,
  historyProgram,
  runHistory,
} from '../../../gateway/history/history-program.ts'
import { silentLog } from '../../../gateway/kit/log.ts'
import { readCommandLine } from '../../../schemas/command-line.ts'
import { runProgramFile } from '../../support/house.ts'

const baseMs = Date.parse('2026-11-22T07:00:00.000Z')
const minuteMs = 60_000
const iso = (atMs: number) => new Date(atMs).toISOString()

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'intergreen-history-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

/** A history that stays open, as the gateway's is. */
function house() {
  const dir = folder()
  const history = openHistory({ path: join(dir, 'history.db'), log: silentLog })
  onTestFinished(() => history.close())
  const tell = (topic: string, atMs: number, values: object, more: object = {}) => {
    const message = { entries: [{ ts: iso(atMs), seq: 0, values, ...more }] }
    const payload = Buffer.from(JSON.stringify(message))
    history.append([{ receivedAtMs: atMs, topic, payload }])
  }
  return { dir, tell }
}

async function run(dir: string, ...argv: string[]): Promise<Record<string, unknown>[]> {
  const flags = [...argv, '--data-dir', dir]
  const line = readCommandLine<HistoryProgramOptions>(historyProgram, flags, {})
  if (line.kind === 'help') throw new Error('help')
  const rows: Record<string, unknown>[] = []
  const print = (text: string) => void rows.push(JSON.parse(text))
  await runHistory(line.options, { positionals: line.positionals, print })
  return rows
}

test('decisions and commands of a time are told, newest first, with their reasons', async () => {
  const { dir, tell } = house()
  const junction = 'north/tlc-001'
  const decided = { junction, strategy: 'predictive', rung: 'predictive', decision: 'stage' }
  for (let at = 0; at < 3; at++) {
    const why = `reason ${at}`
    tell('gateway/main/status/gateway.control', baseMs + at * minuteMs, { ...decided, why })
  }
  const life = { id: '01JD9Z8V7B0000000000000000', junction, code: 'tlc.stage.set' }
  for (const [at, state] of ['issued', 'applied'].entries())
    tell('gateway/main/status/gateway.commands', baseMs + at, { ...life, state, issuer: 'x' })

  const all = await run(dir, 'decisions', '--node', junction)
  expect(all.map(({ why }) => why)).toEqual(['reason 2', 'reason 1', 'reason 0'])
  const range = ['--from', iso(baseMs + minuteMs), '--to', '2026-11-22T07:02:00Z']
  expect(await run(dir, 'decisions', '--node', junction, ...range)).toMatchObject([
    { at: '2026-11-22T07:01:00.000Z', why: 'reason 1', isShadow: false },
  ])
  expect(await run(dir, 'decisions', '--node', junction, '--limit', '1')).toHaveLength(1)
  const [command] = await run(dir, 'commands', '--to', '2026-11-22T07:01:00Z', '--last', '1m')
  expect(command).toMatchObject({
    state: 'applied',
    life: [{ at: iso(baseMs), state: 'issued' }, { at: iso(baseMs + 1) }],
  })
  expect(await run(dir, 'commands', '--node', 'north/tlc-002')).toEqual([])
  expect(await run(dir, 'commands', '--to', '2026-11-22T08:00:00Z', '--last', '30m')).toEqual([])
})

test('alarms, series, devices and models are told, and so is what is still written meanwhile', async () => {
  const { dir, tell } = house()
  const fault = { component: 'dl/1', active: true }
  for (const node of ['north/det-1', 'north/det-2'])
    tell(`${node}/alarm/detector.fault`, baseMs, { kind: 'dead' }, fault)
  expect(await run(dir, 'alarms', '--node', 'north/det-2')).toMatchObject([
    { node: 'north/det-2', raisedAt: iso(baseMs), clearedAt: null },
  ])
  const detectors = { 'dl/1': { vehicles: 4, occupancy: 10, speed: 40 } }
  const counts = 'north/det-1/status/traffic.count/1min'
  for (let at = 1; at <= 10; at++)
    tell(counts, baseMs + at * minuteMs, { windowMs: minuteMs, detectors })
  const series = ['series', '--node', 'north/det-1', '--component', 'dl/1']
  const rows = await run(dir, ...series)
  expect(rows.map(({ at, vehicles }) => [at, vehicles])).toEqual([
    [iso(baseMs), 20],
    [iso(baseMs + 5 * minuteMs), 20],
  ])
  expect(await run(dir, ...series, '--step', '1')).toHaveLength(10)
  expect(await run(dir, 'components')).toEqual([{ node: 'north/det-1', component: 'dl/1' }])
  const seat = { event: 'seatChanged', model: 'flow', facts: { from: 'profile', why: 'empty' } }
  tell('gateway/main/status/gateway.models', baseMs, seat)
  expect(await run(dir, 'models')).toEqual([{ at: iso(baseMs), ...seat }])
  expect(await run(dir, 'devices')).toEqual([])
})

test('what cannot be asked is told by option, what cannot be read by file', async () => {
  const { dir } = house()
  const refused = { code: 'IG_ERR_COMMAND_LINE_INVALID' }
  for (const argv of [
    ['everything'],
    ['decisions'],
    ['series', '--node', 'north/det-1'],
    ['alarms', '--from', 'yesterday'],
    ['alarms', '--from', '2026-11-22T07:00:00Z', '--last', '1h'],
    ['alarms', '--last', '1y'],
    ['alarms', '--limit', '20001'],
  ])
    await expect(run(dir, ...argv), argv.join(' ')).rejects.toMatchObject(refused)
  const unreadable = { code: 'IG_ERR_HISTORY_UNREADABLE' }
  await expect(run(folder(), 'alarms')).rejects.toMatchObject(unreadable)
  const versioned = async (version: number) => {
    const place = folder()
    const db = new DatabaseSync(join(place, 'history.db'))
    db.exec(`PRAGMA user_version = ${version}`)
    db.close()
    await run(place, 'alarms')
  }
  await expect(versioned(2)).rejects.toMatchObject(unreadable)
  await expect(versioned(99)).rejects.toMatchObject({ code: 'IG_ERR_HISTORY_VERSION' })
})

test('as typed: help with examples, rows as lines, exit code 2 for what is wrong', async () => {
  const help = runProgramFile('gateway/history/history-main.ts', ['--help'])
  expect(await help.ended).toBe(0)
  expect(help.lines.join('\n')).toContain('history -- decisions --node north/tlc-001')
  const { dir, tell } = house()
  tell('north/det-1/alarm/detector.fault', baseMs, { kind: 'dead' }, { active: true })
  const alarms = runProgramFile('gateway/history/history-main.ts', ['alarms', '--data-dir', dir])
  expect(await alarms.ended, alarms.errors()).toBe(0)
  expect(alarms.lines.map((line) => JSON.parse(line).node)).toEqual(['north/det-1'])
  const wrong = runProgramFile('gateway/history/history-main.ts', ['--data-dir', dir])
  expect(await wrong.ended).toBe(2)
})
