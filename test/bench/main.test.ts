/** `npm run bench` tells what each bench asks and takes, and what is wrong with what was typed. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
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
  for (const bench of benches) {
    expect(text).toMatch(new RegExp(`^  ${bench} +.{20,}\\?$`, 'm'))
    expect(readme).toContain(`\`${bench}\``)
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
