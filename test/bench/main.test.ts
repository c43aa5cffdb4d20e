/** `npm run bench` tells what each bench asks and takes, and what is wrong with what was typed. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { root, runProgramFile } from '../support/house.ts'

const benches = readdirSync(join(root, 'bench'))
  .filter((file) => file.endsWith('.ts') && file !== 'main.ts')
  .map((file) => file.slice(0, -'.ts'.length))

async function run(...words: readonly string[]) {
  const program = runProgramFile('bench/main.ts', words)
  const code = await program.ended
  return { code, text: program.lines.join('\n'), errors: program.errors() }
}

test('all benches are listed with their question, and in the README', async () => {
  const { code, text } = await run()
  expect(code).toBe(0)
  const readme = readFileSync(join(root, 'bench/README.md'), 'utf8')
  // Its rows: names in the first column, each once.
  const named = [...readme.matchAll(/^\| (`[a-z-]+`(?:, `[a-z-]+`)*) \|/gm)]
    .flatMap(([, names = '']) => names.split(', '))
    .map((name) => name.slice(1, -1))
  expect(named.sort()).toEqual([...benches].sort())
  for (const bench of benches) {
    expect(text).toMatch(new RegExp(`^  ${bench} +.{20,}\\?$`, 'm'))
  }
})

test.each(benches)(
  '%s says with --help what it asks and takes, and measures nothing',
  async (bench) => {
    const { code, text, errors } = await run(bench, '--help')
    expect([code, errors]).toEqual([0, ''])
    expect(text).toContain(`npm run bench -- ${bench} [options]`)
    expect(text).toMatch(/^.{20,}\?$/m)
    expect(text).toContain('--keep')
  },
  30_000,
)

test('an option that no bench has, and a bench that is not there, end with 2', async () => {
  const wrong = await run('gate', '--no-such-option')
  expect(wrong.code).toBe(2)
  expect(JSON.parse(wrong.errors)).toMatchObject({ code: 'IG_ERR_COMMAND_LINE_INVALID' })
  expect((await run('nothing')).code).toBe(2)
})

test('without the load generator a bench says what is missing and how to name it', async () => {
  vi.stubEnv('INTERGREEN_MQLOAD', '/nowhere/mqload.c')
  onTestFinished(() => void vi.unstubAllEnvs())
  const { code, text } = await run('doors', '--json')
  expect(code).toBe(0)
  const { skipped } = JSON.parse(text)
  expect(skipped).toContain('/nowhere/mqload.c')
  expect(skipped).toContain('INTERGREEN_MQLOAD')
})

test('decode tells the cost of a message that is parsed and of one that is scanned', async () => {
  const { code, text } = await run('decode', '--json', '--rounds=1', '--messages=1000')
  expect(code).toBe(0)
  const cost = expect.any(Number)
  expect(JSON.parse(text)).toMatchObject({
    queueOneLane: { parseAndValidateUs: cost, scanUs: cost },
    countTwoDetectors: { parseAndValidateUs: cost },
    machine: { commit: expect.any(String) },
  })
})
