/** Dead letters from the command line, beside a sink that goes on. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import {
  type DeadLettersOptions,
  deadLettersProgram,
  runDeadLetters,
} from '../../../gateway/influx/dead-letters-program.ts'
import { openSinkStore } from '../../../gateway/influx/sink-store.ts'
import { readCommandLine } from '../../../schemas/command-line.ts'

const sevenMs = Date.parse('2026-11-22T07:00:00.000Z')

function house() {
  const dir = mkdtempSync(join(tmpdir(), 'intergreen-letters-'))
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

async function run(dir: string, ...argv: string[]): Promise<string[]> {
  const line = readCommandLine<DeadLettersOptions>(
    deadLettersProgram,
    [...argv, '--data-dir', dir],
    {},
  )
  if (line.kind === 'help') throw new Error('help')
  const lines: string[] = []
  const print = (text: string) => void lines.push(text)
  await runDeadLetters(line.options, { positionals: line.positionals, print })
  return lines
}

const letter = (at: number) => ({
  atMs: sevenMs + at,
  source: 'ledger',
  offset: at,
  topic: 'north/det-1/status/traffic.count/1min',
  line: `traffic_count,node=north/det-1 vehicles=${at}i ${sevenMs}`,
  message: at % 2 === 0 ? 'field type conflict' : 'beyond retention',
})

test('list tells what was refused, youngest first; lines are what a database takes, oldest first', async () => {
  const dir = house()
  const store = openSinkStore(join(dir, 'sink.db'))
  onTestFinished(() => store.close())
  store.settle(
    new Map(),
    Array.from({ length: 2_500 }, (_, at) => letter(at)),
  )
  const [youngest, ...others] = await run(dir, 'list', '--limit', '3')
  expect(JSON.parse(youngest!)).toEqual({
    at: '2026-11-22T07:00:02.499Z',
    id: 2_500,
    source: 'ledger',
    offset: 2_499,
    topic: 'north/det-1/status/traffic.count/1min',
    line: letter(2_499).line,
    message: 'beyond retention',
  })
  expect(others.map((text) => JSON.parse(text).offset)).toEqual([2_498, 2_497])
  const conflicts = await run(dir, 'lines', '--limit', '10000', '--says', 'conflict')
  expect(conflicts).toHaveLength(1_250)
  expect(conflicts.slice(0, 2)).toEqual([letter(0).line, letter(2).line])
  expect(await run(dir, 'lines', '--before', '2')).toEqual([letter(0).line])
})

test('a folder without a sink is IG_ERR_SINK_STORE_UNREADABLE, an unknown word is told', async () => {
  const dir = house()
  await expect(run(dir, 'list')).rejects.toMatchObject({ code: 'IG_ERR_SINK_STORE_UNREADABLE' })
  await expect(run(dir, 'resubmit')).rejects.toMatchObject({ code: 'IG_ERR_COMMAND_LINE_INVALID' })
})
