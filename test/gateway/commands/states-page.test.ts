/** docs/commands.md draws the table of states.ts: cell by cell the same. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import {
  commandEvents,
  commandStates,
  hasEnded,
  transitions,
} from '../../../gateway/commands/states.ts'

const page = readFileSync(join(import.meta.dirname, '../../../docs/commands.md'), 'utf8')

test('the table on the page is the table in the code', () => {
  const lines = page.split('\n')
  const head = lines.findIndex((line) => line.startsWith('| event |'))
  const cells = (line: string) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', ''))
  const live = commandStates.filter((state) => !hasEnded(state))
  expect(cells(lines[head] ?? '')).toEqual(['event', ...live])
  const drawn = lines.slice(head + 2, head + 2 + commandEvents.length).map(cells)
  const coded = commandEvents.map((event) => [
    event,
    ...live.map((state) => transitions[state][event].replace('ignored', '')),
  ])
  expect(drawn).toEqual(coded)
})

test('the page explains every state and every event', () => {
  for (const state of commandStates) expect(page).toContain(`\`${state}\``)
  const explained = page.slice(page.indexOf('What the events are'))
  for (const event of commandEvents.filter((name) => !name.startsWith('result'))) {
    expect(explained).toContain(`\`${event}\``)
  }
})
