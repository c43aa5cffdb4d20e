/** What is left when the process is killed, and when the end of the journal is lost. */
import { type ChildProcess, spawn } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, statSync, truncateSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { eventually } from '../../support/eventually.ts'
import { everything, makeDir, openIn } from './house.ts'

const appender = join(import.meta.dirname, 'appender.ts')

interface Appender {
  readonly child: ChildProcess
  /** All it has said so far. */
  output(): string
  errors(): string
  acknowledged(): number[]
}

function startAppender(dir: string): Appender {
  const child = spawn(process.execPath, [appender, dir], { stdio: ['pipe', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  let errors = ''
  child.stdout?.on('data', (chunk) => (output += chunk))
  child.stderr?.on('data', (chunk) => (errors += chunk))
  return {
    child,
    output: () => output,
    errors: () => errors,
    // The last line may be cut; what has no line end was not said.
    acknowledged: () => output.split('\n').slice(1, -1).map(Number),
  }
}

function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode)
  return new Promise((resolve) => child.on('close', resolve))
}

const killings = 6

test(`of what was acknowledged nothing is lost when the process is killed ${killings} times`, async () => {
  const dir = makeDir()
  const acknowledged = new Set<number>()
  for (let round = 0; round < killings; round++) {
    const { child, acknowledged: sofar } = startAppender(dir)
    const wanted = 1 + round * 400 // Another moment in the life of journal and database each time.
    await eventually(() => expect(sofar().length).toBeGreaterThan(wanted), 20_000)
    child.kill('SIGKILL')
    await ended(child)
    for (const offset of sofar()) acknowledged.add(offset)
  }
  const ledger = await openIn(dir)
  const stored = await ledger.read(0, everything)
  expect(stored.map((record) => record.offset)).toEqual(stored.map((_, i) => i))
  for (const record of stored) expect(record.message.value).toMatchObject({ n: record.offset })
  const lost = [...acknowledged].filter((offset) => offset >= stored.length)
  expect(acknowledged.size).toBeGreaterThan(killings)
  expect(lost).toEqual([])
}, 120_000)

test('a second process is told who owns the directory; a killed owner owns it no more', async () => {
  const dir = makeDir()
  const first = startAppender(dir)
  await eventually(() => expect(first.output()).toContain('ready'))
  const second = startAppender(dir)
  expect(await ended(second.child)).toBe(2)
  expect(second.errors()).toContain('IG_ERR_LEDGER_LOCKED')
  expect(second.errors()).toContain(String(first.child.pid))
  await expect(openIn(dir)).rejects.toMatchObject({ code: 'IG_ERR_LEDGER_LOCKED' })
  first.child.kill('SIGKILL')
  await ended(first.child)
  await openIn(dir)
}, 60_000)

test('a journal that lost its end, wherever it was cut, leaves a ledger without a hole', async () => {
  const dir = makeDir()
  const { child, acknowledged } = startAppender(dir)
  await eventually(() => expect(acknowledged().length).toBeGreaterThan(200))
  child.kill('SIGKILL')
  await ended(child)
  const journal = join(dir, 'ledger.db-wal')
  expect(existsSync(journal)).toBe(true)
  const whole = statSync(journal).size
  let longest = 0
  for (const share of [0, 0.001, 0.1, 0.33, 0.5, 0.77, 0.9, 0.999, 1]) {
    const copy = join(makeDir(), 'copy')
    mkdirSync(copy)
    copyFileSync(join(dir, 'ledger.db'), join(copy, 'ledger.db'))
    copyFileSync(journal, join(copy, 'ledger.db-wal'))
    truncateSync(join(copy, 'ledger.db-wal'), Math.floor(whole * share))
    const ledger = await openIn(copy)
    const stored = await ledger.read(0, everything)
    expect(stored.map((record) => record.offset)).toEqual(stored.map((_, i) => i))
    expect(ledger.nextOffset).toBe(stored.length)
    expect(stored.length).toBeGreaterThanOrEqual(longest)
    longest = stored.length
    await ledger.close()
  }
  expect(longest).toBeGreaterThanOrEqual(acknowledged().length)
}, 60_000)
