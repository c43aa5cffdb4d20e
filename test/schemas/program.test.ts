/** How a program ends when it is told to stop before it has fully begun. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'

const module = pathToFileURL(join(import.meta.dirname, '../../schemas/program.ts')).href

/** Runs a program with this body; it may signal itself. Answers the exit code. */
async function exitCodeOf(body: string): Promise<number | null> {
  const dir = mkdtempSync(join(tmpdir(), 'intergreen-program-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const file = join(dir, 'program.ts')
  const lines = [
    `import { setTimeout as wait } from 'node:timers/promises'`,
    `import { runProgram, untilStopped } from ${JSON.stringify(module)}`,
    `const told = async (signal) => {`,
    `  process.kill(process.pid, 'SIGTERM')`,
    `  while (!signal.aborted) await wait(1)`,
    `}`,
    `const schema = { name: 'test', summary: 'test', properties: {} }`,
    `await runProgram(schema, async (_options, { signal }) => { ${body} })`,
  ]
  writeFileSync(file, lines.join('\n'))
  const child = spawn(process.execPath, [file], { stdio: 'ignore' })
  const [code] = await once(child, 'exit')
  return code as number | null
}

test('a stop that came while the last part was starting is still heard', async () => {
  const body = 'await told(signal); await untilStopped(signal); return 0'
  expect(await exitCodeOf(body)).toBe(0)
})

test('a start that is given up because of a signal has ended in order', async () => {
  expect(await exitCodeOf('await told(signal); signal.throwIfAborted(); return 3')).toBe(0)
})

test('what fails after the signal is a failure all the same', async () => {
  expect(await exitCodeOf(`await told(signal); throw new Error('disk gone')`)).toBe(1)
})
