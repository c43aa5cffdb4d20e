/** `npm run pki` as a user types it. */
import { execFile } from 'node:child_process'
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { pkiProgram, runPki } from '../../../broker/pki/command.ts'
import { readCommandLine } from '../../../schemas/command-line.ts'
import { makeDir } from '../house.ts'

const main = join(import.meta.dirname, '../../../broker/pki/main.ts')

async function pki(argv: string[]): Promise<string[]> {
  const line = readCommandLine(pkiProgram, argv, {})
  if (line.kind === 'help') return [line.text]
  const lines: string[] = []
  await runPki(line.options as never, line.positionals, (text) => lines.push(text))
  return lines
}

test('init, issue, renew, revoke and list do what they say', async () => {
  const dir = join(makeDir(), 'pki')
  const at = ['--pki-dir', dir]
  await pki(['init', '--authority-name', 'City', '--dns', 'gw.example', ...at])
  const names = join(makeDir(), 'names')
  writeFileSync(names, '# detectors\nnorth/det-1\n\nnorth/det-2\n')
  expect(await pki(['issue', 'device', 'north/tlc-1', '--names-file', names, ...at])).toHaveLength(
    3,
  )
  await pki(['issue', 'priority', 'transit/buses', ...at])
  await pki(['issue', 'emergency', 'rescue', ...at])
  await pki(['renew', 'north/tlc-1', '--valid-days', '30', ...at])
  const [revoked] = await pki(['revoke', 'north/tlc-1', '--json', ...at])
  expect(JSON.parse(revoked!)).toMatchObject({ event: 'revoked', certificates: 2 })
  const listed = (await pki(['list', '--json', ...at])).map((line) => JSON.parse(line))
  expect(listed.map(({ name, revokedAt }) => [name, revokedAt !== undefined])).toEqual([
    ['server', false],
    ['north/tlc-1', true],
    ['north/det-1', false],
    ['north/det-2', false],
    ['transit/buses', false],
    ['rescue', false],
    ['north/tlc-1', true],
  ])
  expect(existsSync(join(dir, 'issued/north_det-2.key'))).toBe(true)
})

test.each([
  [[]],
  [['frobnicate']],
  [['init', 'surplus']],
  [['issue']],
  [['issue', 'king', 'a/b']],
  [['issue', 'device']],
  [['renew']],
  [['revoke']],
])('%j is refused with what is missing', async (argv) => {
  await expect(pki([...argv, '--pki-dir', join(makeDir(), 'pki')])).rejects.toMatchObject({
    code: 'IG_ERR_PKI_USAGE',
  })
})

test('as a program it prints coded errors on stderr and ends with 2; help ends with 0', async () => {
  const run = promisify(execFile)
  const bad = await run(process.execPath, [
    main,
    'issue',
    'device',
    'a/b',
    '--pki-dir',
    makeDir(),
  ]).catch((error: { code: number; stderr: string }) => error)
  expect(bad).toMatchObject({ code: 2 })
  expect(JSON.parse(bad.stderr)).toMatchObject({ code: 'IG_ERR_PKI_MISSING' })
  const help = await run(process.execPath, [main, '--help'])
  expect(help.stdout).toContain('init | issue ROLE NAME…')
})
